#include "drm-context/context/command_loop.h"

#include <cstring>

namespace viaduct {

Status CommandLoop::run(std::span<const std::byte> buffer, Seqno seqno) {
    Status first;
    account::ContextCounters& counters = context_.account().counters();
    counters.bytes.fetch_add(buffer.size(), std::memory_order_relaxed);
    const auto note = [&](Status status) {
        if (status) return;
        counters.errors.fetch_add(1, std::memory_order_relaxed);
        if (first) first = std::move(status);
    };
    FramedRequest request;
    const wire::RequestHeader& header = request.header;
    while (!buffer.empty() && abandoned_.load(std::memory_order_relaxed) == 0) {
        if (!take_request(buffer, request)) {
            note(check_framing(buffer));
            break;
        }
        const CommandEntry* entry = context_.traits().find(header.cmd);
        count(header.cmd, entry);
        if (!is_aligned(header, entry)) {
            context_.control().publish_seqno(header.seqno);
            note(fail(EINVAL, "command {}: length {} or response offset {:#x} is not aligned",
                      header.cmd, header.len, header.rsp_off));
            break;
        }
        if (entry)
            note(run_request(*entry, Request(request.bytes, response_)));
        else
            note(fail(EINVAL, "unknown command {}", header.cmd));
        // A guest that does not wait for the object asks for the blob at once: that is answered.
        if (response_.empty()) (void)context_.objects().take_newest();
        between_();
        if (seqno == Seqno::kPublish) context_.control().publish_seqno(header.seqno);
    }
    return first;
}

void CommandLoop::publish(std::span<const std::byte> buffer) {
    FramedRequest request;
    while (take_request(buffer, request)) context_.control().publish_seqno(request.header.seqno);
}

void CommandLoop::count(uint32_t cmd, const CommandEntry* entry) {
    account::ContextCounters& counters = context_.account().counters();
    const bool has_place = entry && cmd < counters.commands.size();
    (has_place ? counters.commands[cmd] : counters.unknown_commands)
        .fetch_add(1, std::memory_order_relaxed);
}

bool CommandLoop::is_aligned(const wire::RequestHeader& header, const CommandEntry* entry) const {
    const uint32_t alignment = context_.traits().alignment;
    const uint32_t for_length = entry && entry->alignment ? entry->alignment : alignment;
    return header.len % for_length == 0 && header.rsp_off % alignment == 0;
}

Status CommandLoop::run_request(const CommandEntry& entry, Request request) {
    if (Status status = prepare_response(entry, request); !status) {
        // A refused submission consumes its in-fence too.
        if (entry.role == Role::kSubmit) (void)context_.in_fence().take();
        return status;
    }
    const Status status = entry.run(context_, request);
    if (!response_.empty()) answer(entry, request.header(), status);
    if (!status) return fail(status.error().code, "{}: {}", entry.name, status.error().message);
    return status;
}

Status CommandLoop::prepare_response(const CommandEntry& entry, const Request& request) {
    const ResponseLayout& layout = entry.response;
    response_.clear();
    const uint64_t size = layout.measure ? layout.measure(request) : layout.size;
    if (size == 0) return {};
    const ControlBuffer& control = context_.control();
    const bool reasonable = !layout.largest || size <= layout.largest(request);
    if (!control.exists())
        return fail(EINVAL, "{} has a response, but there is no control buffer yet", entry.name);
    const uint32_t rsp_off = request.header().rsp_off;
    if (!reasonable || !control.fits(rsp_off, size)) {
        // A response of variable size may still have room for its error.
        if (!layout.measure || !control.fits(rsp_off, layout.size))
            return fail(
                EINVAL,
                "{}: a response of {} bytes at {:#x} is outside the control buffer's {} bytes",
                entry.name, size, rsp_off, control.area_size());
        response_.assign(layout.size, std::byte{0});
        Status status =
            fail(EINVAL, "{}: a response of {} bytes exceeds the space for it", entry.name, size);
        answer(entry, request.header(), status);
        return status;
    }
    response_.assign(static_cast<size_t>(size), std::byte{0});
    return {};
}

void CommandLoop::answer(const CommandEntry& entry, const wire::RequestHeader& header,
                         const Status& status) {
    if (!status) {
        const ResultField& result = entry.response.result;
        std::memset(response_.data(), 0, response_.size());
        const int32_t ret = result.value(status.error().code);
        if (result.offset != 0 && response_.size() >= result.offset + sizeof(ret))
            std::memcpy(response_.data() + result.offset, &ret, sizeof(ret));
    }
    context_.control().write_response(header.rsp_off, response_);
}

}  // namespace viaduct
