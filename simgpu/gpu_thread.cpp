#include "simgpu/gpu_thread.h"

#include <sched.h>

#include <csignal>
#include <utility>

namespace simgpu {

namespace {

cpu_set_t processors_now() {
    cpu_set_t set{};
    (void)::sched_getaffinity(0, sizeof(set), &set);
    return set;
}
const cpu_set_t kAtFirst = processors_now();

thread_local bool is_gpu_thread = false;

void block_sigpipe() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// Only where they differ: a monitor's own filter may kill a thread that asks for other processors.
void use_all_processors() {
    const cpu_set_t now = processors_now();
    if (!CPU_EQUAL(&now, &kAtFirst)) (void)::sched_setaffinity(0, sizeof(kAtFirst), &kAtFirst);
}

}  // namespace

std::thread start_gpu_thread(std::function<void()> run) {
    return std::thread([run = std::move(run)] {
        is_gpu_thread = true;
        block_sigpipe();
        use_all_processors();
        run();
    });
}

bool on_gpu_thread() {
    return is_gpu_thread;
}

}  // namespace simgpu
