// QEMU's side of -display dbus, played for tests: the order, types and waits of QEMU 10 and 11.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace viaduct::test {

struct EndBus {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};
using PeerBus = std::unique_ptr<sd_bus, EndBus>;
using PeerSlot = std::unique_ptr<sd_bus_slot, EndBus>;

/// Arguments of Unix.ScanoutDMABUF2, as QEMU sends them.
struct Dmabuf2 {
    std::vector<int> fds;
    uint32_t x = 0, y = 0, width = 0, height = 0;
    std::vector<uint32_t> offsets, strides;
    uint32_t num_planes = 1;
    uint32_t fourcc = 0;
    uint32_t backing_width = 0, backing_height = 0;
    uint64_t modifier = 0;
    bool y0_top = false;
};

/// A listener that was registered at a console. QEMU is the server of its connection.
class QemuListener {
  public:
    explicit QemuListener(UniqueFd socket);

    void turn();
    /// The reply to GetAll has come, with the interfaces in it: QEMU sends nothing before.
    bool ready() const { return ready_; }
    std::vector<std::string> interfaces;

    void scanout_dmabuf(int fd, uint32_t width, uint32_t height, uint32_t stride, uint32_t fourcc,
                        uint64_t modifier, bool y0_top);
    void scanout_dmabuf2(const Dmabuf2& scanout);
    /// QEMU takes no command of the guest until update_replies has grown.
    void update_dmabuf(int32_t x, int32_t y, int32_t width, int32_t height);
    void scanout_map(int fd, uint32_t offset, uint32_t width, uint32_t height, uint32_t stride,
                     uint32_t pixman_format);
    void update_map(int32_t x, int32_t y, int32_t width, int32_t height);
    void scanout(uint32_t width, uint32_t height, uint32_t stride, uint32_t pixman_format,
                 const std::vector<uint8_t>& bytes);
    void update(int32_t x, int32_t y, int32_t width, int32_t height, uint32_t stride,
                uint32_t pixman_format, const std::vector<uint8_t>& bytes);
    void disable();
    void mouse_set(int32_t x, int32_t y, int32_t on);
    void cursor_define(int32_t width, int32_t height, int32_t hot_x, int32_t hot_y,
                       const std::vector<uint8_t>& bytes);

    int updates = 0;  // UpdateDMABUF
    int update_replies = 0;
    int errors = 0;  // replies that are errors
    std::string last_error;
    bool closed = false;

  private:
    static int answered(sd_bus_message* reply, void* self, sd_bus_error*);
    static int updated(sd_bus_message* reply, void* self, sd_bus_error*);
    static int got_all(sd_bus_message* reply, void* self, sd_bus_error*);
    sd_bus_message* call(const char* interface, const char* method);
    void send(sd_bus_message* message, sd_bus_message_handler_t reply);

    PeerBus bus_;
    bool ready_ = false;
};

/// One VM. Runs on the test's thread: everything happens within turn().
class QemuDisplay {
  public:
    /// `consoles`: how many heads there are, from console 0 on.
    explicit QemuDisplay(uint32_t consoles = 1);
    ~QemuDisplay();
    QemuDisplay(const QemuDisplay&) = delete;
    QemuDisplay& operator=(const QemuDisplay&) = delete;

    /// The viewer's end of a control connection, as after add_client.
    UniqueFd connect();
    void turn();
    /// QEMU quits.
    void quit();
    /// The listener that was registered last at a console; null: none.
    QemuListener* listener(uint32_t console = 0);
    void set_absolute(uint32_t console, bool absolute);

    // The clipboard, as QEMU's ui/dbus-clipboard.c shares it. The viewer's calls are in `calls`.
    void copy(uint32_t serial, const std::vector<std::string>& types, uint32_t selection = 0);
    void uncopy();
    void restart_clipboard();
    /// The guest pastes: what came is in `pasted`, or nothing if that was refused.
    void paste(const std::string& type = "text/plain;charset=utf-8");
    /// Answers the viewer's request for what was copied; until then it is under way.
    void answer_request(const std::string& type, const std::string& bytes);
    bool offers_clipboard = true;  // false: another viewer has it
    std::vector<std::string> pasted;
    int refused_pastes = 0;
    int requests = 0;  // that are under way

    std::string name = "guest";
    std::string type = "Graphic";
    /// Calls of the viewer but those for properties: "0 Press 30".
    std::vector<std::string> calls;

  private:
    void add_clipboard();
    struct Console {
        QemuDisplay* display = nullptr;
        uint32_t id = 0;
        bool absolute = true;
        std::unique_ptr<QemuListener> listener;
    };
    friend struct QemuMethods;
    friend struct QemuClipboardMethods;

    std::map<uint32_t, Console> consoles_;
    PeerBus bus_;
    std::vector<PeerSlot> slots_;
    std::vector<std::shared_ptr<sd_bus_message>> requests_;
};

}  // namespace viaduct::test
