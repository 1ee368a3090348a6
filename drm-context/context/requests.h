// A guest's buffer of requests, looked at without executing any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "drm-context/context/request.h"
#include "drm-context/driver/traits.h"

namespace viaduct {

struct FramedRequest {
    wire::RequestHeader header;
    std::span<const std::byte> bytes;  // header.len, the header included
};

/// Takes the first request off `buffer`: the one walk that all readers of a buffer share. Nothing
/// at its end, and where the framing is broken (check_framing).
inline std::optional<FramedRequest> take_request(std::span<const std::byte>& buffer) {
    if (buffer.size() < sizeof(wire::RequestHeader)) return std::nullopt;
    const auto header = element<wire::RequestHeader>(buffer, 0);
    if (header.len < sizeof(header) || header.len > buffer.size()) return std::nullopt;
    const FramedRequest request{header, buffer.first(header.len)};
    buffer = buffer.subspan(header.len);
    return request;
}

/// Why take_request() left `rest`: success if that is nothing, else EINVAL.
Status check_framing(std::span<const std::byte> rest);

/// A request of Role::kSubmit.
struct GuestSubmission {
    RingField::Names names = RingField::Names::kRing;
    uint32_t named = 0;  // the ring or the queue: any value
    uint32_t bytes = 0;  // of the request
};

/// The front of a buffer with one submission at most, as its last request.
struct BufferPart {
    size_t bytes = 0;
    std::optional<GuestSubmission> submission;
};
/// Up to the first submission in `buffer`; all of it if there is none, or where the framing is
/// broken before.
BufferPart first_part(std::span<const std::byte> buffer, const DriverTraits& traits);

/// True if `buffer` does nothing but create objects: no other command's effect matters to it.
bool only_creates(std::span<const std::byte> buffer, const DriverTraits& traits);

}  // namespace viaduct
