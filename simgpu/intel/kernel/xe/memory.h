// Memory in xe's terms: its record of a buffer, and its addresses.
#pragma once

#include <cstdint>

#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/kernel/ppgtt.h"
#include "simgpu/memory/address_space.h"
#include "simgpu/memory/buffer.h"
#include "simgpu/memory/reservation_lock.h"

namespace simgpu::intel::xe {

using memory::AddressSpace;
using memory::Buffer;
using memory::BufferPtr;
using memory::ReservationLock;

inline constexpr uint64_t kPage = 4096;
inline constexpr uint64_t kAddressBits = 48;
/// Of system memory, what the device may use.
inline constexpr uint64_t kSystemBytes = 4ull << 30;
// Instances of memory regions, and their bits in a placement.
inline constexpr uint32_t kSystemRegion = 0;
inline constexpr uint32_t kVramRegion = 1;  // of chips that have memory of their own
inline constexpr uint32_t region_bit(uint32_t instance) {
    return 1u << instance;
}
/// Placements that the chip has.
inline uint32_t region_mask(const ChipInfo& chip) {
    return region_bit(kSystemRegion) | (chip.vram_bytes ? region_bit(kVramRegion) : 0);
}

/// xe's record of a buffer, beside its bytes.
struct BoRecord {
    uint16_t cpu_caching = 0;  // uapi::xe::kCaching*; 0: of another device
    uint64_t vm_serial = 0;    // private to this VM (Vm::serial()); 0: to none
};
inline BoRecord record_of(const Buffer& buffer) {
    return buffer.record().as<BoRecord>();
}

/// Addresses of a VM; with VM_CREATE's scratch page, or faults outside mappings.
constexpr memory::AddressLayout address_layout(bool scratch) {
    memory::AddressLayout layout = kPpgttLayout;
    layout.scratch = scratch;
    return layout;
}

}  // namespace simgpu::intel::xe
