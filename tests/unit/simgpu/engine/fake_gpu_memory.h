// A GPU address space of separate heap blocks, so that a sanitizer sees every step past one.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>

#include "simgpu/engine/gpu_memory.h"

namespace simgpu {

enum class Mode { kReadWrite, kReadOnly };

class FakeGpuMemory : public GpuMemory {
  public:
    /// Maps `size` zero bytes at `va`.
    void map(uint64_t va, uint64_t size, Mode mode = Mode::kReadWrite) {
        blocks_[va] = Block{std::make_unique<std::byte[]>(size), size, mode};
    }

    Span resolve(uint64_t va, Access access) override {
        va &= (uint64_t{1} << 48) - 1;
        auto after = blocks_.upper_bound(va);
        if (after == blocks_.begin()) return {};
        const auto& [start, block] = *std::prev(after);
        if (va - start >= block.size) return {};
        if (access == Access::kWrite && block.mode == Mode::kReadOnly) return {};
        return {block.data.get() + (va - start), block.size - (va - start)};
    }

    /// The bytes at a mapped `va`.
    uint8_t* bytes(uint64_t va) {
        return reinterpret_cast<uint8_t*>(resolve(va, Access::kRead).data);
    }

    template <typename T>
    T get(uint64_t va) {
        T value{};
        read_gpu(*this, va, &value, sizeof value, nullptr);
        return value;
    }

    template <typename T>
    void put(uint64_t va, T value) {
        std::memcpy(bytes(va), &value, sizeof value);
    }

  private:
    struct Block {
        std::unique_ptr<std::byte[]> data;
        uint64_t size = 0;
        Mode mode = Mode::kReadWrite;
    };
    std::map<uint64_t, Block> blocks_;
};

}  // namespace simgpu
