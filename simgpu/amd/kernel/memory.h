// Memory in amdgpu's terms: what it knows of a buffer, and the addresses of GFX9.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "simgpu/amd/kernel/uapi.h"
#include "simgpu/memory/address_space.h"
#include "simgpu/memory/buffer.h"
#include "simgpu/memory/reservation_lock.h"

namespace simgpu::amdgpu {

using drm::Reservation;
using memory::AddressSpace;
using memory::Buffer;
using memory::BufferPtr;
using memory::kGpuPage;
using memory::ReservationLock;

/// amdgpu's record of a buffer, beside its bytes.
struct GemRecord {
    uint64_t domains = 0;
    uint64_t create_flags = 0;
    uint64_t alignment = 0;
    uint64_t metadata_flags = 0;
    uint64_t tiling_info = 0;
    uint32_t metadata_size = 0;  // bytes
    std::array<uint32_t, 64> metadata{};
};
inline GemRecord record_of(const Buffer& buffer) {
    return buffer.record().as<GemRecord>();
}
/// Of user memory, and of what other devices export.
inline Buffer::Record foreign_record() {
    return Buffer::Record::of(GemRecord{.domains = AMDGPU_GEM_DOMAIN_GTT});
}

/// GFX9 addresses have 48 bits, sign-extended (Linux: AMDGPU_GMC_HOLE_MASK). amdgpu_vm.h:
/// AMDGPU_VA_RESERVED_BOTTOM, and AMDGPU_VA_RESERVED_TOP (trap handler, SEQ64, CSA).
inline constexpr memory::AddressLayout kAddressLayout{
    .lowest = 1ull << 16,
    .highest = (1ull << 48) - ((2ull << 12) + (2ull << 20) + (2ull << 20)),
    .mask = (1ull << 48) - 1,
};

/// The 48-bit form of an address; nothing for those in the hole between the halves.
constexpr std::optional<uint64_t> canonical_va(uint64_t va) {
    constexpr uint64_t kHoleStart = 0x0000800000000000;
    constexpr uint64_t kHoleEnd = 0xffff800000000000;
    if (va >= kHoleStart && va < kHoleEnd) return std::nullopt;
    return va & kAddressLayout.mask;
}

/// The accesses that AMDGPU_VM_PAGE_* flags allow; `flags` may have others.
constexpr uint32_t va_access(uint32_t flags) {
    uint32_t access = 0;
    if (flags & AMDGPU_VM_PAGE_READABLE) access |= memory::kVaRead;
    if (flags & AMDGPU_VM_PAGE_WRITEABLE) access |= memory::kVaWrite;
    if (flags & AMDGPU_VM_PAGE_EXECUTABLE) access |= memory::kVaExecute;
    if (flags & AMDGPU_VM_PAGE_PRT) access |= memory::kVaSparse;
    return access;
}

}  // namespace simgpu::amdgpu
