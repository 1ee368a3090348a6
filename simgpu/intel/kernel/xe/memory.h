// Memory in xe's terms: its record of a buffer, its caching table, and its addresses.
#pragma once

#include <cstdint>

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
inline constexpr uint32_t kSystemRegion = 0;  // the instance, and its bit in a placement

/// xe's record of a buffer, beside its bytes.
struct BoRecord {
    uint16_t cpu_caching = 0;  // uapi::xe::kCaching*; 0: of another device
    uint64_t vm_serial = 0;    // private to this VM (Vm::serial()); 0: to none
};
inline BoRecord record_of(const Buffer& buffer) {
    return buffer.record().as<BoRecord>();
}

/// The PAT indices of chips before Xe_LPG: WB, WC, WT, UC (xe_pat.c: xelp_pat_table). Only the
/// first is coherent.
inline constexpr uint16_t kPatEntries = 4;
inline constexpr bool is_coherent(uint16_t pat_index) {
    return pat_index == 0;
}

/// Addresses of a VM; with VM_CREATE's scratch page, or faults outside mappings.
constexpr memory::AddressLayout address_layout(bool scratch) {
    memory::AddressLayout layout = kPpgttLayout;
    layout.scratch = scratch;
    return layout;
}

}  // namespace simgpu::intel::xe
