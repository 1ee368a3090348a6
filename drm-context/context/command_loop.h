// The command loop: walks through a guest's buffer of requests and answers each.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "drm-context/context/driver_context.h"
#include "drm-context/context/requests.h"

namespace viaduct {

/// Rules (protocol's common part): broken framing ends the buffer; any other error answers the one
/// command and goes on; the sequence number of every parseable header is published.
class CommandLoop {
  public:
    /// Once `abandoned` is set nobody wants the rest of a buffer any more. `between` is called
    /// after each command, before the guest can see that it has run; it may do anything to the
    /// context but run commands.
    CommandLoop(
        DriverContext& context, const std::atomic<uint32_t>& abandoned,
        std::function<void()> between = [] {})
        : context_(context), abandoned_(abandoned), between_(std::move(between)) {}

    /// Whether the guest hears of the commands' end at once, or when publish() is called.
    enum class Seqno { kPublish, kKeep };

    /// `buffer` must not change while this runs. The first error, if any, after all was done.
    Status run(std::span<const std::byte> buffer, Seqno seqno = Seqno::kPublish);
    /// Publishes the sequence numbers of commands that were run before.
    void publish(std::span<const std::byte> buffer);

  private:
    void count(uint32_t cmd, const CommandEntry* entry);
    bool is_aligned(const wire::RequestHeader& header, const CommandEntry* entry) const;
    Status run_request(const CommandEntry& entry, Request request);
    Status prepare_response(const CommandEntry& entry, const Request& request);
    void answer(const CommandEntry& entry, const wire::RequestHeader& header, const Status& status);

    DriverContext& context_;
    const std::atomic<uint32_t>& abandoned_;
    const std::function<void()> between_;
    std::vector<std::byte> response_;  // reused; zeroed for each command
};

}  // namespace viaduct
