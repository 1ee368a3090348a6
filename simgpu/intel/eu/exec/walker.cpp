#include "simgpu/intel/eu/exec/walker.h"

#include <fmt/format.h>

#include <algorithm>

#include "simgpu/intel/eu/exec/payload.h"
#include "simgpu/intel/eu/exec/thread_loop.h"

namespace simgpu::intel::eu {

namespace {

class WalkerRun {
  public:
    WalkerRun(const Walker& walker, const StateBases& bases, const ChipInfo& chip,
              JobEnvironment& environment, EngineCounters& counters)
        : walker_(walker),
          chip_(chip),
          memory_(environment.memory),
          surfaces_(memory_, bases, chip, walker.binding_table),
          program_(memory_, walker.kernel_va, chip.generation),
          loop_(program_, memory_, environment, counters) {}

    JobOutcome run();

  private:
    std::string problem() const;
    JobOutcome run_group(const std::array<uint32_t, 3>& id);
    void start_thread(Thread& thread, uint32_t number, const std::array<uint32_t, 3>& id);
    bool can_run(const Thread& thread) const;

    const Walker& walker_;
    const ChipInfo& chip_;
    EuMemory memory_;
    Surfaces surfaces_;
    Program program_;
    ThreadLoop loop_;
    Group group_;
    std::vector<Thread> threads_;
};

/// The reason why the hardware could not run it. Empty if it could.
std::string WalkerRun::problem() const {
    const uint32_t most = chip_.topology.eus_per_subslice * uint32_t{chip_.topology.threads_per_eu};
    if (walker_.threads_per_group == 0 || walker_.threads_per_group > most)
        return fmt::format("a group of {} threads; a subslice has {}", walker_.threads_per_group,
                           most);
    if (walker_.slm_bytes > chip_.slm_bytes)
        return fmt::format("a group with {} bytes of shared local memory; there are {}",
                           walker_.slm_bytes, chip_.slm_bytes);
    if (walker_.simd > kMaxChannels) return "reserved SIMD size";
    return {};
}

JobOutcome WalkerRun::run() {
    if (const std::string why = problem(); !why.empty())
        return make_outcome(JobOutcome::Kind::kBadShader,
                            fmt::format("kernel at {:#x}: {}", walker_.kernel_va, why));
    // Else a grid of no width but great height would be walked in vain.
    for (unsigned i = 0; i < 3; i++)
        if (walker_.start[i] >= walker_.end[i]) return {};
    group_.slm.resize(walker_.slm_bytes);
    group_.slm_bytes = walker_.slm_bytes;
    threads_.resize(walker_.threads_per_group);
    std::array<uint32_t, 3> id;
    for (id[2] = walker_.start[2]; id[2] < walker_.end[2]; id[2]++)
        for (id[1] = walker_.start[1]; id[1] < walker_.end[1]; id[1]++)
            for (id[0] = walker_.start[0]; id[0] < walker_.end[0]; id[0]++) {
                JobOutcome outcome = run_group(id);
                if (!outcome.done()) return outcome;
            }
    return {};
}

void WalkerRun::start_thread(Thread& thread, uint32_t number, const std::array<uint32_t, 3>& id) {
    thread = Thread{};
    thread.grf_bytes = chip_.grf_bytes;
    thread.group = &group_;
    thread.memory = &memory_;
    thread.surfaces = &surfaces_;
    thread.control = walker_.control;
    thread.dispatched = mask_of(walker_.simd);
    if (number + 1 == walker_.threads_per_group) thread.dispatched &= walker_.last_mask;
    thread.active = thread.dispatched;
    load_payload(thread, walker_, chip_, id, number);
}

bool WalkerRun::can_run(const Thread& thread) const {
    if (thread.status == Thread::Status::kBarrier)
        return group_.barriers_passed >= thread.barrier_awaited;
    return thread.status == Thread::Status::kRunning;
}

JobOutcome WalkerRun::run_group(const std::array<uint32_t, 3>& id) {
    std::ranges::fill(group_.slm, std::byte{0});
    group_.threads = walker_.threads_per_group;
    group_.arrived = 0;
    group_.barriers_passed = 0;
    for (uint32_t i = 0; i < walker_.threads_per_group; i++) start_thread(threads_[i], i, id);
    JobOutcome outcome;
    for (size_t left = threads_.size(); left > 0;) {
        bool any_ran = false;
        for (Thread& thread : threads_) {
            if (!can_run(thread)) continue;
            any_ran = true;
            thread.status = Thread::Status::kRunning;
            if (!loop_.run(thread, outcome)) return outcome;
            if (thread.status == Thread::Status::kEnded) left--;
        }
        if (!any_ran)
            return make_outcome(
                JobOutcome::Kind::kHang,
                fmt::format("kernel at {:#x}: threads wait at a barrier that others "
                            "of their group never reach",
                            walker_.kernel_va));
    }
    loop_.poll(outcome);
    return outcome;
}

}  // namespace

JobOutcome run_walker(const Walker& walker, const StateBases& bases, const ChipInfo& chip,
                      JobEnvironment& environment, EngineCounters& counters) {
    return WalkerRun(walker, bases, chip, environment, counters).run();
}

}  // namespace simgpu::intel::eu
