// A workgroup's local data share: bounds-checked bytes. Waves of a group run on one thread.
#pragma once

#include <cstring>

#include "simgpu/amd/gfx9/memory/vmem.h"

namespace simgpu::gfx9 {

/// Where a 16-bit result goes in its register ("d16" instructions keep the other half).
enum class Into : uint8_t { kWhole, kLow, kHigh };

class Lds {
  public:
    explicit Lds(const Wave& wave) : bytes_(wave.group->lds_data()), size_(wave.group->lds_bytes) {}

    /// Out of range: reads give 0, writes are dropped.
    template <class T>
    T load(uint64_t address) const {
        T value{};
        if (address + sizeof value <= size_) std::memcpy(&value, bytes_ + address, sizeof value);
        return value;
    }
    template <class T>
    void store(uint64_t address, T value) {
        if (address + sizeof value <= size_) std::memcpy(bytes_ + address, &value, sizeof value);
    }

  private:
    std::byte* bytes_;
    uint64_t size_;
};

}  // namespace simgpu::gfx9
