// Building the requests of a driver's commands.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "wire/ccmd.h"

namespace viaduct::guest {

template <typename T>
std::span<std::byte> as_bytes(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return std::as_writable_bytes(std::span<T, 1>(&value, 1));
}

/// A host's result as a kernel returns it, whichever sign the driver's protocol gives errnos. -EIO
/// for a number that is not an errno.
constexpr int error_of(int32_t ret) {
    constexpr int32_t kLastErrno = 4095;  // include/linux/err.h: MAX_ERRNO
    if (ret < -kLastErrno || ret > kLastErrno) return -EIO;
    return ret > 0 ? -ret : ret;
}

/// A zeroed request with its number, which `Command` of the driver's wire header lists, and its
/// length.
template <typename Request, typename Command>
Request make_request(Command command) {
    static_assert(sizeof(Request) % sizeof(uint32_t) == 0);
    Request request{};
    request.hdr.cmd = static_cast<uint32_t>(command);
    request.hdr.len = sizeof(Request);
    return request;
}

/// A request with a payload of varying size behind its fixed part.
class LongRequest {
  public:
    template <typename Head>
    explicit LongRequest(const Head& head) {
        append(head);
    }

    template <typename T>
    void append(const T& value) {
        append_bytes(&value, sizeof(T));
    }
    void append_bytes(const void* from, size_t size) {
        const auto* bytes = static_cast<const std::byte*>(from);
        bytes_.insert(bytes_.end(), bytes, bytes + size);
    }
    size_t size() const { return bytes_.size(); }
    /// The fixed part, to be filled in once the rest is known.
    template <typename Head>
    void replace_head(const Head& head) {
        std::memcpy(bytes_.data(), &head, sizeof(Head));
    }
    /// The whole request, its length filled in.
    std::span<std::byte> finish() {
        const auto length = static_cast<uint32_t>(bytes_.size());
        std::memcpy(bytes_.data() + offsetof(wire::RequestHeader, len), &length, sizeof(length));
        return bytes_;
    }

  private:
    std::vector<std::byte> bytes_;
};

}  // namespace viaduct::guest
