// PacketEngine: what packet processors have in common, whatever their packets look like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "simgpu/engine/command_stream.h"
#include "simgpu/engine/engine.h"
#include "simgpu/engine/job_run.h"

namespace simgpu {

/// Dwords of one packet, in a private copy: what the job's memory holds meanwhile does not matter.
struct PacketDwords {
    std::span<const uint32_t> dwords;

    uint32_t operator[](size_t index) const { return dwords[index]; }
    size_t size() const { return dwords.size(); }
    /// The 64-bit value in dwords `index` (low) and `index + 1`.
    uint64_t pair(size_t index) const { return uint64_t{dwords[index + 1]} << 32 | dwords[index]; }
    /// The same as an address of something of 4 or 8 bytes: hardware ignores the low bits.
    uint64_t va32(size_t index) const { return pair(index) & ~uint64_t{3}; }
    uint64_t va64(size_t index) const { return pair(index) & ~uint64_t{7}; }
};

/// A packet processor while one job runs.
struct PacketRun {
    JobRun& job;
    /// The IB that runs (last) and those it was called from.
    std::vector<CommandStream>& streams;
    EngineCounters& counters;

    CommandStream& stream() { return streams.back(); }
    /// Continues in another IB, and here when that ends. False if IBs are nested too deeply.
    bool call(uint64_t va, uint32_t dwords);
    /// Counts work that was passed over under a name of its own. Always true, so that a handler
    /// can `return run.skipped(...)`.
    bool skipped(const char* name) {
        counters.skipped[name]++;
        return true;
    }
};

/// Runs IBs packet by packet and counts the packets. A family's engine runs one packet.
class PacketEngine : public Engine {
  public:
    JobOutcome execute(const IndirectBuffer& ib, JobEnvironment& environment) final;
    const EngineCounters& counters() const final { return counters_; }

  protected:
    /// `kinds`: of packets that count_packet() tells apart.
    explicit PacketEngine(size_t kinds) : met_(kinds), skipped_(kinds) {}

    /// Runs the packet that begins with packet()[0]; the rest has to be fetched. False: the job has
    /// ended.
    virtual bool run_packet(PacketRun& run) = 0;
    /// The name under which packets of this kind are counted.
    virtual std::string kind_name(size_t kind) const = 0;

    /// The part of the packet fetched so far, its header first.
    std::span<const uint32_t> packet() const { return fetched_; }
    uint64_t packet_va() const { return packet_va_; }
    /// Fetches `dwords` more. Ends the job if the IB has not that many; `name()` is the packet's in
    /// the report.
    template <typename Name>
    bool fetch_rest(PacketRun& run, uint32_t dwords, Name name) {
        if (dwords > run.stream().dwords_left()) return end_short(run, name(), dwords);
        return run.stream().fetch_more(run.job, dwords, fetched_);
    }

    void count_packet(size_t kind) { met_[kind]++; }
    /// Beside count_packet(): it was passed over. Always true.
    bool count_skipped(size_t kind) {
        skipped_[kind]++;
        return true;
    }

  private:
    bool step(PacketRun& run);
    bool end_short(PacketRun& run, const std::string& name, uint32_t dwords);
    void publish_counts();

    EngineCounters counters_;
    // By kind; put into the named counters at the end of each job.
    std::vector<uint64_t> met_;
    std::vector<uint64_t> skipped_;
    std::vector<CommandStream> streams_;
    std::vector<uint32_t> fetched_;
    uint64_t packet_va_ = 0;
};

}  // namespace simgpu
