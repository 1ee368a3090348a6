#include "drm-context/context/requests.h"

#include <cstring>

namespace viaduct {

namespace {

/// Missing bytes of the field read as zero, as in Request::as().
uint32_t read(const RingField& field, std::span<const std::byte> request) {
    uint32_t value = 0;
    if (request.size() >= field.offset + sizeof(value))
        std::memcpy(&value, request.data() + field.offset, sizeof(value));
    else if (request.size() > field.offset)
        std::memcpy(&value, request.data() + field.offset, request.size() - field.offset);
    return (value & field.mask) + field.base;
}

}  // namespace

Status check_framing(std::span<const std::byte> rest) {
    if (rest.empty()) return {};
    if (rest.size() < sizeof(wire::RequestHeader))
        return fail(EINVAL, "{} trailing bytes are too short for a request header", rest.size());
    const auto header = element<wire::RequestHeader>(rest, 0);
    return fail(EINVAL,
                "command {}: length {} is shorter than a header or exceeds the {} bytes left",
                header.cmd, header.len, rest.size());
}

BufferPart first_part(std::span<const std::byte> buffer, const DriverTraits& traits) {
    auto rest = buffer;
    FramedRequest request;
    std::optional<uint32_t> seqno;
    while (take_request(rest, request)) {
        seqno = request.header.seqno;
        const CommandEntry* entry = traits.find(request.header.cmd);
        if (!entry || entry->role != Role::kSubmit) continue;
        return {buffer.size() - rest.size(),
                seqno,
                {request.header.len, read(entry->ring, request.bytes), entry->ring.names}};
    }
    return {buffer.size(), seqno, {}};
}

uint64_t creation_response_size(const Request& request) {
    return request.header().rsp_off == 0 ? 0 : sizeof(wire::CreationResponse);
}

uint64_t largest_creation_response(const Request&) {
    return sizeof(wire::CreationResponse);
}

bool only_creates(std::span<const std::byte> buffer, const DriverTraits& traits) {
    const bool any = !buffer.empty();
    FramedRequest request;
    while (take_request(buffer, request)) {
        const CommandEntry* entry = traits.find(request.header.cmd);
        if (!entry || entry->role != Role::kCreate) return false;
    }
    return any && buffer.empty();
}

}  // namespace viaduct
