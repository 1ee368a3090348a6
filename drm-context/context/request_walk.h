// Looks at a guest's buffer of requests without executing any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "drm-context/context/driver_context.h"

namespace viaduct {

/// Bytes at the front of `buffer` that hold one GPU submission at most, as their last request: all
/// of it if there is no further one, or where the framing is broken.
size_t up_to_submission(std::span<const std::byte> buffer, const DriverTraits& traits);

struct GuestSubmission {
    uint32_t ring = 0;   // that it names: any value; 0 if there is no submission
    uint32_t bytes = 0;  // of the request
};
/// The first submission in `buffer`.
GuestSubmission first_submission(std::span<const std::byte> buffer, const DriverTraits& traits);

/// True if `buffer` does nothing but create objects: no other command's effect matters to it.
bool only_creates(std::span<const std::byte> buffer, const DriverTraits& traits);

}  // namespace viaduct
