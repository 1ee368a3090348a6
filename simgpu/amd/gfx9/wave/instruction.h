// A decoded GFX9 instruction: what the handlers read instead of the raw words.
#pragma once

#include <cstdint>
#include <string_view>

namespace simgpu::gfx9 {

class Wave;
struct Instruction;
struct ValuOp;
struct VmemOp;

/// Executes one instruction on one wave. `wave.pc` already points behind the instruction.
using Handler = void (*)(Wave& wave, const Instruction& in);
/// The handler of an instruction without effect here.
inline void nothing(Wave&, const Instruction&) {}

enum class Encoding : uint8_t {
    kUnknown,
    kSop1,
    kSop2,
    kSopk,
    kSopc,
    kSopp,
    kSmem,
    kVop1,
    kVop2,
    kVopc,
    kVop3,
    kVop3p,
    kVintrp,
    kDs,
    kMubuf,
    kMtbuf,
    kMimg,
    kFlat,
    kExp,
};
std::string_view encoding_name(Encoding encoding);

/// Operand codes of the 9-bit source field (Vega ISA, "Scalar and vector operand encoding").
namespace code {
inline constexpr uint16_t kFlatScratchLo = 102;
inline constexpr uint16_t kVccLo = 106;
inline constexpr uint16_t kM0 = 124;
inline constexpr uint16_t kExecLo = 126;
inline constexpr uint16_t kInlineZero = 128;
inline constexpr uint16_t kSharedBase = 235;
inline constexpr uint16_t kSharedLimit = 236;
inline constexpr uint16_t kPrivateBase = 237;
inline constexpr uint16_t kPrivateLimit = 238;
inline constexpr uint16_t kInlineHalf = 240;
inline constexpr uint16_t kInlineInverseTwoPi = 248;
inline constexpr uint16_t kSdwa = 249;
inline constexpr uint16_t kDpp = 250;
inline constexpr uint16_t kVccz = 251;
inline constexpr uint16_t kExecz = 252;
inline constexpr uint16_t kScc = 253;
inline constexpr uint16_t kLiteral = 255;
inline constexpr uint16_t kVgpr0 = 256;
}  // namespace code

/// Type of the value that an instruction reads from or writes to an operand.
enum class Type : uint8_t {
    kNone,
    kB16,   // an integer in the low half
    kF16,   // a half float in the low half
    kB32,   // an integer
    kF32,   //
    kB64,   // an integer in two registers
    kF64,   //
    kMask,  // one bit a lane: a 64-bit scalar
};
constexpr bool is_float(Type t) {
    return t == Type::kF16 || t == Type::kF32 || t == Type::kF64;
}
constexpr bool is_wide(Type t) {
    return t == Type::kB64 || t == Type::kF64;
}

struct Operand {
    enum class Kind : uint8_t { kNone, kConstant, kSgpr, kVgpr, kVccz, kExecz, kScc };
    Kind kind = Kind::kNone;
    uint16_t index = 0;  // register number
    uint64_t value = 0;  // kConstant, widened for the operand's type

    bool is_vgpr() const { return kind == Kind::kVgpr; }
};

/// Lane selection inside a dword, for SDWA (Vega ISA, SDWA_SEL).
enum class Select : uint8_t { kByte0, kByte1, kByte2, kByte3, kWord0, kWord1, kDword };

/// SDWA_DST_UNUSED.
enum class Unused : uint8_t { kPad, kSignExtend, kPreserve };

/// Changes that a vector ALU instruction makes to its operands and result.
struct Modifiers {
    uint8_t abs = 0;        // bit per source
    uint8_t neg = 0;        // bit per source; packed math: of the low half
    uint8_t neg_hi = 0;     // packed math: of the high half
    uint8_t op_sel = 0;     // bit per source, bit 3 the destination
    uint8_t op_sel_hi = 0;  // packed math: which half feeds the high half
    uint8_t omod = 0;
    bool clamp = false;
    bool sdwa = false;
    bool dpp = false;
    // SDWA
    Select select[2] = {Select::kDword, Select::kDword};
    bool sign_extend[2] = {};
    Select dst_select = Select::kDword;
    Unused dst_unused = Unused::kPad;
    // DPP
    uint16_t dpp_ctrl = 0;
    uint8_t row_mask = 0xf;
    uint8_t bank_mask = 0xf;
    bool bound_ctrl = false;
};

/// Which floating-point environment an instruction computes in (Vega ISA, MODE register: single
/// precision has its own rounding and denormal controls).
enum class FpClass : uint8_t {
    kNone,
    kSingle,
    kDouble,   // double and half precision
    kFlushed,  // single precision that never keeps denormals: V_MAD_F32, V_MAC_F32
};

struct Instruction {
    Handler handler = nullptr;
    const ValuOp* valu = nullptr;
    const VmemOp* vmem = nullptr;
    const char* name = nullptr;
    Encoding encoding = Encoding::kUnknown;
    uint8_t size = 4;  // bytes
    FpClass fp = FpClass::kNone;
    bool vector = false;  // counts a lane instruction per active lane
    uint16_t opcode = 0;
    uint16_t dst = 0;   // VGPR or SGPR number
    uint16_t sdst = 0;  // scalar destination of a vector instruction (mask or carry)
    uint32_t words[2] = {};
    uint32_t literal = 0;
    int32_t imm = 0;  // simm16, or the offset of a memory instruction
    // Memory instructions: VGPR numbers, and the base SGPR.
    uint16_t vaddr = 0;
    uint16_t vdata = 0;
    uint16_t vdata2 = 0;
    uint16_t saddr = 0;
    bool returns = false;  // an atomic gives back what was there (GLC)
    Operand src[4];
    Modifiers mods;
};

}  // namespace simgpu::gfx9
