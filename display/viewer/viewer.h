// Viewer: all heads of a VM, each in a window.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "display/viewer/head.h"
#include "display/viewer/qmp.h"
#include "display/viewer/session.h"

namespace viaduct::viewer {

/// Single-threaded; driven by the caller's loop, or by run().
class Viewer : public SessionHost {
  public:
    struct Options {
        /// Makes the connection to QEMU; called again when QEMU has gone, if `reconnect`.
        std::function<Result<Connecting>(wayland::Watches&)> connect_bus;
        bool has_daemon = false;
        bool reconnect = false;
        std::optional<uint32_t> only;  // of the consoles' ids
        ClipboardUse clipboard;
        Head::Options head;
        /// Called with a line for each head that has one, once a second.
        std::function<void(const std::string&)> stats;
    };
    /// Until QEMU is looked for again.
    static constexpr int64_t kRetry = 1'000'000'000;

    explicit Viewer(Options options);
    ~Viewer() override;
    Viewer(const Viewer&) = delete;
    Viewer& operator=(const Viewer&) = delete;

    /// Readable when turn() has something to do.
    int fd() const { return watches_.fd(); }
    /// Handles what has come and is due. False: it is over; see outcome().
    bool turn();
    /// When turn() is to be called though nothing has come, in ns of the clock; INT64_MAX: never.
    int64_t deadline() const;
    /// An error: why it is over, if that is not that all windows were closed.
    const Status& outcome() const { return outcome_; }
    /// Waits for descriptors and deadlines until it is over, or `stop` (borrowed) is readable.
    Status run(int stop);

    const std::map<uint32_t, std::unique_ptr<Head>>& heads() const { return heads_; }

  private:
    ConsoleUser* user_of(uint32_t console, const ConsoleInfo& info, const std::string& vm) override;
    void consoles_known(size_t wanted) override;
    void guest_copied(std::optional<std::string> text) override;
    void start_session();
    Result<std::unique_ptr<Bus>> reach_bus();
    bool end(Status outcome);
    void close_heads();
    void print_stats(int64_t now);

    const Options options_;
    wayland::Watches watches_;
    std::map<uint32_t, std::unique_ptr<Head>> heads_;
    std::set<uint32_t> closed_;  // consoles whose windows the user has closed
    std::optional<Connecting> connecting_;
    std::unique_ptr<Session> session_;
    bool told_ = false;  // that QEMU is waited for
    int64_t retry_at_ = 0;
    int64_t stats_at_ = INT64_MAX;
    bool over_ = false;
    Status outcome_;
    std::optional<Error> failed_;  // to open a window
};

}  // namespace viaduct::viewer
