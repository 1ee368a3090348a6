// Building the requests of wire/xe.h.
#pragma once

#include <span>
#include <type_traits>

#include "wire/xe.h"

namespace viaduct::guest::xe {

namespace wire = viaduct::wire::xe;

template <typename T>
std::span<std::byte> as_bytes(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_writable_bytes(std::span<T, 1>(&value, 1));
}

/// A zeroed request with its number and length.
template <typename Request>
Request make_request(wire::Command command) {
    static_assert(sizeof(Request) % wire::kAlignment == 0);
    Request request{};
    request.hdr.cmd = static_cast<uint32_t>(command);
    request.hdr.len = sizeof(Request);
    return request;
}

/// Results are positive errnos on the wire, negative ones here.
constexpr int error_of(int32_t ret) {
    return ret > 0 ? -ret : ret;
}

}  // namespace viaduct::guest::xe
