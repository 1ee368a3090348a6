#include "drm-context/jail/syscall_filter.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "blob/memfd.h"
#include "drm-context/jail/refusals.h"

namespace viaduct::jail {

namespace {

struct Release {
    void operator()(void* context) const { ::seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

// The action for calls that are on no list.
const uint32_t kOtherwise = kReportsRefusals ? SCMP_ACT_TRAP : SCMP_ACT_ERRNO(EPERM);

uint32_t action_of(Answer answer) {
    switch (answer) {
        case Answer::kAllow:
            return SCMP_ACT_ALLOW;
        case Answer::kNoSuchCall:
            return SCMP_ACT_ERRNO(ENOSYS);
        case Answer::kRefuse:
            return SCMP_ACT_ERRNO(EPERM);
    }
    return SCMP_ACT_ERRNO(EPERM);
}

int add(scmp_filter_ctx context, const SyscallRule& rule) {
    // libseccomp rejects a rule that repeats the default action.
    if (action_of(rule.answer) == kOtherwise) return 0;
    scmp_arg_cmp checks[2];
    unsigned count = 0;
    for (const auto& [argument, mask, value] : {rule.check, rule.second_check})
        if (mask != 0) checks[count++] = {argument, SCMP_CMP_MASKED_EQ, mask, value};
    return ::seccomp_rule_add_array(context, action_of(rule.answer), rule.number, count, checks);
}

int add_ioctls(scmp_filter_ctx context, std::span<const uint32_t> requests) {
    for (const uint32_t request : requests) {
        const SyscallRule rule{SCMP_SYS(ioctl), {1, UINT32_MAX, request}, Answer::kAllow, {}};
        if (const int error = add(context, rule)) return error;
    }
    return 0;
}

Result<std::vector<std::byte>> export_program(scmp_filter_ctx context) {
    const UniqueFd file(::memfd_create("viaduct-filter", MFD_CLOEXEC));
    if (!file || ::seccomp_export_bpf(context, file.get()) != 0)
        return fail(EIO, "cannot build the system-call filter");
    const auto size = object_size(file.get());
    if (!size) return tl::unexpected(size.error());
    std::vector<std::byte> program(*size);
    if (::pread(file.get(), program.data(), program.size(), 0) !=
        static_cast<ssize_t>(program.size()))
        return fail(EIO, "cannot read the system-call filter back");
    return program;
}

}  // namespace

Result<SyscallFilter> SyscallFilter::build(std::span<const std::span<const SyscallRule>> rules,
                                           std::span<const uint32_t> ioctl_requests) {
    const Context context(::seccomp_init(kOtherwise));
    if (!context) return fail(ENOMEM, "no memory for a system-call filter");
    for (const auto part : rules)
        for (const SyscallRule& rule : part) {
            // Calls that an architecture does not have (poll on arm64) have pseudo numbers.
            if (rule.number < 0) continue;
            if (const int error = add(context.get(), rule); error != 0 && error != -EEXIST)
                return fail(-error, "cannot add a filter rule for system call {}", rule.number);
        }
    if (const int error = add_ioctls(context.get(), ioctl_requests))
        return fail(-error, "cannot add a filter rule for an ioctl");
    auto program = export_program(context.get());
    if (!program) return tl::unexpected(program.error());
    SyscallFilter filter;
    filter.program_ = *std::move(program);
    return filter;
}

Status SyscallFilter::load() const {
    // The kernel copies it.
    auto* instructions = reinterpret_cast<sock_filter*>(const_cast<std::byte*>(program_.data()));
    const sock_fprog program{static_cast<unsigned short>(program_.size() / sizeof(sock_filter)),
                             instructions};
    if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
        return fail(errno, "seccomp: {}", std::strerror(errno));
    return {};
}

}  // namespace viaduct::jail
