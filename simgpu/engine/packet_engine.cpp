#include "simgpu/engine/packet_engine.h"

#include <fmt/format.h>

#include <utility>

namespace simgpu {

namespace {

// PM4's hardware has two levels (IB1 calls IB2), SDMA's one; a little more costs nothing.
constexpr size_t kDeepestNesting = 4;

}  // namespace

bool PacketRun::call(uint64_t va, uint32_t dwords) {
    if (streams.size() >= kDeepestNesting) return false;
    streams.emplace_back(va, dwords);
    return true;
}

JobOutcome PacketEngine::execute(const IndirectBuffer& ib, JobEnvironment& environment) {
    JobRun job(environment);
    streams_.clear();
    streams_.emplace_back(ib.va, ib.size_bytes / 4);
    PacketRun run{job, streams_, counters_};
    while (!streams_.empty() && job.poll()) {
        if (streams_.back().dwords_left() == 0)
            streams_.pop_back();
        else if (!step(run))
            break;
    }
    publish_counts();
    return std::move(job.outcome());
}

bool PacketEngine::step(PacketRun& run) {
    packet_va_ = run.stream().va();
    return run.stream().fetch(run.job, 1, fetched_) && run_packet(run);
}

bool PacketEngine::end_short(PacketRun& run, const std::string& name, uint32_t dwords) {
    return run.job.hang(fmt::format("{} at {:#x} has {} dwords, its IB ends after {}", name,
                                    packet_va_, fetched_.size() + dwords,
                                    fetched_.size() + run.stream().dwords_left()));
}

void PacketEngine::publish_counts() {
    for (size_t kind = 0; kind < met_.size(); kind++) {
        if (met_[kind] == 0) continue;
        const std::string name = kind_name(kind);
        counters_.packets[name] += std::exchange(met_[kind], 0);
        if (skipped_[kind]) counters_.skipped[name] += std::exchange(skipped_[kind], 0);
    }
}

}  // namespace simgpu
