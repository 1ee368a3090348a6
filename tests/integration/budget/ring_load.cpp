#include "tests/integration/budget/ring_load.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <vector>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/budget/metrics.h"

namespace viaduct::test {

RingLoad::RingLoad(unsigned share, const std::string& instance, std::string metrics)
    : metrics_(std::move(metrics)) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    const UniqueFd input(ends[0]);
    lifeline_.reset(ends[1]);
    const std::vector<std::string> settings = {
        "VIADUCT_GPU_SHARE=" + std::to_string(share), "VIADUCT_GPU_BURST=10ms",
        "VIADUCT_SIMGPU_INSTANCE=" + instance, "VIADUCT_METRICS=unix:" + metrics_,
        "VIADUCT_PROFILE=unlimited"};
    std::vector<char*> environment;
    for (const std::string& setting : settings)
        environment.push_back(const_cast<char*>(setting.c_str()));
    for (char** entry = environ; *entry; ++entry) environment.push_back(*entry);
    environment.push_back(nullptr);
    char program[] = "/proc/self/exe", argument[] = "--load";
    char* arguments[] = {program, argument, nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
    ::posix_spawn(&pid_, program, &actions, nullptr, arguments, environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
}

RingLoad::~RingLoad() {
    lifeline_.reset();
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
}

double RingLoad::executed_seconds() const {
    const Samples samples = read_metrics(metrics_);
    if (samples.empty()) return -1;
    constexpr double kJob = 0.005;  // Vmm: slow:client=load:ms=5
    return kJob * sum_of(samples, "viaduct_ring_latency_seconds_count");
}

// As many submissions under way as a lively application has: the ring is never idle for want of
// work.
int run_load() {
    constexpr size_t kUnderWay = 6;
    Vmm vmm;
    GuestContext guest(vmm, 1, GuestContext::Control::kCreate, "load");
    const GpuContext context = guest.create_gpu_context();
    constexpr uint64_t kVa = 0x8000'0000;
    const uint32_t batch = guest.create_batch(kVa);
    if (batch == 0) return EXIT_FAILURE;
    std::deque<uint64_t> fences;
    pollfd input{STDIN_FILENO, POLLIN, 0};
    while (::poll(&input, 1, 0) == 0) {
        guest.send(guest.submission(context, kVa, batch));
        fences.push_back(vmm.next_fence_id());
        guest.create_fence(context.ring, fences.back());
        if (fences.size() < kUnderWay) continue;
        if (!vmm.wait_fence(fences.front())) return EXIT_FAILURE;
        fences.pop_front();
    }
    return EXIT_SUCCESS;
}

}  // namespace viaduct::test
