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

// Only where they differ: a monitor's own filter may kill a thread that asks for other processors.
void use_all_processors() {
    const cpu_set_t now = processors_now();
    if (!CPU_EQUAL(&now, &kAtFirst)) (void)::sched_setaffinity(0, sizeof(kAtFirst), &kAtFirst);
}

}  // namespace

// The mask is inherited.
std::thread start_gpu_thread(std::function<void()> run) {
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread([run = std::move(run)] {
        is_gpu_thread = true;
        use_all_processors();
        run();
    });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

bool on_gpu_thread() {
    return is_gpu_thread;
}

}  // namespace simgpu
