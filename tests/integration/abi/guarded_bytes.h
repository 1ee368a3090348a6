// GuardedBytes: memory that ends where a page begins which nobody may touch.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <new>
#include <span>

namespace viaduct::test {

/// A byte read or written behind it ends the program. Up to 4096 bytes.
class GuardedBytes {
  public:
    explicit GuardedBytes(size_t size, std::byte fill = std::byte{0}) : size_(size) {
        void* mapped =
            ::mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mapped == MAP_FAILED || size > kPage) throw std::bad_alloc();
        page_ = static_cast<std::byte*>(mapped);
        EXPECT_EQ(::mprotect(page_ + kPage, kPage, PROT_NONE), 0);
        std::fill_n(page_, kPage, kBefore);
        std::ranges::fill(bytes(), fill);
    }
    ~GuardedBytes() {
        EXPECT_TRUE(std::all_of(page_, data(), [](std::byte b) { return b == kBefore; }))
            << "something was written in front of it";
        ::munmap(page_, 2 * kPage);
    }
    GuardedBytes(const GuardedBytes&) = delete;
    GuardedBytes& operator=(const GuardedBytes&) = delete;

    std::byte* data() const { return page_ + kPage - size_; }
    std::span<std::byte> bytes() const { return {data(), size_}; }

  private:
    static constexpr size_t kPage = 4096;
    static constexpr std::byte kBefore{0x3c};

    size_t size_;
    std::byte* page_ = nullptr;
};

}  // namespace viaduct::test
