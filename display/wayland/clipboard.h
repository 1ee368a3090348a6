// Clipboard: the compositor's selection, as text.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "display/wayland/globals.h"
#include "display/wayland/protocol.h"
#include "display/wayland/watches.h"

namespace viaduct::wayland {

/// text/plain;charset=utf-8 and no other kind. A compositor tells a window the selection while it
/// has the keyboard, and lets it set one with the serial of an input event. Other clients may stop
/// reading or writing at any time: no transfer is waited for, and each has a limit. Not
/// thread-safe. An object of the connection, which has to outlive it.
class Clipboard {
  public:
    static constexpr char kText[] = "text/plain;charset=utf-8";
    /// Longer texts are not taken from other clients.
    static constexpr size_t kMostBytes = size_t{1} << 20;
    /// Until another client has written, or read, a text.
    static constexpr int64_t kPatience = 5'000'000'000;

    /// Another program's selection: its text, or nothing if it is something else, or gone. Must not
    /// destroy the clipboard.
    using Offered = std::function<void(std::optional<std::string> text)>;

    /// `globals` (which have `seat` and `data_devices`) and `watches` are borrowed. Without
    /// `offered` no text of other clients is read.
    Clipboard(const Globals& globals, Watches& watches, Offered offered);
    ~Clipboard();
    Clipboard(const Clipboard&) = delete;
    Clipboard& operator=(const Clipboard&) = delete;

    /// Makes a text the selection.
    void set(std::string text, uint32_t serial);
    /// Ends our own selection, if there is one.
    void clear();
    /// Ends transfers that have taken too long; in ns of one monotonic clock.
    void expire(int64_t now);
    /// When expire() is to be called; INT64_MAX: never.
    int64_t deadline() const;

  private:
    friend struct ClipboardEvents;
    struct Offer {
        DataOffer handle;
        std::string marker;
        bool has_text = false;
        bool ours = false;  // of a clipboard of this process
    };
    /// A text that comes from, or goes to, another client.
    struct Transfer {
        UniqueFd pipe;
        Watches::Id watch = 0;
        std::shared_ptr<const std::string> text;  // that goes
        std::string received;
        size_t sent = 0;
        int64_t until = 0;  // 0: not looked at by expire() yet
    };
    // More than one client seldom reads at once.
    static constexpr size_t kMostSending = 8;

    void selection(wl_data_offer* offer);
    void receive();
    void read();
    void stop_reading();
    void end_reading(std::optional<std::string> text);
    void send(UniqueFd pipe);
    void write(std::list<Transfer>::iterator transfer);
    void end_sending(std::list<Transfer>::iterator transfer);

    const Globals& globals_;
    Watches& watches_;
    const Offered offered_;
    const std::string marker_;  // a type that tells our selections, of any window, from others
    DataDevice device_;
    std::unique_ptr<Offer> introduced_;  // what it is for comes next
    std::unique_ptr<Offer> dragged_;
    std::unique_ptr<Offer> current_;
    DataSource source_;
    std::shared_ptr<const std::string> text_;  // of source_
    std::optional<Transfer> reading_;
    std::list<Transfer> sending_;
};

/// Whether bytes are well-formed UTF-8 without NUL.
bool is_text(std::string_view bytes);

}  // namespace viaduct::wayland
