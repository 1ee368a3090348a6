#include "simgpu/amd/sdma/sdma_engine.h"

#include <fmt/format.h>

#include <utility>

namespace simgpu::sdma {

namespace {

/// Dwords after the fixed part, which `fixed` holds.
uint32_t tail_dwords(Tail tail, const std::vector<uint32_t>& fixed) {
    switch (tail) {
        case Tail::kNone:
            return 0;
        case Tail::kNopCount:
            return fixed[0] >> 16 & 0x3fff;
        case Tail::kWriteCount:
            return (fixed.back() & 0xfffff) + 1;
    }
    return 0;
}

}  // namespace

SdmaEngine::SdmaEngine() : met_(packet_table().size()) {}

JobOutcome SdmaEngine::execute(const IndirectBuffer& ib, JobEnvironment& environment) {
    JobRun job(environment);
    streams_.clear();
    streams_.emplace_back(ib.va, ib.size_bytes / 4);
    Machine machine{job, streams_, counters_};
    while (!streams_.empty() && job.poll()) {
        if (streams_.back().dwords_left() == 0)
            streams_.pop_back();
        else if (!step(machine))
            break;
    }
    publish_counts();
    return std::move(job.outcome());
}

/// Runs one packet. False: the job has ended.
bool SdmaEngine::step(Machine& machine) {
    JobRun& job = machine.job;
    CommandStream& stream = machine.stream();
    const uint64_t va = stream.va();
    if (!stream.fetch(job, 1, fetched_)) return false;
    const PacketInfo* info = find_packet(fetched_[0]);
    if (!info)
        return job.hang(fmt::format("unknown SDMA packet {:#010x} at {:#x}", fetched_[0], va));
    const auto fetch_more = [&](uint32_t dwords) {
        if (dwords <= stream.dwords_left()) return stream.fetch_more(job, dwords, fetched_);
        return job.hang(fmt::format("SDMA {} at {:#x} has {} dwords, its IB ends after {}",
                                    info->name, va, fetched_.size() + dwords,
                                    fetched_.size() + stream.dwords_left()));
    };
    if (!fetch_more(info->dwords - 1) || !fetch_more(tail_dwords(info->tail, fetched_)))
        return false;
    met_[static_cast<size_t>(info - packet_table().data())]++;
    if (!info->handler) return machine.skipped(info->name);
    return info->handler(machine, Packet{fetched_});
}

void SdmaEngine::publish_counts() {
    for (size_t row = 0; row < met_.size(); row++)
        if (met_[row]) counters_.packets[packet_table()[row].name] += std::exchange(met_[row], 0);
}

}  // namespace simgpu::sdma
