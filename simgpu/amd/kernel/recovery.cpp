#include "simgpu/amd/kernel/recovery.h"

#include <fmt/format.h>

#include "simgpu/sched/job_timeout.h"

namespace simgpu::amdgpu {

using shared::Recovery;

JobTimeouts job_timeouts() {
    constexpr uint64_t kComputeFactor = 6;
    const uint64_t other_ns = sched::job_timeout_ns();
    return {kComputeFactor * other_ns, other_ns};
}

uint64_t JobTimeouts::of(const IpBlock& ip) const {
    return ip.type == AMDGPU_HW_IP_COMPUTE ? compute_ns : other_ns;
}

Recovery choose_recovery(const JobOutcome& outcome, const IpBlock& ip, const ModelInfo& model) {
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
