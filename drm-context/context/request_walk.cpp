#include "drm-context/context/request_walk.h"

#include <cstring>

#include "drm-context/context/request.h"

namespace viaduct {

namespace {

/// Calls `visit(request)` for each well-framed request until it returns false.
template <typename Visit>
void walk(std::span<const std::byte> buffer, Visit visit) {
    while (buffer.size() >= sizeof(wire::RequestHeader)) {
        const auto header = element<wire::RequestHeader>(buffer, 0);
        if (header.len < sizeof(header) || header.len > buffer.size()) return;
        if (!visit(buffer.first(header.len))) return;
        buffer = buffer.subspan(header.len);
    }
}

uint32_t command_of(std::span<const std::byte> request) {
    return element<wire::RequestHeader>(request, 0).cmd;
}

}  // namespace

size_t up_to_submission(std::span<const std::byte> buffer, const DriverTraits& traits) {
    size_t bytes = 0;
    bool found = false;
    walk(buffer, [&](std::span<const std::byte> request) {
        bytes += request.size();
        found = command_of(request) == traits.submit_command;
        return !found;
    });
    return found ? bytes : buffer.size();
}

GuestSubmission first_submission(std::span<const std::byte> buffer, const DriverTraits& traits) {
    GuestSubmission found;
    walk(buffer, [&](std::span<const std::byte> request) {
        if (command_of(request) != traits.submit_command) return true;
        found.bytes = static_cast<uint32_t>(request.size());
        if (traits.submit_ring_offset + sizeof(found.ring) <= request.size())
            std::memcpy(&found.ring, request.data() + traits.submit_ring_offset,
                        sizeof(found.ring));
        return false;
    });
    return found;
}

bool only_creates(std::span<const std::byte> buffer, const DriverTraits& traits) {
    size_t bytes = 0;
    walk(buffer, [&](std::span<const std::byte> request) {
        if (command_of(request) != traits.create_command) return false;
        bytes += request.size();
        return true;
    });
    return !buffer.empty() && bytes == buffer.size();
}

}  // namespace viaduct
