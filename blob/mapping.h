// Mapping: owns one mmap() region.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/result.h"

namespace viaduct {

/// Movable owner of a mapped region; unmaps it when it goes.
class Mapping {
  public:
    Mapping() = default;
    /// Takes ownership of `size` bytes mapped at `address`.
    Mapping(void* address, size_t size) : address_(address), size_(size) {}
    Mapping(Mapping&& other) noexcept
        : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Mapping& operator=(Mapping&& other) noexcept {
        if (this != &other) {
            reset();
            address_ = std::exchange(other.address_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() { reset(); }

    /// Maps `size` bytes of `fd` from `offset`, shared, read/write, anywhere.
    static Result<Mapping> map_shared(int fd, uint64_t offset, size_t size);

    /// The first `size` bytes of `fd`, which others may write, to be read only.
    static Result<Mapping> map_read_only(int fd, size_t size);

    bool valid() const { return address_ != nullptr; }
    std::byte* data() const { return static_cast<std::byte*>(address_); }
    size_t size() const { return size_; }
    std::span<std::byte> bytes() const { return {data(), size_}; }
    void reset() {
        if (address_) ::munmap(address_, size_);
        address_ = nullptr;
        size_ = 0;
    }

  private:
    static Result<Mapping> map(int fd, uint64_t offset, size_t size, int protection);

    void* address_ = nullptr;
    size_t size_ = 0;
};

/// Maps `size` bytes of `fd` from `offset` over whatever is at `address` (MAP_FIXED, shared,
/// read/write). The mapping belongs to the caller, who also guarantees that
/// [address, address + size) may be replaced. `address` must be page-aligned.
Status map_fixed(int fd, uint64_t offset, size_t size, void* address);

/// `size` rounded up to whole pages; 0 if that overflows.
uint64_t round_up_to_page(uint64_t size);

}  // namespace viaduct
