#include "renderer/instance.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <new>

#include "base/log.h"
#include "renderer/log_output.h"
#include "renderer/settings/metrics_paths.h"
#include "renderer/settings/profiles.h"
#include "renderer/settings/record_settings.h"
#include "renderer/settings/vm_name.h"

namespace viaduct {

namespace {

// Applies the settings of this process. An invalid limit must not mean no limit: it disables native
// contexts, and the reason is logged where a missing GPU would be.
HostFactory host_factory(const Result<Budget>& budget, std::shared_ptr<VmCounters> counters,
                         std::shared_ptr<VmUsage> usage, bool records) {
    auto places = metrics_places(process_environment, ::getpid(), ::geteuid());
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
    options.metrics_wanted = places->wanted;
    // A recorder must see all requests, and compares memory when a fence retires: the guest must
    // not have gone on.
    options.offers_shortcuts = !records;
    return [options = std::move(options)](const VmmGpu& vmm, FenceCallback on_fence) {
        HostOptions own = options;
        // The process may have another user by now.
        own.metrics_paths = metrics_places(process_environment, ::getpid(), ::geteuid())->paths;
        return default_host_factory(std::move(own))(vmm, std::move(on_fence));
    };
}

// Without a recording the VM runs as well: a line gives the reason.
std::unique_ptr<Recorder> make_recorder() {
    const auto settings = record_settings(process_environment, ::getpid());
    if (settings && !*settings) return nullptr;
    auto recorder = settings ? Recorder::create(**settings) : tl::unexpected(settings.error());
    if (recorder) return *std::move(recorder);
    log(LogLevel::kError, "nothing is recorded: {}", recorder.error().message);
    return nullptr;
}

std::unique_ptr<Renderer> make_renderer() {
    configure_log();
    const auto budget = load_budget(process_environment);
    const auto counters = std::make_shared<VmCounters>();
    const auto usage = VmUsage::create(budget.value_or(Budget()).usage_limits(), counters);
    auto recorder = make_recorder();
    return std::make_unique<Renderer>(host_factory(budget, counters, usage, recorder != nullptr),
                                      default_classic_provider(), usage, UdmabufDevice::open,
                                      std::move(recorder));
}

// The process whose threads serve the instance; 0: none does.
std::atomic<pid_t> g_user{0};

// A number in a page of its own, which the kernel clears in a child (MADV_WIPEONFORK, Linux 4.14):
// a call notices a fork without a system call. Null on older kernels: there each call asks for the
// process id.
std::atomic<uint32_t>* make_mark() {
    void* page = ::mmap(nullptr, sizeof(std::atomic<uint32_t>), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return nullptr;
    if (::madvise(page, sizeof(std::atomic<uint32_t>), MADV_WIPEONFORK) == 0)
        return new (page) std::atomic<uint32_t>(0);
    ::munmap(page, sizeof(std::atomic<uint32_t>));
    return nullptr;
}

std::unique_ptr<Renderer>& slot() {
    static auto& renderer = *new std::unique_ptr<Renderer>(make_renderer());
    return renderer;
}

}  // namespace

// By this process, which may be the child of one that has given the instance up.
Renderer& instance_detail::use() {
    Renderer& renderer = *slot();
    static std::atomic<uint32_t>* const own_mark = make_mark();
    if (own_mark) own_mark->store(1, std::memory_order_relaxed);
    mark.store(own_mark, std::memory_order_release);
    g_user.store(::getpid(), std::memory_order_release);
    in_use.store(&renderer, std::memory_order_release);
    return renderer;
}

bool instance_detail::belongs_to_parent() {
    const pid_t user = g_user.load(std::memory_order_acquire);
    if (user == 0) return false;
    const auto* const own_mark = mark.load(std::memory_order_relaxed);
    return own_mark ? own_mark->load(std::memory_order_relaxed) == 0 : user != ::getpid();
}

void give_instance_up() {
    instance_detail::in_use.store(nullptr, std::memory_order_relaxed);
    g_user.store(0, std::memory_order_relaxed);
}

void replace_instance(std::unique_ptr<Renderer> renderer) {
    instance_detail::in_use.store(nullptr, std::memory_order_relaxed);
    slot() = std::move(renderer);
}

}  // namespace viaduct
