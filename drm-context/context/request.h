// One command of a guest, and the room for its answer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

#include "wire/ccmd.h"

namespace viaduct {

/// A request as the worker sees it: bytes that no guest can change any more, read through bounds
/// that were checked. Values are copied out, so alignment does not matter.
class Request {
  public:
    /// `bytes`: exactly the request's `len` bytes, at least a header. `response` is private memory.
    Request(std::span<const std::byte> bytes, std::vector<std::byte>& response)
        : bytes_(bytes), response_(response) {}

    uint32_t size() const { return static_cast<uint32_t>(bytes_.size()); }
    wire::RequestHeader header() const { return as<wire::RequestHeader>(); }

    /// The request as a T; what an older guest did not send reads as zero.
    template <typename T>
    T as() const {
        static_assert(std::is_trivially_copyable_v<T>);
        T value{};
        std::memcpy(&value, bytes_.data(), std::min(sizeof(T), bytes_.size()));
        return value;
    }

    /// `size` bytes of payload from `offset`; empty with false if they are not all there.
    bool payload(uint64_t offset, uint64_t size, std::span<const std::byte>* out) const {
        if (offset > bytes_.size() || size > bytes_.size() - offset) return false;
        *out = bytes_.subspan(static_cast<size_t>(offset), static_cast<size_t>(size));
        return true;
    }

    /// The zeroed response, of the size agreed for this command. Empty if it has none.
    std::span<std::byte> response() { return response_; }

    /// Fills the response from a T (as much of it as there is room for).
    template <typename T>
    void respond(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        std::memcpy(response_.data(), &value, std::min(sizeof(T), response_.size()));
    }

  private:
    std::span<const std::byte> bytes_;
    std::vector<std::byte>& response_;
};

/// Copies element `index` out of an array that lies unaligned in `bytes`.
template <typename T>
T element(std::span<const std::byte> bytes, size_t index) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value;
    std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
    return value;
}

}  // namespace viaduct
