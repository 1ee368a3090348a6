#include "simgpu/gpu_thread.h"

#include <sched.h>

#include <utility>

namespace simgpu {

namespace {

cpu_set_t processors_now() {
    cpu_set_t set{};
    (void)::sched_getaffinity(0, sizeof(set), &set);
    return set;
}
const cpu_set_t kAtFirst = processors_now();

// Only where they differ: a monitor's own filter may kill a thread that asks for other processors.
void use_all_processors() {
    const cpu_set_t now = processors_now();
    if (!CPU_EQUAL(&now, &kAtFirst)) (void)::sched_setaffinity(0, sizeof(kAtFirst), &kAtFirst);
}

}  // namespace

std::thread start_gpu_thread(std::function<void()> run) {
    return std::thread([run = std::move(run)] {
        use_all_processors();
        run();
    });
}

}  // namespace simgpu
