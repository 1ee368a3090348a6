#include "tests/unit/drm-context/jail/allowed_calls.h"

#include <amdgpu_drm.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <vector>

#include "drm-context/device/set_client_name.h"
#include "drm-context/driver/traits.h"
#include "drm-context/i915/uapi.h"
#include "drm-context/jail/rules.h"
#include "uapi/xe.h"

namespace viaduct::test {
namespace {

using jail::Answer;
using jail::SyscallRule;

struct IoctlName {
    uint64_t request;
    const char* name;
};

#define VIADUCT_IOCTL(request) \
    { request, #request }

const IoctlName kIoctlNames[] = {
    VIADUCT_IOCTL(DRM_IOCTL_VERSION),
    VIADUCT_IOCTL(DRM_IOCTL_GEM_CLOSE),
    VIADUCT_IOCTL(DRM_IOCTL_PRIME_HANDLE_TO_FD),
    VIADUCT_IOCTL(DRM_IOCTL_PRIME_FD_TO_HANDLE),
    VIADUCT_IOCTL(DRM_IOCTL_SYNCOBJ_CREATE),
    VIADUCT_IOCTL(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD),
    VIADUCT_IOCTL(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE),
    VIADUCT_IOCTL(DRM_IOCTL_SYNCOBJ_WAIT),
    VIADUCT_IOCTL(SYNC_IOC_MERGE),
    VIADUCT_IOCTL(SYNC_IOC_FILE_INFO),
    VIADUCT_IOCTL(DMA_BUF_IOCTL_EXPORT_SYNC_FILE),
    {kSetClientName, "DRM_IOCTL_SET_CLIENT_NAME"},
    VIADUCT_IOCTL(DRM_IOCTL_AMDGPU_CS),
    VIADUCT_IOCTL(DRM_IOCTL_AMDGPU_CTX),
    VIADUCT_IOCTL(DRM_IOCTL_AMDGPU_GEM_CREATE),
    VIADUCT_IOCTL(DRM_IOCTL_AMDGPU_GEM_METADATA),
    VIADUCT_IOCTL(DRM_IOCTL_AMDGPU_GEM_MMAP),
    VIADUCT_IOCTL(DRM_IOCTL_AMDGPU_GEM_OP),
    VIADUCT_IOCTL(DRM_IOCTL_AMDGPU_GEM_VA),
    VIADUCT_IOCTL(DRM_IOCTL_AMDGPU_INFO),
    VIADUCT_IOCTL(DRM_IOCTL_AMDGPU_VM),
    VIADUCT_IOCTL(DRM_IOCTL_AMDGPU_WAIT_CS),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_BUSY),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_CONTEXT_CREATE),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_CONTEXT_CREATE_EXT),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_CREATE),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_CREATE_EXT),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_GET_APERTURE),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_GET_TILING),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_MMAP_OFFSET),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_SET_DOMAIN),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_SET_TILING),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_VM_CREATE),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_VM_DESTROY),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GEM_WAIT),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GETPARAM),
    VIADUCT_IOCTL(DRM_IOCTL_I915_GET_RESET_STATS),
    VIADUCT_IOCTL(DRM_IOCTL_I915_QUERY),
    VIADUCT_IOCTL(DRM_IOCTL_I915_REG_READ),
    {uapi::xe::kDeviceQuery, "DRM_IOCTL_XE_DEVICE_QUERY"},
    {uapi::xe::kExec, "DRM_IOCTL_XE_EXEC"},
    {uapi::xe::kExecQueueCreate, "DRM_IOCTL_XE_EXEC_QUEUE_CREATE"},
    {uapi::xe::kExecQueueDestroy, "DRM_IOCTL_XE_EXEC_QUEUE_DESTROY"},
    {uapi::xe::kExecQueueGetProperty, "DRM_IOCTL_XE_EXEC_QUEUE_GET_PROPERTY"},
    {uapi::xe::kGemCreate, "DRM_IOCTL_XE_GEM_CREATE"},
    {uapi::xe::kGemMmapOffset, "DRM_IOCTL_XE_GEM_MMAP_OFFSET"},
    {uapi::xe::kVmBind, "DRM_IOCTL_XE_VM_BIND"},
    {uapi::xe::kVmCreate, "DRM_IOCTL_XE_VM_CREATE"},
    {uapi::xe::kVmDestroy, "DRM_IOCTL_XE_VM_DESTROY"},
};

constexpr uint64_t kInt = UINT32_MAX;
constexpr uint64_t kThread = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
constexpr uint64_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                 CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

struct Condition {
    int number;
    jail::ArgumentCheck check;
    const char* words;
};

const Condition kConditions[] = {
    {SCMP_SYS(fcntl), {1, kInt, F_DUPFD_CLOEXEC}, "`F_DUPFD_CLOEXEC`"},
    {SCMP_SYS(fcntl), {1, kInt, F_GET_SEALS}, "`F_GET_SEALS`"},
    {SCMP_SYS(fcntl), {1, kInt, F_ADD_SEALS}, "`F_ADD_SEALS`"},
    {SCMP_SYS(fcntl), {1, kInt, F_OFD_SETLK}, "`F_OFD_SETLK`"},
    {SCMP_SYS(fcntl), {1, kInt, F_OFD_SETLKW}, "`F_OFD_SETLKW`"},
    {SCMP_SYS(fcntl), {1, kInt, F_OFD_GETLK}, "`F_OFD_GETLK`"},
    {SCMP_SYS(mmap), {2, PROT_EXEC, 0}, "without `PROT_EXEC`"},
    {SCMP_SYS(mprotect), {2, PROT_EXEC, 0}, "without `PROT_EXEC`"},
    {SCMP_SYS(sched_getaffinity), {0, kInt, 0}, "its own thread"},
    {SCMP_SYS(sched_setaffinity), {0, kInt, 0}, "its own thread"},
    {SCMP_SYS(memfd_create),
     {1, kInt & ~uint64_t{MFD_CLOEXEC | MFD_ALLOW_SEALING}, 0},
     "no flags but `MFD_CLOEXEC` and `MFD_ALLOW_SEALING`"},
    {SCMP_SYS(pipe2), {1, kInt, O_CLOEXEC}, "`O_CLOEXEC`"},
    {SCMP_SYS(fchmod), {1, kInt, 01640}, "mode 01640"},
    {SCMP_SYS(utimensat), {1, ~uint64_t{0}, 0}, "no path: the descriptor itself"},
    {SCMP_SYS(socketpair), {0, kInt, AF_UNIX}, "`AF_UNIX`"},
    {SCMP_SYS(socketpair),
     {1, kInt, SOCK_SEQPACKET | SOCK_CLOEXEC},
     "`SOCK_SEQPACKET`, `SOCK_CLOEXEC`"},
    {SCMP_SYS(clone), {0, kThread | kNamespaces, kThread}, "a thread of this process"},
    {SCMP_SYS(newfstatat), {3, kInt, AT_EMPTY_PATH}, "`AT_EMPTY_PATH`, the descriptor itself"},
};

std::string name_of_call(int number) {
    char* const name = ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    std::string text = name ? name : fmt::format("{}", number);
    std::free(name);
    return text;
}

std::string words_for(int number, const jail::ArgumentCheck& check) {
    if (check.mask == 0) return {};
    for (const Condition& row : kConditions)
        if (row.number == number && row.check.argument == check.argument &&
            row.check.mask == check.mask && row.check.value == check.value)
            return row.words;
    throw std::out_of_range(fmt::format("{} has a condition without a name", name_of_call(number)));
}

std::string condition_of(const SyscallRule& rule) {
    const std::string second = words_for(rule.number, rule.second_check);
    return words_for(rule.number, rule.check) + (second.empty() ? "" : ", " + second);
}

std::string name_of_ioctl(uint32_t request) {
    for (const IoctlName& row : kIoctlNames)
        if (static_cast<uint32_t>(row.request) == request) return row.name;
    throw std::out_of_range(fmt::format("ioctl {:#x} has no name", request));
}

std::string call_table(const char* title, std::span<const SyscallRule> rules) {
    std::string rows, refused;
    std::set<int> calls;
    for (const SyscallRule& rule : rules) {
        const std::string name = name_of_call(rule.number);
        if (rule.answer == Answer::kAllow) {
            calls.insert(rule.number);
            rows += fmt::format("| `{}` | {} |\n", name, condition_of(rule));
        } else {
            refused += fmt::format("{}`{}` ({})", refused.empty() ? "" : ", ", name,
                                   rule.answer == Answer::kNoSuchCall ? "ENOSYS" : "EPERM");
        }
    }
    return fmt::format(
        "**{}: {} system calls**\n\n| call | if |\n|---|---|\n{}\n"
        "Refused without a line in the log: {}.\n\n",
        title, calls.size(), rows, refused);
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names)
        text += fmt::format("{}`{}`", text.empty() ? "" : ", ", name);
    return text;
}

std::string ioctl_table() {
    const auto types = context_types();
    std::vector<uint32_t> common = jail::ioctl_requests(types.front());
    for (const ContextTypeInfo& type : types) {
        const auto requests = jail::ioctl_requests(type);
        std::erase_if(common, [&](uint32_t request) {
            return !std::ranges::binary_search(requests, request);
        });
    }
    std::string rows;
    const auto add_row = [&rows](std::string_view driver, const std::vector<uint32_t>& requests) {
        std::vector<std::string> names;
        for (const uint32_t request : requests) names.push_back(name_of_ioctl(request));
        std::ranges::sort(names);
        rows += fmt::format("| {} | {} | {} |\n", driver, names.size(), joined(names));
    };
    add_row("any", common);
    for (const ContextTypeInfo& type : types) {
        auto requests = jail::ioctl_requests(type);
        std::erase_if(requests, [&](uint32_t request) {
            return std::ranges::binary_search(common, request);
        });
        add_row(type.kernel_driver, requests);
    }
    return "**On a real GPU, ioctls with exactly these requests**\n\n| driver | | requests "
           "|\n|---|---|---|\n" +
           rows;
}

}  // namespace

std::string allowed_calls() {
    return call_table("Any worker", jail::worker_rules()) +
           call_table("In addition, with a simulated GPU", jail::simulated_gpu_rules()) +
           ioctl_table();
}

}  // namespace viaduct::test
