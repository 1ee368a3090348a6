// The table of commands, and the machine that they change.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "simgpu/engine/engine.h"
#include "simgpu/engine/job_run.h"
#include "simgpu/engine/packet_engine.h"
#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/cs/registers.h"
#include "simgpu/intel/eu/exec/walker.h"

namespace simgpu::intel::cs {

/// The dwords of one command, header first.
struct Command : PacketDwords {
    uint64_t va = 0;  // where it was fetched

    uint32_t header() const { return dwords[0]; }
    bool bit(size_t dword, unsigned bit) const { return dwords[dword] >> bit & 1; }
    uint32_t field(size_t dword, unsigned high, unsigned low) const {
        return static_cast<uint32_t>(dwords[dword] >> low &
                                     ((uint64_t{1} << (high - low + 1)) - 1));
    }
};

/// The condition that MI_SET_PREDICATE has set.
enum class NoopMode : uint8_t {
    kNever = 0,
    kResult2Clear = 1,
    kResult2Set = 2,
    kResultClear = 3,
    kResultSet = 4,
    kAlways = 15,
};

/// GPGPU state of 12.0, loaded before a walker.
struct MediaState {
    uint64_t scratch_base = 0;   // from the general state base
    uint32_t scratch_bytes = 0;  // of a thread
    uint32_t constants_bytes = 0;
    uint32_t constants_offset = 0;  // from the dynamic state base
    uint32_t descriptors_bytes = 0;
    uint32_t descriptors_offset = 0;  // likewise
};

/// State that survives from job to job of one hardware context.
struct ContextState {
    ContextState(const ChipInfo& chip, EngineClass engine_class) : registers(chip, engine_class) {}

    Registers registers;
    eu::StateBases bases;
    MediaState media;
    uint32_t scratch_surface = 0;   // CFE_STATE
    bool compute_pipeline = false;  // PIPELINE_SELECT
    bool predicate = false;         // MI_PREDICATE's state
    NoopMode noop = NoopMode::kNever;
};

/// Where the next command comes from: the batches that run, the innermost last.
struct BatchStack {
    std::vector<uint64_t> next;
};

/// The command streamer while one job runs.
struct Machine {
    JobRun& job;
    const ChipInfo& chip;
    EngineClass engine_class;
    ContextState& state;
    BatchStack& batches;
    EngineCounters& counters;

    /// Ends the job with a sentence about the command. Always false.
    bool refuse(const Command& command, const std::string& why);
    /// Whether commands are passed over (MI_SET_PREDICATE).
    bool noops() const;
};

/// Runs one command. False: the job has ended.
using Handler = bool (*)(Machine&, const Command&);
/// The handler of a command without effect here.
inline bool nothing(Machine&, const Command&) {
    return true;
}

/// Identifies a command: its header without lengths and flags.
using CommandKey = uint32_t;
constexpr CommandKey mi(uint32_t opcode) {
    return opcode << 23;
}
constexpr CommandKey blt(uint32_t opcode) {
    return 2u << 29 | opcode << 22;
}
/// `high_half`: bits 31:16 of the header, as in 0x7a00 for PIPE_CONTROL.
constexpr CommandKey gfx(uint32_t high_half) {
    return high_half << 16;
}

/// A set of engine classes.
using Engines = uint8_t;
constexpr Engines only(EngineClass c) {
    return static_cast<Engines>(1u << static_cast<unsigned>(c));
}
inline constexpr Engines kRenderOnly = only(EngineClass::kRender);
inline constexpr Engines kCopyOnly = only(EngineClass::kCopy);
inline constexpr Engines kComputing = kRenderOnly | only(EngineClass::kCompute);
inline constexpr Engines kVideoEngines =
    only(EngineClass::kVideo) | only(EngineClass::kVideoEnhance);
inline constexpr Engines kAllEngines = kComputing | kCopyOnly | kVideoEngines;

struct CommandInfo {
    CommandKey key;
    const char* name;
    /// Dwords that the handler reads unasked. A shorter command ends the job.
    uint8_t minimum;
    Engines engines;
    Handler handler;
    /// The generations that have it.
    Generation first = Generation::kGen12;
    Generation last = Generation::kXe2;
    /// Runs even where MI_SET_PREDICATE makes no-ops of commands.
    bool always = false;
    /// A longer command ends the job too.
    uint16_t maximum = 257;
};

// Rows, by the file that has them. Opcodes and layouts: Intel's Programmer's Reference Manuals
// (Tiger Lake: volume 2a), and Mesa's genxml.
std::span<const CommandInfo> batch_commands();
std::span<const CommandInfo> store_commands();
std::span<const CommandInfo> register_commands();
std::span<const CommandInfo> predicate_commands();
std::span<const CommandInfo> math_commands();
std::span<const CommandInfo> sync_commands();
std::span<const CommandInfo> base_commands();
std::span<const CommandInfo> compute_commands();
std::span<const CommandInfo> graphics_commands();  // kept or refused: draws are not simulated
std::span<const CommandInfo> blitter_commands();

/// The key of the command that begins with `header`.
CommandKey key_of(uint32_t header);
/// Its length in dwords.
uint32_t dwords_of(uint32_t header);
/// Null if no row has the key.
const CommandInfo* find_command(CommandKey key);
/// "MI_STORE_DATA_IMM"; "command 0x7b000005" if it has no row.
std::string command_name(uint32_t header);

}  // namespace simgpu::intel::cs
