// The state of one EU thread, and of the group that it belongs to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "simgpu/intel/eu/isa/instruction.h"

namespace simgpu::intel::eu {

class EuMemory;
class Surfaces;
struct Shader;

inline constexpr unsigned kGrfs = 128;
inline constexpr unsigned kMaxGrfBytes = 64;
/// Regions are checked when decoded; an indirect operand wraps within this.
inline constexpr unsigned kRegisterBytes = kGrfs * kMaxGrfBytes;

/// State that the threads of one group share.
struct Group {
    std::vector<std::byte> slm;
    uint32_t slm_bytes = 0;  // allocated; accesses beyond read 0 and write nothing
    unsigned threads = 0;    // that a barrier waits for, whether they have ended or not
    unsigned arrived = 0;    // at the barrier
    uint32_t barriers_passed = 0;
};

/// Control register 0.0 (PRM volume 7, "Control Register").
namespace cr0 {
inline constexpr uint32_t kRoundingShift = 4;
inline constexpr uint32_t kKeepDoubleDenormals = 1u << 6;
inline constexpr uint32_t kKeepSingleDenormals = 1u << 7;
inline constexpr uint32_t kKeepHalfDenormals = 1u << 10;
}  // namespace cr0

class Thread {
  public:
    enum class Status : uint8_t {
        kRunning,
        kBarrier,  // waits for the others of its group
        kEnded,
        kFault,  // memory; the address is in EuMemory
        kBad,    // an instruction or a message that cannot run; see `problem`
    };

    /// Kernels compute whole groups of 8 channels, so they may look a little beyond the last one.
    alignas(64) std::byte grf[kRegisterBytes + 64];
    std::array<uint16_t, 16> a0{};
    std::array<uint32_t, 4> flags{};  // f0 to f3
    /// By channel, wide enough for 66-bit multiplication results as far as programs look: as 64-bit
    /// integers, or the bits of a double.
    std::array<uint64_t, 64> accumulator{};
    uint32_t control = 0;    // cr0.0
    uint32_t ip = 0;         // bytes from the kernel's start
    ChannelMask active = 0;  // enabled by control flow
    ChannelMask dispatched = 0;
    /// Where inactive channels become active again.
    std::array<uint32_t, kMaxChannels> wakes_at{};
    Status status = Status::kRunning;
    bool barrier_signalled = false;
    uint32_t barrier_awaited = 0;  // Group::barriers_passed that lets it go on
    unsigned grf_bytes = 32;
    Group* group = nullptr;
    EuMemory* memory = nullptr;
    Surfaces* surfaces = nullptr;
    const Shader* shader = nullptr;
    std::string problem;

    void fail(std::string why) {
        status = Status::kBad;
        problem = std::move(why);
    }
    uint32_t grf_dword(unsigned byte) const {
        uint32_t value;
        std::memcpy(&value, grf + byte, sizeof value);
        return value;
    }
    void set_grf_dword(unsigned byte, uint32_t value) {
        std::memcpy(grf + byte, &value, sizeof value);
    }
    uint32_t a0_dword(unsigned index) const {
        return a0[2 * index & 15] | uint32_t{a0[(2 * index + 1) & 15]} << 16;
    }
};

/// Calls `f(channel)` for each set bit of `mask`, lowest first.
template <class F>
inline void for_each_channel(ChannelMask mask, F&& f) {
    for (; mask; mask &= mask - 1) f(static_cast<unsigned>(__builtin_ctz(mask)));
}

}  // namespace simgpu::intel::eu
