// NativeContextHost over workers.
#include <drm.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <mutex>
#include <optional>
#include <utility>

#include "base/log.h"
#include "drm-context/account/vm_account.h"
#include "drm-context/account/vm_usage.h"
#include "drm-context/device/job_timeout.h"
#include "drm-context/device/syncobj.h"
#include "drm-context/driver/table.h"
#include "drm-context/driver/traits.h"
#include "drm-context/front/context_link.h"
#include "drm-context/front/context_start.h"
#include "drm-context/front/device_file.h"
#include "drm-context/front/fence_thread.h"
#include "drm-context/front/patience.h"
#include "drm-context/front/remote_context.h"
#include "drm-context/front/task_thread.h"
#include "drm-context/front/timing.h"
#include "drm-context/front/vm_traffic.h"
#include "drm-context/metrics/client_name.h"
#include "drm-context/metrics/exposition.h"
#include "drm-context/metrics/metrics_server.h"
#include "drm-context/native_context.h"
#include "drm-context/worker/isolation.h"

namespace viaduct {

namespace {

// Mesa flushes its commands every 16 KiB; a ring holds a good many of those.
constexpr uint64_t kRingSize = 256 << 10;  // bytes

// How long the VMM waits for a new context to be up, if its patience lasts. A worker that is well
// takes about a millisecond; one whose GPU sleeps takes seconds, and the context starts without the
// VMM.
constexpr std::chrono::milliseconds kStartTime{20};

// State shared by all contexts.
struct Machinery {
    std::shared_ptr<VmAccount> vm;
    std::shared_ptr<WorkerLauncher> launcher;
    std::shared_ptr<FenceThread> fences;
    std::shared_ptr<TaskThread> opener;  // opens the GPU, starts workers
    std::shared_ptr<TaskThread> closer;  // closes what may wait for the GPU
    JobTimeout job_timeout;
    UniqueFd signalled;  // sync file
};

// A device that is closed on the thread that runs the task.
class Probe final : public Task {
  public:
    explicit Probe(std::unique_ptr<Device> device) : device_(std::move(device)) {}
    void run() override {}
    const DriverVersion& version() const { return device_->version(); }

  private:
    std::unique_ptr<Device> device_;
};

class Host final : public NativeContextHost {
  public:
    Host(OpenDevice open, std::unique_ptr<Device> probe, const ContextTypeInfo& type,
         const wire::CapsetDrm& capset, Machinery machinery, HostOptions options)
        : open_(std::move(open)),
          probe_(std::make_unique<Probe>(std::move(probe))),
          type_(type),
          capset_(capset),
          options_(std::move(options)),
          job_timeout_(machinery.job_timeout),
          vm_(std::move(machinery.vm)),
          traffic_(std::make_shared<VmTraffic>(options_.usage, vm_)),
          opener_(std::move(machinery.opener)),
          closer_(std::move(machinery.closer)),
          launcher_(std::move(machinery.launcher)),
          fences_(std::move(machinery.fences)),
          signalled_(std::move(machinery.signalled)) {}

    ~Host() override {
        fences_->stop();
        closer_->post(std::move(probe_));
    }

    const wire::CapsetDrm& capset() const override { return capset_; }
    GpuNote gpu() const override { return options_.gpu; }
    void serve_metrics() override {
        std::call_once(serves_, [this] { start_metrics(); });
    }

    Result<std::unique_ptr<NativeContext>> create_context(ContextId ctx_id,
                                                          std::string_view name) override {
        auto booked = book_context();
        if (!booked) return tl::unexpected(booked.error());
        std::optional<DeviceSource> source;
        if (options_.open_on == HostOptions::OpenOn::kCallersThread) {
            auto opened = open_();
            if (!opened) return tl::unexpected(opened.error());
            source = *std::move(opened);
        }
        auto channel = transport::create_channel(kRingSize);
        if (!channel) return tl::unexpected(channel.error());
        auto slot = vm_->take_slot(ctx_id, sanitise(name));
        if (!slot) return tl::unexpected(slot.error());
        WorkerStart start{std::move(channel->worker),
                          {},
                          vm_->duplicate_fd(),
                          vm_->duplicate_view(),
                          settings_for(name, *slot)};
        auto file = DeviceFile::create(VmSlot(vm_, *slot), closer_, std::move(booked->file));
        auto link =
            std::make_shared<ContextLink>(ctx_id, std::move(channel->front), std::move(file),
                                          closer_, patience_, traffic_, std::move(booked->link));
        link->set_job_timeout(job_timeout_);
        if (auto status = fences_->add(link); !status) return tl::unexpected(status.error());
        opener_->post(std::make_unique<ContextStart>(
            ContextStart::Parts{link, launcher_, std::move(start), open_, std::move(source),
                                [fences = fences_, link] { return fences->watch_anew(*link); },
                                std::move(booked->start)}));
        const auto started = link->wait_until_started(kStartTime);
        if (!started && started.error().code != ETIMEDOUT) {
            link->abandon();
            return tl::unexpected(started.error());
        }
        return std::make_unique<RemoteContext>(
            std::move(link), type_.traits(),
            [vm = vm_, most = options_.limits.vm_memory](uint64_t bytes) {
                return take_host_memory(vm, bytes, most);
            },
            options_.offers_shortcuts ? transport::Shortcuts::kOffered
                                      : transport::Shortcuts::kHidden);
    }

    // On the VMM's API thread: an ioctl here would first wake a GPU that sleeps.
    Result<UniqueFd> signalled_sync_file() override {
        UniqueFd file = signalled_.duplicate();
        if (!file) return fail(errno, "cannot duplicate a sync file (errno {})", errno);
        return file;
    }

    // Memory that workers hold stays charged to the VM until they have ended, and so does the
    // patience with them.
    void reset() override { fences_->abandon_all(); }

  private:
    /// A context's booking of the VMM's process, held as long as the context.
    struct Booked {
        ContextLink::Bookings link;
        Booking file;
        Booking start;  // descriptors for the worker, until it has them
    };
    Result<Booked> book_context() {
        Booked booked;
        if (!options_.usage) return booked;
        VmUsage& usage = *options_.usage;
        if (auto status = usage.admit_context(); !status) return tl::unexpected(status.error());
        auto context = usage.take_context();
        if (!context && fences_->make_room(kStartTime)) context = usage.take_context();
        if (!context) return tl::unexpected(context.error());
        booked.link.context = *std::move(context);
        const std::pair<uint64_t, Booking*> descriptors[] = {
            {ContextLink::kDescriptors, &booked.link.descriptors},
            {1, &booked.file},
            {ContextStart::kDescriptors, &booked.start}};
        for (const auto& [count, booking] : descriptors) {
            auto taken = usage.take_descriptors(count);
            if (!taken) return tl::unexpected(taken.error());
            *booking = *std::move(taken);
        }
        return booked;
    }

    WorkerSettings settings_for(std::string_view guest_name, uint32_t slot) const {
        WorkerSettings settings;
        settings.type = type_.type;
        settings.log_level = log_level();
        settings.set_names(sanitise(guest_name), make_client_name(options_.vm_name, guest_name));
        settings.limits = options_.limits;
        settings.slot = slot;
        return settings;
    }

    // Best effort: a VM runs without its figures too.
    void start_metrics() {
        for (const std::string& path : options_.metrics_paths) {
            auto server = MetricsServer::start(
                path, [identity = identity(), vm = vm_] { return exposition(identity, *vm); });
            if (!server) {
                log(options_.metrics_wanted ? LogLevel::kWarning : LogLevel::kDebug,
                    "cannot serve metrics at {}: {}", path, server.error().message);
                continue;
            }
            metrics_ = *std::move(server);
            return;
        }
    }

    VmIdentity identity() const {
        VmIdentity identity{options_.vm_name,       ::getpid(),      options_.gpu.description,
                            probe_->version().name, options_.limits, {}};
        for (const CommandEntry& command : type_.traits().commands)
            identity.commands.emplace_back(command.name);
        return identity;
    }

    const OpenDevice open_;
    std::unique_ptr<Probe> probe_;
    const ContextTypeInfo& type_;
    const wire::CapsetDrm capset_;
    const HostOptions options_;
    const JobTimeout job_timeout_;
    const std::shared_ptr<VmAccount> vm_;
    const std::shared_ptr<VmTraffic> traffic_;
    std::once_flag serves_;
    std::unique_ptr<MetricsServer> metrics_;
    const std::shared_ptr<TaskThread> opener_;
    const std::shared_ptr<TaskThread> closer_;
    const std::shared_ptr<WorkerLauncher> launcher_;  // ends what the fence thread still knows of
    const std::shared_ptr<FenceThread> fences_;
    // Of this VM; its links' to share.
    const std::shared_ptr<Patience> patience_ = std::make_shared<Patience>(answer_time());
    const UniqueFd signalled_;  // sync file; each caller gets a duplicate
};

Result<wire::CapsetDrm> make_capset(Device& device, const ContextTypeInfo& type) {
    wire::CapsetDrm capset{};
    const DriverVersion& version = device.version();
    capset.version_major = version.major;
    capset.version_minor = version.minor;
    capset.version_patchlevel = version.patchlevel;
    capset.context_type = type.type;
    if (auto status = type.fill_capset(device, capset); !status)
        return tl::unexpected(status.error());
    return capset;
}

Result<UniqueFd> make_signalled_sync_file(Device& device) {
    const auto syncobj = create_syncobj(device, DRM_SYNCOBJ_CREATE_SIGNALED);
    if (!syncobj) return tl::unexpected(syncobj.error());
    UniqueFd file;
    const int error = export_sync_file(device, *syncobj, file);
    destroy_syncobj(device, *syncobj);
    if (error < 0) return fail(-error, "cannot export a sync file (errno {})", -error);
    return file;
}

}  // namespace

Result<std::unique_ptr<NativeContextHost>> NativeContextHost::create(OpenDevice open,
                                                                     FenceCallback on_fence,
                                                                     HostOptions options) {
    auto source = open();
    if (!source) return tl::unexpected(source.error());
    const bool simulated = !source->simulated.empty();
    auto device = open_device(*std::move(source));
    if (!device) return tl::unexpected(device.error());
    const DriverVersion& version = (*device)->version();
    const ContextTypeInfo* type = find_context_type(version);
    if (!type)
        return fail(ENOTSUP, "no native context for driver {} {}.{}", version.name, version.major,
                    version.minor);
    auto capset = make_capset(**device, *type);
    if (!capset) return tl::unexpected(capset.error());
    auto signalled = make_signalled_sync_file(**device);
    if (!signalled) return tl::unexpected(signalled.error());
    auto fences = FenceThread::start(std::move(on_fence));
    if (!fences) return tl::unexpected(fences.error());
    auto opener = TaskThread::start("viaduct-opener");
    if (!opener) return tl::unexpected(opener.error());
    auto closer = TaskThread::start("viaduct-closer");
    if (!closer) return tl::unexpected(closer.error());
    auto vm = VmAccount::create(options.limits, options.counters);
    if (!vm) return tl::unexpected(vm.error());
    auto launcher = launch_workers(
        simulated, [account = *vm] { return account->counters().contexts_lost.load(); });
    return std::make_unique<Host>(
        std::move(open), *std::move(device), *type, *capset,
        Machinery{*vm, std::move(launcher), *std::move(fences), *std::move(opener),
                  *std::move(closer), longest_job_timeout(version.name, simulated),
                  *std::move(signalled)},
        std::move(options));
}

}  // namespace viaduct
