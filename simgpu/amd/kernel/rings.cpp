#include "simgpu/amd/kernel/rings.h"

#include <atomic>

#include "simgpu/amd/kernel/recovery.h"
#include "simgpu/amd/kernel/video_engine.h"
#include "simgpu/amd/pm4/create.h"
#include "simgpu/amd/sdma/create.h"

namespace simgpu::amdgpu {

namespace {

std::atomic<EngineFactory> engine_factory = create_engine;

}  // namespace

std::unique_ptr<Engine> create_engine(const RingPlace& place) {
    switch (place.ip->type) {
        case AMDGPU_HW_IP_GFX:
        case AMDGPU_HW_IP_COMPUTE:
            return create_pm4_engine(
                {.render_backends = place.model->device.num_rb_pipes,
                 .gb_addr_config = place.model->gb_addr_config(),
                 .metadata_alias_fix = place.model->metadata_alias_fix,
                 .moves_vertex_registers = place.model->moves_vertex_registers});
        case AMDGPU_HW_IP_DMA:
            return create_sdma_engine();
        default:
            return create_video_engine();
    }
}

void set_engine_factory_for_tests(EngineFactory factory) {
    engine_factory = factory ? factory : create_engine;
}

std::vector<sched::RingDescription> describe_rings(const ModelInfo& model) {
    std::vector<sched::RingDescription> rings;
    const JobTimeouts timeouts = job_timeouts();
    for (const IpBlock& ip : model.ips) {
        for (uint32_t number = 0; number < ip.ring_count; ++number) {
            const RingPlace place{&model, &ip};
            rings.push_back({.kind = ip.name,
                             .number = number,
                             .index = static_cast<uint32_t>(rings.size()),
                             .timeout_ns = timeouts.of(ip),
                             .full_reset_ns = timeouts.full_reset_ns(),
                             .create_engine = [place] { return engine_factory.load()(place); },
                             .recovery_from =
                                 [place](const JobOutcome& outcome) {
                                     return choose_recovery(outcome, *place.ip, *place.model);
                                 }});
        }
    }
    return rings;
}

}  // namespace simgpu::amdgpu
