#include "drm-context/jail/jail.h"

#include <linux/capability.h>
#include <linux/dma-buf.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>

#include "base/log.h"
#include "drm-context/device/device_decorator.h"
#include "drm-context/device/fdinfo_file.h"
#include "drm-context/jail/landlock.h"
#include "drm-context/jail/namespaces.h"
#include "drm-context/jail/refusals.h"

namespace viaduct::jail {

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // shadow memory is counted as data
#else
constexpr bool kSanitized = false;
#endif

struct Limit {
    __rlimit_resource resource;
    rlim_t most;
    bool simulated;  // also with a simulated GPU
};

constexpr Limit kLimits[] = {
    {RLIMIT_CORE, 0, true},
    {RLIMIT_MSGQUEUE, 0, true},
    {RLIMIT_MEMLOCK, 0, true},
    // Heap and private pages. The GPU's memory is not among them, except a simulated one's
    // threads.
    {RLIMIT_DATA, rlim_t{1} << 30, true},
    {RLIMIT_NPROC, 0, false},  // no thread either
    {RLIMIT_FSIZE, 0, false},  // of files that it would make grow; it has none
    {RLIMIT_NOFILE, 16384, true},
};

Status set_limits(Gpu gpu) {
    for (const Limit& limit : kLimits) {
        if (gpu == Gpu::kSimulated && !limit.simulated) continue;
        if (kSanitized && (limit.resource == RLIMIT_DATA || limit.resource == RLIMIT_NPROC))
            continue;
        rlimit value{};
        ::getrlimit(limit.resource, &value);
        value.rlim_max = std::min(value.rlim_max, limit.most);
        value.rlim_cur = value.rlim_max;
        if (::setrlimit(limit.resource, &value) != 0)
            return fail(errno, "limit {}: {}", static_cast<int>(limit.resource),
                        std::strerror(errno));
    }
    return {};
}

// A process of its own user namespace has all capabilities there; root has them everywhere.
Status drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capset, &header, none) != 0)
        return fail(errno, "capset: {}", std::strerror(errno));
    return {};
}

// Not there if the host refuses an empty root directory: then the filter alone must do.
void enter_empty_directory() {
    if (::access(kEmptyDirectory, F_OK) == 0 && ::chroot(kEmptyDirectory) == 0) (void)!::chdir("/");
}

class CheckedDevice final : public DeviceDecorator {
  public:
    CheckedDevice(std::unique_ptr<Device> device, const std::vector<uint32_t>& requests)
        : DeviceDecorator(std::move(device)), requests_(requests.begin(), requests.end()) {}

    int ioctl(unsigned long request, void* argument) override {
        return allows(request) ? DeviceDecorator::ioctl(request, argument) : -EPERM;
    }
    Result<UniqueFd> unfinished_uses(int dmabuf) override {
        if (!allows(DMA_BUF_IOCTL_EXPORT_SYNC_FILE))
            return fail(EPERM, "a worker of this driver asks no dma-buf for its fences");
        return DeviceDecorator::unfinished_uses(dmabuf);
    }

  private:
    bool allows(unsigned long request) {
        if (requests_.contains(static_cast<uint32_t>(request))) return true;
        if (reported_.insert(static_cast<uint32_t>(request)).second)
            log(LogLevel::kWarning, "a worker's jail refuses ioctl request {:#x}", request);
        return false;
    }

    const std::set<uint32_t> requests_;
    std::set<uint32_t> reported_;
};

}  // namespace

Result<Cell> prepare(const ContextTypeInfo& type, Gpu gpu) {
    Cell cell{{}, ioctl_requests(type), gpu};
    const bool simulated = gpu == Gpu::kSimulated;
    const std::span<const SyscallRule> rules[] = {
        worker_rules(), sanitizer_rules(),
        simulated ? simulated_gpu_rules() : std::span<const SyscallRule>()};
    // The simulated GPU's ioctls are function calls: of the real ones it needs none.
    auto filter = SyscallFilter::build(
        rules, simulated ? std::span<const uint32_t>() : std::span(cell.ioctl_requests));
    if (!filter) return tl::unexpected(filter.error());
    cell.filter = *std::move(filter);
    return cell;
}

Status close(const Cell& cell, int report_to) {
    if (auto status = set_limits(cell.gpu); !status) return status;
    enter_empty_directory();
    if (auto status = drop_capabilities(); !status) return status;
    // No core dump, and no other process of the user looks into this one.
    ::prctl(PR_SET_DUMPABLE, 0);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail(errno, "no_new_privs: {}", std::strerror(errno));
    enter_landlock();
    if (auto status = report_refusals(report_to); !status) return status;
    return cell.filter.load();
}

void offer_to_the_oom_killer() {
    constexpr std::string_view kFirst = "1000";  // linux/oom.h: OOM_SCORE_ADJ_MAX
    const UniqueFd score = open_oom_score_adj();
    // Any process may raise it. Without it the host's other processes are in more danger.
    (void)!::write(score.get(), kFirst.data(), kFirst.size());
}

Result<std::unique_ptr<Device>> check_ioctls(std::unique_ptr<Device> device, const Cell& cell) {
    if (cell.gpu == Gpu::kReal) return device;
    auto checked = std::make_unique<CheckedDevice>(std::move(device), cell.ioctl_requests);
    if (auto status = checked->read_version(); !status) return tl::unexpected(status.error());
    return std::unique_ptr<Device>(std::move(checked));
}

}  // namespace viaduct::jail
