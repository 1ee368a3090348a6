#include "simgpu/amd/pm4/registers.h"

#include <algorithm>

namespace simgpu::pm4 {

namespace {

constexpr RegisterWindow kWindows[] = {kConfigWindow, kShWindow, kContextWindow, kUconfigWindow};
constexpr uint32_t kGdsBytes = 64 << 10;

bool exists(uint32_t dword) {
    return std::any_of(std::begin(kWindows), std::end(kWindows),
                       [&](const RegisterWindow& w) { return dword >= w.first && dword < w.end; });
}

// Byte addresses of the COMPUTE_* registers (GFX9 register headers, gc_9_0_offset.h).
constexpr uint32_t kComputeStartX = 0xb810;
constexpr uint32_t kComputeNumThreadX = 0xb81c;
constexpr uint32_t kComputePgmLo = 0xb830;
constexpr uint32_t kComputePgmHi = 0xb834;
constexpr uint32_t kComputePgmRsrc1 = 0xb848;
constexpr uint32_t kComputePgmRsrc2 = 0xb84c;
constexpr uint32_t kComputeResourceLimits = 0xb854;
constexpr uint32_t kComputeTmpringSize = 0xb860;
constexpr uint32_t kComputeUserData0 = 0xb900;
constexpr uint32_t kBorderColours = 0x30e00;  // TA_CS_BC_BASE_ADDR

}  // namespace

uint32_t Registers::read(uint32_t dword) const {
    if (dword >= kUconfigWindow.end) return 0;
    const auto& page = pages_[dword / kPageDwords];
    return page ? (*page)[dword % kPageDwords] : 0;
}

void Registers::write(uint32_t dword, uint32_t value) {
    if (!exists(dword)) return;
    auto& page = pages_[dword / kPageDwords];
    if (!page) page = std::make_unique<Page>();
    (*page)[dword % kPageDwords] = value;
}

void Registers::clear(RegisterWindow window) {
    // The windows begin and end at page borders.
    for (uint32_t dword = window.first; dword < window.end; dword += kPageDwords)
        pages_[dword / kPageDwords].reset();
}

gfx9::Dispatch Registers::compute_state() const {
    const auto at = [this](uint32_t byte) { return read(byte / 4); };
    gfx9::Dispatch state;
    // PGM_HI holds bits 40..47 of the address, PGM_LO bits 8..39.
    state.program_va = (uint64_t{at(kComputePgmHi) & 0xff} << 32 | at(kComputePgmLo)) << 8;
    state.pgm_rsrc1 = at(kComputePgmRsrc1);
    state.pgm_rsrc2 = at(kComputePgmRsrc2);
    state.tmpring_size = at(kComputeTmpringSize);
    state.resource_limits = at(kComputeResourceLimits);
    state.border_colours_va = (uint64_t{at(kBorderColours + 4) & 0xff} << 32 | at(kBorderColours))
                              << 8;
    for (uint32_t i = 0; i < 16; i++) state.user_data[i] = at(kComputeUserData0 + 4 * i);
    for (uint32_t i = 0; i < 3; i++) {
        state.start[i] = at(kComputeStartX + 4 * i);
        state.threads[i] = at(kComputeNumThreadX + 4 * i);
    }
    return state;
}

uint32_t GlobalDataShare::read(uint32_t byte_offset) const {
    const uint32_t index = byte_offset / 4;
    return index < dwords_.size() ? dwords_[index] : 0;
}

void GlobalDataShare::write(uint32_t byte_offset, uint32_t value) {
    if (byte_offset >= kGdsBytes) return;
    if (dwords_.empty()) dwords_.resize(kGdsBytes / 4);
    dwords_[byte_offset / 4] = value;
}

}  // namespace simgpu::pm4
