#include "renderer/instance.h"

#include <unistd.h>

#include "blob/log.h"
#include "renderer/log_output.h"
#include "renderer/settings/metrics_paths.h"
#include "renderer/settings/profiles.h"
#include "renderer/settings/vm_name.h"

namespace viaduct {

namespace {

// What people set for this process. A limit that makes no sense must not mean none: then there are
// no native contexts, and the reason is told where a missing GPU would be.
HostFactory host_factory(const Result<Budget>& budget, std::shared_ptr<VmAccount> account) {
    auto places = metrics_places(process_environment, ::getpid());
    const Error* error = !budget ? &budget.error() : !places ? &places.error() : nullptr;
    if (error)
        return [error = *error](const VmmDrmFd&,
                                FenceCallback) -> Result<std::unique_ptr<NativeContextHost>> {
            return tl::unexpected(error);
        };
    HostOptions options;
    options.limits = budget->context;
    options.vm_name = vm_name();
    options.account = std::move(account);
    options.metrics_paths = std::move(places->paths);
    options.metrics_wanted = places->wanted;
    return default_host_factory(std::move(options));
}

std::unique_ptr<Renderer> make_renderer() {
    configure_log();
    const auto budget = load_budget(process_environment);
    // Without memory for the account, contexts will not start either, and tell.
    const auto account = VmAccount::create().value_or(nullptr);
    return std::make_unique<Renderer>(
        host_factory(budget, account), default_classic_provider(),
        std::make_unique<VmUsage>(budget.value_or(Budget()), account));
}

std::unique_ptr<Renderer>& slot() {
    static auto& renderer = *new std::unique_ptr<Renderer>(make_renderer());
    return renderer;
}

}  // namespace

Renderer& instance() {
    return *slot();
}

void replace_instance(std::unique_ptr<Renderer> renderer) {
    slot() = std::move(renderer);
}

}  // namespace viaduct
