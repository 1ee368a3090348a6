// A decoded EU instruction: what executes it reads this instead of the raw words.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "simgpu/intel/eu/isa/types.h"

namespace simgpu::intel::eu {

class Thread;
struct Instruction;
struct AluOp;

/// Channels that one instruction can have.
inline constexpr unsigned kMaxChannels = 32;
using ChannelMask = uint32_t;
constexpr ChannelMask mask_of(unsigned channels) {
    return channels >= 32 ? ~ChannelMask{0} : (ChannelMask{1} << channels) - 1;
}

/// Executes an instruction; `thread.ip` already points behind it.
using Handler = void (*)(Thread& thread, const Instruction& in);

/// Architecture registers (PRM volume 7, "Register files"): the high half of the number.
enum class Arf : uint8_t {
    kNull = 0x00,
    kAddress = 0x10,
    kAccumulator = 0x20,
    kFlag = 0x30,
    kChannelEnable = 0x40,
    kState = 0x70,
    kControl = 0x80,
    kNotification = 0x90,
    kIp = 0xa0,
    kTdr = 0xb0,
    kTimestamp = 0xc0,
};

enum class File : uint8_t { kGrf, kArf, kImmediate };

/// Where the elements of an operand lie.
struct Operand {
    File file = File::kArf;
    Type type = Type::kUD;
    bool negate = false;
    bool absolute = false;
    bool indirect = false;
    /// Indirect: each row of `width` channels has an address register of its own (VxH, Vx1).
    bool row_addresses = false;
    /// No region: all channels read the element at `byte`.
    bool scalar = false;
    /// Channel i is at `byte` + i * stride; else `offset` below.
    bool linear = false;
    uint8_t width = 1;          // channels in a row of the region
    uint8_t address_index = 0;  // indirect: first element of a0
    uint16_t stride = 0;        // bytes from a channel to the next, if linear
    int16_t address_offset = 0;
    uint8_t arf = 0;     // register number, for File::kArf
    uint16_t byte = 0;   // of the register file, or within the architecture register
    uint64_t value = 0;  // an immediate, as encoded
    /// Bytes from `byte` to each channel's element; within a row if `row_addresses`.
    std::array<uint16_t, kMaxChannels> offset{};

    Arf arf_kind() const { return static_cast<Arf>(arf & 0xf0); }
    bool is_null() const { return file == File::kArf && arf_kind() == Arf::kNull; }
    /// A contiguous run of elements in the register file, which needs no gathering.
    bool packed() const {
        return file == File::kGrf && linear && !indirect && stride == size_of(type);
    }
};

/// A message and its descriptors (PRM volume 7, "send").
struct Message {
    uint8_t sfid = 0;
    bool end_of_thread = false;
    bool descriptor_from_a0 = false;
    bool extended_from_a0 = false;
    uint8_t extended_index = 0;    // element of a0, in dwords
    bool bindless_offset = false;  // ExBSO: the extended descriptor is a surface offset, whole
    uint8_t payload = 0;           // GRF numbers
    uint8_t payload2 = 0;
    uint8_t payload2_length = 0;  // registers, where the extended descriptor does not have it
    uint32_t descriptor = 0;
    uint32_t extended = 0;
};

/// The controls that floating-point operations compute under: single and double precision have
/// denormal modes of their own.
enum class FpClass : uint8_t { kNone, kSingle, kDouble };

/// "Predication Control".
enum class Predicate : uint8_t { kNone, kNormal, kAny, kAll };

struct Instruction {
    Handler handler = nullptr;
    const AluOp* alu = nullptr;
    const char* name = nullptr;
    uint8_t opcode = 0;
    uint8_t size = 16;  // bytes: 8 if it was compacted
    uint8_t channels = 1;
    uint8_t first_channel = 0;
    uint8_t sources = 0;
    bool no_mask = false;  // WE_all
    bool saturate = false;
    bool writes_accumulator = false;
    bool predicate_inverted = false;
    Predicate predicate = Predicate::kNone;
    uint8_t predicate_group = 0;  // channels that kAny and kAll look at together
    Condition condition = Condition::kNone;
    uint8_t function = 0;  // of math and sync: instead of the condition
    Lane lane = Lane::kU32;
    FpClass fp = FpClass::kNone;
    uint8_t flag = 0;  // 16-bit flag register: 2 * register + subregister
    Operand dst;
    Operand src[3];
    int32_t jip = 0;  // bytes from this instruction
    int32_t uip = 0;
    uint8_t size_at_uip = 0;  // break: of the instruction there
    Message message;
    std::array<uint32_t, 4> words{};  // as fetched, expanded if it was compacted
    /// Why it cannot run, for the report. Empty otherwise.
    std::string problem;
};

}  // namespace simgpu::intel::eu
