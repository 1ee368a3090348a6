#include "simgpu/amd/kernel/recovery.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

#include "simgpu/log.h"

namespace simgpu::amdgpu {

using shared::Recovery;

JobTimeouts job_timeouts() {
    constexpr uint64_t kDefaultMs = 10'000;
    constexpr uint64_t kLongestMs = 3'600'000;
    constexpr uint64_t kNsPerMs = 1'000'000;
    constexpr uint64_t kComputeFactor = 6;
    uint64_t milliseconds = kDefaultMs;
    if (const char* text = std::getenv("VIADUCT_SIMGPU_HANG_MS")) {
        const char* end = text + std::strlen(text);
        const auto parsed = std::from_chars(text, end, milliseconds);
        if (parsed.ec != std::errc() || parsed.ptr != end || milliseconds == 0 ||
            milliseconds > kLongestMs) {
            log("VIADUCT_SIMGPU_HANG_MS='{}' is not 1 to {} milliseconds: using {}", text,
                kLongestMs, kDefaultMs);
            milliseconds = kDefaultMs;
        }
    }
    return {kComputeFactor * milliseconds * kNsPerMs, milliseconds * kNsPerMs};
}

uint64_t JobTimeouts::of(const IpBlock& ip) const {
    return ip.type == AMDGPU_HW_IP_COMPUTE ? compute_ns : other_ns;
}

Recovery choose_recovery(const JobOutcome& outcome, const IpBlock& ip, const ModelInfo& model,
                         const std::optional<InjectionRule>& injected) {
    using Wanted = InjectionRule::Recovery;
    switch (injected ? injected->recovery : Wanted::kKernels) {
        case Wanted::kSoft:
            return Recovery::kSoft;
        case Wanted::kRing:
            return Recovery::kRing;
        case Wanted::kFull:
            return Recovery::kFull;
        case Wanted::kVram:
            return Recovery::kVramLost;
        case Wanted::kKernels:
            break;
    }
    // gfx_v9_0_ring_soft_recovery() kills waves; gfx_v9_0_reset_kgq() and _kcq() reset a queue.
    // SDMA 4 has neither.
    const bool runs_shaders = ip.type == AMDGPU_HW_IP_GFX || ip.type == AMDGPU_HW_IP_COMPUTE;
    if (runs_shaders && outcome.kind != JobOutcome::Kind::kReset)
        return outcome.in_shader ? Recovery::kSoft : Recovery::kRing;
    // soc15_asic_reset_method(): an APU's mode 2 reset keeps memory; a card's mode 1 or BACO reset
    // does not (amdgpu_device_check_vram_lost()).
    const bool apu = model.device.ids_flags & AMDGPU_IDS_FLAGS_FUSION;
    return apu ? Recovery::kFull : Recovery::kVramLost;
}

std::string lockup_timeout() {
    constexpr uint64_t kNsPerMs = 1'000'000;
    const JobTimeouts timeouts = job_timeouts();
    const uint64_t other = timeouts.other_ns / kNsPerMs;
    return fmt::format("{},{},{},{}", other, timeouts.compute_ns / kNsPerMs, other, other);
}

}  // namespace simgpu::amdgpu
