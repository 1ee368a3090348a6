// The cost of a submission and of a fence to the VMM's thread, through the C ABI.
//
//   VIADUCT_ISOLATION=process|thread front-bench
#include <benchmark/benchmark.h>
#include <sched.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

/// More under way would spill from the ring into the backlog, which costs something else.
constexpr uint32_t kBatch = 200;

/// A command that does nothing, as long as wanted (at least its header).
std::vector<std::byte> nothing(uint32_t seqno, size_t bytes) {
    std::vector<std::byte> request =
        Commands().add(wire::RequestHeader{1, static_cast<uint32_t>(bytes), seqno, 0}).bytes();
    request.resize(bytes);
    return request;
}

/// virgl_renderer_submit_cmd alone, while the worker is awake or asleep as it happens to be.
void submit(benchmark::State& state) {
    Vmm vmm;
    GuestContext guest(vmm, 1);
    uint32_t under_way = 0;
    for (auto _ : state) {
        state.PauseTiming();
        if (++under_way == kBatch) {
            guest.settle();
            under_way = 0;
        }
        const auto request = nothing(guest.next_seqno(), static_cast<size_t>(state.range(0)));
        state.ResumeTiming();
        guest.submit(request);
    }
    guest.settle();
}
BENCHMARK(submit)->Arg(16)->Arg(256)->Arg(4096);

/// A command that is answered, and the VMM that looks for the answer without sleeping.
void round_trip(benchmark::State& state) {
    Vmm vmm;
    GuestContext guest(vmm, 1);
    for (auto _ : state) {
        const uint32_t seqno = guest.next_seqno();
        guest.submit(nothing(seqno, 16));
        while (static_cast<int32_t>(guest.published_seqno() - seqno) < 0) ::sched_yield();
    }
}
BENCHMARK(round_trip)->UseRealTime();

/// Fences behind a job that has not ended, so many that they are pending at the end: the time of
/// each creation, and of each report once the job has ended (looked for every 100 us).
void pending_fences(benchmark::State& state) {
    const auto count = static_cast<uint64_t>(state.range(0));
    Vmm vmm(std::chrono::minutes(10));
    GuestContext guest(vmm, 1);
    const GpuContext context = guest.create_gpu_context();
    Seconds creating{}, reporting{};
    uint32_t value = 0;
    for (auto _ : state) {
        const uint32_t buffer = guest.submit_held_write(context, ++value);
        const auto start = Clock::now();
        uint64_t last = 0;
        for (uint64_t i = 0; i < count; ++i) {
            last = vmm.next_fence_id();
            guest.create_fence(context.ring, last);
            if (i % kBatch == kBatch - 1) guest.settle();
        }
        guest.settle();
        const auto created = Clock::now();
        release_work(buffer);
        vmm.wait_fence(last);
        creating += created - start;
        reporting += Clock::now() - created;
        virgl_renderer_resource_unref(buffer);
    }
    const double fences = static_cast<double>(count) * static_cast<double>(state.iterations());
    state.counters["create_ns"] = 1e9 * creating.count() / fences;
    state.counters["report_ns"] = 1e9 * reporting.count() / fences;
}
BENCHMARK(pending_fences)->Arg(10)->Arg(100)->Arg(1000)->Arg(5000)->Iterations(20)->UseRealTime();

}  // namespace
}  // namespace viaduct::test

BENCHMARK_MAIN();
