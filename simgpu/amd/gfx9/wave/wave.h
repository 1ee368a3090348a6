// The state of one wave (64 lanes) and of the workgroup it belongs to.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "simgpu/amd/gfx9/surface/swizzle.h"
#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

class ShaderMemory;
struct GraphicsWave;
struct GeometryWave;

inline constexpr unsigned kLanes = 64;
/// An EXEC mask of lanes 0 to n - 1; n <= kLanes.
constexpr uint64_t first_lanes(unsigned n) {
    return n == kLanes ? ~uint64_t{0} : (uint64_t{1} << n) - 1;
}
inline constexpr unsigned kVgprs = 256;
/// Operands out of the wave's allocation land in rows behind the last register, so no check is
/// needed when an instruction runs. 16 covers the widest access.
inline constexpr unsigned kVgprRows = kVgprs + 16;
/// 128 scalar registers can be named (VCC, M0 and EXEC are among them); 16 more so that the
/// widest load that starts at the last one stays inside.
inline constexpr unsigned kSgprSlots = 128 + 16;
inline constexpr uint32_t kMaxLdsBytes = 64 * 1024;

/// One VGPR, or a temporary shaped like one.
struct alignas(64) Row {
    uint32_t lane[kLanes];
};

/// State shared by the waves of one workgroup.
struct Workgroup {
    std::vector<uint32_t> lds;  // kMaxLdsBytes, of which `lds_bytes` are allocated
    uint32_t lds_bytes = 0;

    std::byte* lds_data() { return reinterpret_cast<std::byte*>(lds.data()); }
};

/// MODE register fields (Vega ISA, "Mode register").
namespace mode {
inline constexpr uint32_t kRoundSingleShift = 0;
inline constexpr uint32_t kRoundDoubleShift = 2;
inline constexpr uint32_t kDenormSingleShift = 4;
inline constexpr uint32_t kDenormDoubleShift = 6;
inline constexpr uint32_t kDx10Clamp = 1u << 8;
inline constexpr uint32_t kIeee = 1u << 9;
inline constexpr uint32_t kGprIndexEnable = 1u << 27;
inline constexpr uint32_t kVskip = 1u << 28;
}  // namespace mode

class Wave {
  public:
    enum class Status : uint8_t {
        kRunning,
        kBarrier,
        kEnded,
        kFault,    // memory; the address is in ShaderMemory
        kUnknown,  // an instruction the interpreter does not know
        kHalted,   // S_SETHALT: nothing will ever resume it
    };

    Row v[kVgprRows];
    alignas(8) uint32_t s[kSgprSlots];
    uint64_t pc = 0;
    uint32_t mode_bits = 0;
    Status status = Status::kRunning;
    bool scc = false;
    uint8_t index_in_group = 0;
    uint16_t vgpr_count = 0;
    uint64_t scratch_base = 0;  // of this wave, when it has scratch memory
    Workgroup* group = nullptr;
    ShaderMemory* memory = nullptr;
    GraphicsWave* graphics = nullptr;  // of a vertex or pixel shader
    GeometryWave* geometry = nullptr;  // of a geometry shader
    AddressConfig addresses;           // of tiled images
    uint64_t border_colours_va = 0;    // table that samplers name border colours in

    uint64_t s64(unsigned index) const {
        uint64_t value;
        std::memcpy(&value, &s[index], sizeof value);
        return value;
    }
    void set_s64(unsigned index, uint64_t value) { std::memcpy(&s[index], &value, sizeof value); }
    uint64_t exec() const { return s64(code::kExecLo); }
    void set_exec(uint64_t mask) { set_s64(code::kExecLo, mask); }
    uint64_t vcc() const { return s64(code::kVccLo); }
    uint32_t m0() const { return s[code::kM0]; }

    /// EXEC as 0 or ~0 per lane. Rebuilt only when EXEC has changed since the last call.
    const Row& exec_lanes() {
        if (exec_lanes_of_ != exec()) expand_exec();
        return exec_lanes_;
    }
    unsigned active_lanes() {
        if (exec_lanes_of_ != exec()) expand_exec();
        return active_lanes_;
    }
    /// Writes the active lanes of `from` to VGPR `index`.
    void write_vgpr(unsigned index, const Row& from);
    /// The same for the lanes of `mask`, whatever EXEC says.
    void write_lanes(unsigned index, const Row& from, uint64_t mask);

    /// Ready to run a new program: registers zero, EXEC full.
    void reset(unsigned vgprs);

  private:
    void expand_exec();

    Row exec_lanes_;
    uint64_t exec_lanes_of_ = 0;
    unsigned active_lanes_ = 0;
};

/// Calls `f(lane)` for each set bit of `mask`, lowest first.
template <class F>
inline void for_each_lane(uint64_t mask, F&& f) {
    for (; mask; mask &= mask - 1) f(static_cast<unsigned>(std::countr_zero(mask)));
}

/// Expands a bit per lane to 0 or ~0 per lane.
void expand_mask(uint64_t mask, Row& to);
/// Packs the sign bit of each lane into a mask.
uint64_t pack_mask(const Row& from);

/// A scalar operand's value.
uint32_t read_scalar32(const Wave& wave, const Operand& operand);
uint64_t read_scalar64(const Wave& wave, const Operand& operand);
/// The row of a 32-bit operand; scalars are spread over `spare`.
const Row& read_row(const Wave& wave, const Operand& operand, Row& spare);
/// The second dword of a 64-bit operand.
const Row& read_row_high(const Wave& wave, const Operand& operand, Row& spare);

/// The handler of instructions that the interpreter does not know.
void handle_unknown(Wave& wave, const Instruction& in);

}  // namespace simgpu::gfx9
