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

/// Takes the first request off `buffer`: the one walk that all readers of a buffer share. False at
/// its end, and where the framing is broken (check_framing).
inline bool take_request(std::span<const std::byte>& buffer, FramedRequest& request) {
    wire::RequestHeader& header = request.header;
    if (buffer.size() < sizeof(header)) return false;
    header = element<wire::RequestHeader>(buffer, 0);
    if (header.len < sizeof(header) || header.len > buffer.size()) return false;
    request.bytes = buffer.first(header.len);
    buffer = buffer.subspan(header.len);
    return true;
}

/// Why take_request() left `rest`: EINVAL; success if that is nothing.
Status check_framing(std::span<const std::byte> rest);

/// A request of Role::kSubmit, or none.
struct GuestSubmission {
    uint32_t bytes = 0;  // of the request; 0: there is none
    uint32_t named = 0;  // the ring or the queue: any value
    RingField::Names names = RingField::Names::kRing;

    explicit operator bool() const { return bytes != 0; }
};

/// The front of a buffer with one submission at most, as its last request.
struct BufferPart {
    size_t bytes = 0;
    std::optional<uint32_t> last_seqno;  // of its requests, if there is any
    GuestSubmission submission;
};
/// Up to the first submission in `buffer`; all of it if there is none, or where the framing is
/// broken before.
BufferPart first_part(std::span<const std::byte> buffer, const DriverTraits& traits);

/// The response of every command of Role::kCreate (wire::CreationResponse): for a guest that asks
/// for one.
uint64_t creation_response_size(const Request& request);
uint64_t largest_creation_response(const Request& request);
inline constexpr ResponseLayout kCreationResponse = {sizeof(wire::CreationResponse),
                                                     {offsetof(wire::CreationResponse, ret)},
                                                     creation_response_size,
                                                     largest_creation_response};

/// True if `buffer` does nothing but create objects: no other command's effect matters to it.
bool only_creates(std::span<const std::byte> buffer, const DriverTraits& traits);

}  // namespace viaduct
