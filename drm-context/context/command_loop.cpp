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
    while (!buffer.empty() && abandoned_.load(std::memory_order_relaxed) == 0) {
        if (buffer.size() < sizeof(wire::RequestHeader)) {
            note(fail(EINVAL, "{} bytes left over are no request", buffer.size()));
            break;
        }
        const auto header = element<wire::RequestHeader>(buffer, 0);
        if (header.len < sizeof(wire::RequestHeader) || header.len > buffer.size()) {
            note(fail(EINVAL, "command {} says it has {} bytes, {} are there", header.cmd,
                      header.len, buffer.size()));
            break;
        }
        const CommandEntry* entry = find(header.cmd);
        count(header.cmd, entry);
        if (!is_aligned(header, entry)) {
            context_.control().publish_seqno(header.seqno);
            note(fail(EINVAL, "command {}: length {} or response offset {:#x} is not aligned",
                      header.cmd, header.len, header.rsp_off));
            break;
        }
        if (entry)
            note(run_request(*entry, Request(buffer.first(header.len), response_)));
        else
            note(fail(EINVAL, "there is no command {}", header.cmd));
        if (seqno == Seqno::kPublish) context_.control().publish_seqno(header.seqno);
        buffer = buffer.subspan(header.len);
        between_();
    }
    return first;
}

void CommandLoop::publish(std::span<const std::byte> buffer) {
    while (buffer.size() >= sizeof(wire::RequestHeader)) {
        const auto header = element<wire::RequestHeader>(buffer, 0);
        if (header.len < sizeof(header) || header.len > buffer.size()) return;
        context_.control().publish_seqno(header.seqno);
        buffer = buffer.subspan(header.len);
    }
}

void CommandLoop::count(uint32_t cmd, const CommandEntry* entry) {
    account::ContextCounters& counters = context_.account().counters();
    const bool has_place = entry && cmd < counters.commands.size();
    (has_place ? counters.commands[cmd] : counters.unknown_commands)
        .fetch_add(1, std::memory_order_relaxed);
}

const CommandEntry* CommandLoop::find(uint32_t cmd) const {
    const auto commands = context_.traits().commands;
    return cmd < commands.size() && commands[cmd].run ? &commands[cmd] : nullptr;
}

bool CommandLoop::is_aligned(const wire::RequestHeader& header, const CommandEntry* entry) const {
    const uint32_t alignment = context_.traits().alignment;
    const uint32_t for_length = entry && entry->alignment ? entry->alignment : alignment;
    return header.len % for_length == 0 && header.rsp_off % alignment == 0;
}

Status CommandLoop::run_request(const CommandEntry& entry, Request request) {
    if (Status status = prepare_response(entry, request); !status) return status;
    const Status status = entry.run(context_, request);
    if (!response_.empty()) answer(request.header(), status);
    if (!status) return fail(status.error().code, "{}: {}", entry.name, status.error().message);
    return status;
}

Status CommandLoop::prepare_response(const CommandEntry& entry, const Request& request) {
    response_.clear();
    const uint64_t size = entry.measure ? entry.measure(request) : entry.response_size;
    if (size == 0) return {};
    const ControlBuffer& control = context_.control();
    const bool reasonable = !entry.largest || size <= entry.largest(request);
    if (!control.exists())
        return fail(EINVAL, "{} has a response, but there is no control buffer yet", entry.name);
    const uint32_t rsp_off = request.header().rsp_off;
    if (!reasonable || !control.fits(rsp_off, size)) {
        // A response of variable size may still have room for its error.
        if (!entry.measure || !control.fits(rsp_off, entry.response_size))
            return fail(EINVAL,
                        "{}: a response of {} bytes at {:#x} is outside the {} bytes there are",
                        entry.name, size, rsp_off, control.area_size());
        response_.assign(entry.response_size, std::byte{0});
        Status status = fail(EINVAL, "{}: a response of {} bytes is larger than the room for it",
                             entry.name, size);
        answer(request.header(), status);
        return status;
    }
    response_.assign(static_cast<size_t>(size), std::byte{0});
    return {};
}

void CommandLoop::answer(const wire::RequestHeader& header, const Status& status) {
    const uint32_t ret_offset = context_.traits().ret_offset;
    if (!status) {
        std::memset(response_.data(), 0, response_.size());
        const int32_t ret = -status.error().code;
        if (ret_offset != 0 && response_.size() >= ret_offset + sizeof(ret))
            std::memcpy(response_.data() + ret_offset, &ret, sizeof(ret));
    }
    context_.control().write_response(header.rsp_off, response_);
}

}  // namespace viaduct
