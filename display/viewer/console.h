// Console: QEMU's side of one head, as this viewer calls it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "display/input/guest_input.h"
#include "display/viewer/bus.h"

namespace viaduct::viewer {

/// A console's properties, as QEMU describes it.
struct ConsoleInfo {
    std::string label;
    uint32_t head = 0;
    std::string type;  // "Graphic" or "Text"
    uint32_t width = 0;
    uint32_t height = 0;
};

/// Calls of /org/qemu/Display1/Console_N. None of them waits.
class Console : public input::GuestInput {
  public:
    struct Events {
        /// Once, after look().
        std::function<void(const Result<ConsoleInfo>&)> info;
        /// Its pointer became absolute or relative.
        std::function<void(bool absolute)> pointer_kind;
        /// The reply to register_listener().
        std::function<void(const Status&)> registered;
        /// SetUIInfo was answered; false: the console's size cannot be chosen.
        std::function<void(bool)> size_answered;
    };

    /// `bus` is borrowed and must outlive it; `name` is QEMU's, empty without a bus daemon.
    Console(Bus& bus, std::string name, uint32_t id, Events events);
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    uint32_t id() const { return id_; }
    /// Asks for its properties, and follows those that change.
    void look();
    /// Hands QEMU its end of a connection for pictures.
    void register_listener(UniqueFd socket);
    /// Asks the guest to have another size, in pixels. One such call at a time.
    void set_size(uint32_t width, uint32_t height);

    void key(uint32_t qemu_key, bool pressed) override;
    void button(uint32_t qemu_button, bool pressed) override;
    void pointer_at(uint32_t x, uint32_t y) override;
    void pointer_by(int32_t dx, int32_t dy) override;
    void touch(input::TouchKind kind, uint64_t slot, double x, double y) override;
    bool congested() const override { return bus_.congested(); }

  private:
    friend struct ConsoleReplies;
    template <typename... Args>
    void send(const char* interface, const char* method, const char* types, Args... args);
    void ask(const char* interface, sd_bus_message_handler_t reply);
    const char* destination() const { return name_.empty() ? nullptr : name_.c_str(); }

    Bus& bus_;
    const std::string name_;
    const uint32_t id_;
    const std::string path_;
    Events events_;
    std::vector<BusSlot> slots_;
    BusSlot size_slot_;  // of the last set_size()
};

/// Reads a{sv}: calls `value` with each name; it reads the value, or returns 0 to have it skipped.
int read_properties(sd_bus_message* message,
                    const std::function<int(const char* name, sd_bus_message*)>& value);

}  // namespace viaduct::viewer
