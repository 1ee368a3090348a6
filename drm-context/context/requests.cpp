#include "drm-context/context/requests.h"

#include <algorithm>
#include <cstring>

namespace viaduct {

namespace {

/// What is missing of the field reads as zero, as in Request::as().
uint32_t read(const RingField& field, std::span<const std::byte> request) {
    uint32_t value = 0;
    if (field.offset < request.size())
        std::memcpy(&value, request.data() + field.offset,
                    std::min(sizeof(value), request.size() - field.offset));
    return (value & field.mask) + field.base;
}

}  // namespace

Status check_framing(std::span<const std::byte> rest) {
    if (rest.empty()) return {};
    if (rest.size() < sizeof(wire::RequestHeader))
        return fail(EINVAL, "{} trailing bytes are too short for a request header", rest.size());
    const auto header = element<wire::RequestHeader>(rest, 0);
    return fail(EINVAL, "command {}: length {} is below a header's or exceeds the {} bytes left",
                header.cmd, header.len, rest.size());
}

BufferPart first_part(std::span<const std::byte> buffer, const DriverTraits& traits) {
    auto rest = buffer;
    while (const auto request = take_request(rest)) {
        const CommandEntry* entry = traits.find(request->header.cmd);
        if (!entry || entry->role != Role::kSubmit) continue;
        const RingField& ring = entry->ring;
        return {buffer.size() - rest.size(),
                GuestSubmission{ring.names, read(ring, request->bytes), request->header.len}};
    }
    return {buffer.size(), std::nullopt};
}

bool only_creates(std::span<const std::byte> buffer, const DriverTraits& traits) {
    const bool any = !buffer.empty();
    while (const auto request = take_request(buffer)) {
        const CommandEntry* entry = traits.find(request->header.cmd);
        if (!entry || entry->role != Role::kCreate) return false;
    }
    return any && buffer.empty();
}

}  // namespace viaduct
