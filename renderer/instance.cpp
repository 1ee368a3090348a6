#include "renderer/instance.h"

#include <unistd.h>

#include <atomic>

#include "base/log.h"
#include "renderer/log_output.h"
#include "renderer/settings/metrics_paths.h"
#include "renderer/settings/profiles.h"
#include "renderer/settings/vm_name.h"

namespace viaduct {

namespace {

// Applies the settings of this process. An invalid limit must not mean no limit: it disables native
// contexts, and the reason is logged where a missing GPU would be.
HostFactory host_factory(const Result<Budget>& budget, std::shared_ptr<VmCounters> counters,
                         std::shared_ptr<VmUsage> usage) {
    auto places = metrics_places(process_environment, ::getpid());
    const Error* error = !budget ? &budget.error() : !places ? &places.error() : nullptr;
    if (error)
        return [error = *error](const VmmGpu&,
                                FenceCallback) -> Result<std::unique_ptr<NativeContextHost>> {
            return tl::unexpected(error);
        };
    HostOptions options;
    options.limits = budget->context;
    options.vm_name = vm_name();
    options.counters = std::move(counters);
    options.usage = std::move(usage);
    options.metrics_paths = std::move(places->paths);
    options.metrics_wanted = places->wanted;
    return default_host_factory(std::move(options));
}

std::unique_ptr<Renderer> make_renderer() {
    configure_log();
    const auto budget = load_budget(process_environment);
    const auto counters = std::make_shared<VmCounters>();
    const auto usage = VmUsage::create(budget.value_or(Budget()).usage_limits(), counters);
    return std::make_unique<Renderer>(host_factory(budget, counters, usage),
                                      default_classic_provider(), usage);
}

// The process whose threads serve the instance; 0: none does.
std::atomic<pid_t> g_user{0};

std::unique_ptr<Renderer>& slot() {
    static auto& renderer = *new std::unique_ptr<Renderer>(make_renderer());
    return renderer;
}

}  // namespace

Renderer& instance() {
    if (g_user.load(std::memory_order_relaxed) == 0)
        g_user.store(::getpid(), std::memory_order_relaxed);
    return *slot();
}

bool belongs_to_parent() {
    const pid_t user = g_user.load(std::memory_order_relaxed);
    return user != 0 && user != ::getpid();
}

void give_instance_up() {
    g_user.store(0, std::memory_order_relaxed);
}

void replace_instance(std::unique_ptr<Renderer> renderer) {
    slot() = std::move(renderer);
}

}  // namespace viaduct
