// The command processor's registers and its global data share.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "simgpu/amd/gfx9/exec/compute.h"

namespace simgpu::pm4 {

/// Dword addresses [first, end) of the register space. Bounds: soc15d.h, Mesa's sid.h.
struct RegisterWindow {
    uint32_t first;
    uint32_t end;
};
inline constexpr RegisterWindow kConfigWindow{0x2000, 0x2c00};
inline constexpr RegisterWindow kShWindow{0x2c00, 0x3000};
inline constexpr RegisterWindow kContextWindow{0xa000, 0xc000};
inline constexpr RegisterWindow kUconfigWindow{0xc000, 0x10000};
/// The dword address of a register in a packet.
inline constexpr uint32_t kRegisterMask = 0x3ffff;

/// A bank of registers that only remembers what was written: a packet that uses a register reads it
/// when it executes. Pages are allocated when first written, as a context touches few.
class Registers {
  public:
    /// 0 for a register that was never written or does not exist.
    uint32_t read(uint32_t dword) const;
    /// Ignored outside of the four windows.
    void write(uint32_t dword, uint32_t value);
    void clear(RegisterWindow window);
    /// The compute state for a dispatch; grid size and initiator are the packet's.
    gfx9::Dispatch compute_state() const;

  private:
    static constexpr uint32_t kPageDwords = 256;
    using Page = std::array<uint32_t, kPageDwords>;
    std::array<std::unique_ptr<Page>, kUconfigWindow.end / kPageDwords> pages_;
};

/// 64 KiB of on-chip memory; allocated when first written. Out-of-range reads give 0.
class GlobalDataShare {
  public:
    uint32_t read(uint32_t byte_offset) const;
    void write(uint32_t byte_offset, uint32_t value);

  private:
    std::vector<uint32_t> dwords_;
};

}  // namespace simgpu::pm4
