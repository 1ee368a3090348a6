// FLAT, GLOBAL and SCRATCH addressing (Vega ISA, "Flat memory instructions").
#include "simgpu/amd/gfx9/memory/vmem.h"

namespace simgpu::gfx9 {

namespace {

// Apertures as the amdgpu kernel driver sets SH_MEM_BASES: LDS, then scratch, 4 GiB each.
constexpr uint32_t kSharedApertureHigh = 0x60000000;
constexpr uint32_t kPrivateApertureHigh = 0x60000001;
/// SADDR field: no scalar address.
constexpr uint16_t kSaddrOff = 0x7f;

// Scratch memory interleaves the lanes' dwords, so that a wave's accesses are contiguous.
constexpr uint64_t kScratchDwordStride = 4 * kLanes;
uint64_t scratch_address(uint64_t base, uint32_t offset, unsigned lane) {
    return base + uint64_t{offset / 4} * kScratchDwordStride + lane * 4 + offset % 4;
}

void run(Wave& w, const Instruction& in, VmemRequest& request) {
    for (uint64_t& mask : request.in_range) mask = request.active;
    in.vmem->access(w, in, request);
}

}  // namespace

void execute_global(Wave& w, const Instruction& in) {
    VmemRequest request;
    request.active = w.exec();
    const Row& low = w.v[in.vaddr];
    const auto offset = static_cast<uint64_t>(int64_t{in.imm});
    if (in.saddr != kSaddrOff) {
        const uint64_t base = w.s64(in.saddr) + offset;
        for (unsigned lane = 0; lane < kLanes; lane++)
            request.addresses.lane[lane] = base + low.lane[lane];
    } else {
        const Row& high = w.v[in.vaddr + 1];
        for (unsigned lane = 0; lane < kLanes; lane++)
            request.addresses.lane[lane] =
                (low.lane[lane] | static_cast<uint64_t>(high.lane[lane]) << 32) + offset;
    }
    run(w, in, request);
}

void execute_scratch(Wave& w, const Instruction& in) {
    VmemRequest request;
    request.active = w.exec();
    request.dword_stride = kScratchDwordStride;
    const uint64_t base = w.s64(code::kFlatScratchLo);
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const uint32_t offset = in.saddr != kSaddrOff ? w.s[in.saddr] : w.v[in.vaddr].lane[lane];
        request.addresses.lane[lane] =
            scratch_address(base, offset + static_cast<uint32_t>(in.imm), lane);
    }
    run(w, in, request);
}

void execute_flat(Wave& w, const Instruction& in) {
    VmemRequest global, scratch;
    scratch.dword_stride = kScratchDwordStride;
    const uint64_t base = w.s64(code::kFlatScratchLo);
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const uint64_t address =
            (w.v[in.vaddr].lane[lane] | static_cast<uint64_t>(w.v[in.vaddr + 1].lane[lane]) << 32) +
            static_cast<uint64_t>(int64_t{in.imm});
        const uint64_t bit = uint64_t{1} << lane & w.exec();
        const auto aperture = static_cast<uint32_t>(address >> 32);
        const auto offset = static_cast<uint32_t>(address);
        if (aperture == kPrivateApertureHigh) {
            scratch.addresses.lane[lane] = scratch_address(base, offset, lane);
            scratch.active |= bit;
            global.addresses.lane[lane] = 0;
        } else {
            const bool shared = aperture == kSharedApertureHigh;
            global.addresses.lane[lane] =
                shared ? ShaderMemory::kLdsWindow + (offset & 0xffff) : address;
            global.active |= bit;
        }
    }
    if (global.active) run(w, in, global);
    if (scratch.active && w.status == Wave::Status::kRunning) run(w, in, scratch);
}

}  // namespace simgpu::gfx9
