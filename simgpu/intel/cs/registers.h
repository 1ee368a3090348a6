// The registers that batches may touch.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "simgpu/intel/chip_info.h"

namespace simgpu::intel::cs {

// Offsets of a command streamer's own registers from its base (PRM volume 2c; Linux
// gt/intel_engine_regs.h).
namespace reg {
inline constexpr uint32_t kComputeInvocations = 0x290;
inline constexpr uint32_t kTimestamp = 0x358;
inline constexpr uint32_t kTimestampHigh = 0x35c;
inline constexpr uint32_t kPredicateResult2 = 0x3bc;
inline constexpr uint32_t kPredicateSource0 = 0x400;
inline constexpr uint32_t kPredicateSource1 = 0x408;
inline constexpr uint32_t kPredicateData = 0x410;
inline constexpr uint32_t kPredicateResult = 0x418;
inline constexpr uint32_t kPredicateResult1 = 0x41c;
inline constexpr uint32_t kDispatchX = 0x500;
inline constexpr uint32_t kGeneralPurpose = 0x600;  // 16 of 64 bits
}  // namespace reg

/// One hardware context's registers. An engine's own ones are named by their offset, others by
/// their whole address.
class Registers {
  public:
    Registers(const ChipInfo& chip, EngineClass engine_class) : chip_(chip), class_(engine_class) {}

    /// `address`: as commands have it; `relative`: it counts from the engine's base. Nothing if a
    /// batch must not touch it, or it is not known here.
    std::optional<uint32_t> resolve(uint32_t address, bool relative) const;

    // By what resolve() gave.
    uint32_t read(uint32_t name) const;
    /// Read-only registers keep their value.
    void write(uint32_t name, uint32_t value);
    uint64_t read64(uint32_t name) const { return uint64_t{read(name + 4)} << 32 | read(name); }
    void write64(uint32_t name, uint64_t value) {
        write(name, static_cast<uint32_t>(value));
        write(name + 4, static_cast<uint32_t>(value >> 32));
    }

  private:
    const ChipInfo& chip_;
    EngineClass class_;
    std::map<uint32_t, uint32_t> values_;
};

}  // namespace simgpu::intel::cs
