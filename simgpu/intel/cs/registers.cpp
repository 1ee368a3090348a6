#include "simgpu/intel/cs/registers.h"

#include <algorithm>
#include <iterator>

namespace simgpu::intel::cs {

namespace {

constexpr uint32_t kOwnRegisters = 0x1000;  // bytes behind an engine's base
constexpr uint32_t kRenderBase = 0x2000;

uint32_t base_of(EngineClass engine_class) {
    switch (engine_class) {
        case EngineClass::kCopy:
            return 0x22000;
        case EngineClass::kCompute:
            return 0x1a000;
        case EngineClass::kVideo:
            return 0x1c0000;  // of the first one
        case EngineClass::kVideoEnhance:
            return 0x1c8000;
        case EngineClass::kRender:
            break;
    }
    return kRenderBase;
}

struct Range {
    uint32_t first;
    uint32_t last;
};

// Registers that unprivileged batches may access and that drivers do access. All but the
// predicates, counters and dimensions only steer units that are not simulated: they keep what is
// written.
constexpr Range kOwn[] = {
    {0x090, 0x093},  // 3D_CHICKEN3
    {0x0c0, 0x0c3},  // INSTPM
    {0x0d0, 0x0df},  // CS_DEBUG_MODE1, CS_DEBUG_MODE2
    {0x290, 0x297},  // CS_INVOCATION_COUNT
    {0x300, 0x35f},  // pipeline statistics, TIMESTAMP
    {0x3bc, 0x3bf},  // MI_PREDICATE_RESULT_2
    {0x400, 0x41f},  // MI_PREDICATE_*
    {0x420, 0x44b},  // 3DPRIM_*
    {0x500, 0x50b},  // GPGPU_DISPATCHDIM*
    {0x580, 0x583},  // CS_CHICKEN1
    {0x600, 0x67f},  // CS_GPR
    {0x690, 0x6af},  // 3DPRIM_XP*
    {0x6d8, 0x6ef},  // MESH_*_COUNT, TASK_INVOCATION_COUNT
};
constexpr Range kOthers[] = {
    {0x0000, 0x0003},  // no register: what drivers name where an engine has no AUX invalidation
    {0x4200, 0x42cf},  // AUX tables and their invalidation
    {0x4400, 0x4417},  // GFX_TRTT_*: tables of sparse memory, set on every engine alike
    {0x4480, 0x4497},  // BLT_TRTT_*
    {0x4580, 0x4597},  // COMP_CTX0_TRTT_*
    {0x5200, 0x52ff},  // SO_*
    {0x6200, 0x6213},  // CHICKEN_RASTER, FF_MODE of Xe2
    {0x62a8, 0x62ab},  // VFLSKPD
    {0x6600, 0x6607},  // FF_MODE, FF_MODE2
    {0x7000, 0x701b},  // CACHE_MODE, GT_MODE, COMMON_SLICE_CHICKEN, HIZ_CHICKEN
    {0x7300, 0x731f},  // COMMON_SLICE_CHICKEN, SLICE_COMMON_ECO
    {0x8300, 0x83ff},  // SARB, HALF_SLICE
    {0xb0a4, 0xb0a7},  // TCCNTLREG
    {0xb100, 0xb1ff},  // L3 configuration
    {0xe100, 0xe1ff},  // SAMPLER_MODE, HALF_SLICE_CHICKEN7
    {0xe400, 0xe5ff},  // ROW_CHICKEN, TD_CTL
};

bool contains(const Range* begin, const Range* end, uint32_t address) {
    return std::any_of(begin, end, [&](const Range& range) {
        return address >= range.first && address <= range.last;
    });
}

// Drivers set up the compute engine with some addresses of the render engine's own registers, too.
// Its batches must not write those, and the hardware drops it.
bool is_of_render(uint32_t address) {
    return address >= kRenderBase && address < kRenderBase + kOwnRegisters;
}

// GFX_CCS_AUX_INV and the other engines': a bit that hardware clears when it is done.
bool is_invalidation(uint32_t name) {
    return name >= 0x4200 && name < 0x42d0 && (name & 0xf) == 8;
}

}  // namespace

std::optional<uint32_t> Registers::resolve(uint32_t address, bool relative) const {
    if (address % 4 != 0) return std::nullopt;
    const uint32_t base = base_of(class_);
    if (!relative && address >= base && address < base + kOwnRegisters) {
        address -= base;
        relative = true;
    }
    if (relative)
        return contains(std::begin(kOwn), std::end(kOwn), address) ? std::optional(address)
                                                                   : std::nullopt;
    const bool foreign = class_ == EngineClass::kCompute && is_of_render(address);
    const bool known = foreign ? contains(std::begin(kOwn), std::end(kOwn), address - kRenderBase)
                               : contains(std::begin(kOthers), std::end(kOthers), address);
    return known ? std::optional(address) : std::nullopt;
}

uint32_t Registers::read(uint32_t name) const {
    if (name == reg::kTimestamp) return static_cast<uint32_t>(timestamp_now(chip_));
    if (name == reg::kTimestampHigh) return static_cast<uint32_t>(timestamp_now(chip_) >> 32);
    if (name == 0 || is_invalidation(name)) return 0;
    const auto found = values_.find(name);
    return found == values_.end() ? 0 : found->second;
}

void Registers::write(uint32_t name, uint32_t value) {
    if (name == reg::kTimestamp || name == reg::kTimestampHigh || is_of_render(name)) return;
    values_[name] = value;
}

}  // namespace simgpu::intel::cs
