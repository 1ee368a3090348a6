// The cost of a submission and of a fence to the VMM's thread, through the C ABI.
//
//   VIADUCT_ISOLATION=process|thread front-bench
#include <benchmark/benchmark.h>
#include <sched.h>

#include <algorithm>
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

double middle_ns(std::vector<Seconds> times) {
    std::ranges::sort(times);
    return 1e9 * times[times.size() / 2].count();
}

/// Fences behind a job that has not ended, so many that they are pending. `create_ns`: of one more,
/// as the mean of some; once among these a worker that sleeps is woken. `report_ns`: the mean of
/// all from the end of the job to the last report, with the time until the end is noticed. Medians
/// of all rounds: in some of them the processor does something else.
void pending_fences(benchmark::State& state) {
    constexpr uint64_t kMore = 50;
    const auto count = static_cast<uint64_t>(state.range(0));
    Vmm vmm(std::chrono::minutes(10));
    GuestContext guest(vmm, 1);
    const GpuContext context = guest.create_gpu_context();
    std::vector<Seconds> creating, reporting;
    uint32_t value = 0;
    for (auto _ : state) {
        const uint32_t buffer = guest.submit_held_write(context, ++value);
        for (uint64_t i = 0; i < count; ++i) {
            guest.create_fence(context.ring, vmm.next_fence_id());
            if (i % kBatch == kBatch - 1) guest.settle();
        }
        guest.settle();
        uint64_t last = 0;
        const auto start = Clock::now();
        for (uint64_t i = 0; i < kMore; ++i) {
            last = vmm.next_fence_id();
            guest.create_fence(context.ring, last);
        }
        creating.emplace_back(Clock::now() - start);
        guest.settle();
        const auto released = Clock::now();
        release_work(buffer);
        vmm.wait_fence(last);
        reporting.emplace_back(Clock::now() - released);
        virgl_renderer_resource_unref(buffer);
    }
    state.counters["create_ns"] = middle_ns(creating) / static_cast<double>(kMore);
    state.counters["report_ns"] = middle_ns(reporting) / static_cast<double>(count + kMore);
}
BENCHMARK(pending_fences)->Arg(10)->Arg(100)->Arg(1000)->Arg(5000)->Iterations(50)->UseRealTime();

}  // namespace
}  // namespace viaduct::test

BENCHMARK_MAIN();
