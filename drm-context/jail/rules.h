// The system calls that a worker may make, as data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "drm-context/driver/table.h"

namespace viaduct::jail {

/// Holds if (argument & mask) == value.
struct ArgumentCheck {
    uint32_t argument = 0;  // from 0
    uint64_t mask = 0;      // 0: no check
    uint64_t value = 0;
};

enum class Answer {
    kAllow,
    kNoSuchCall,  // ENOSYS, silently: the C library then uses an older call that can be checked
    kRefuse,      // EPERM, silently: tried in good faith, does without
};

struct SyscallRule {
    int number = 0;
    ArgumentCheck check{};
    Answer answer = Answer::kAllow;
    ArgumentCheck second_check{};  // both must hold
};

/// Calls of the worker itself, on any device.
std::span<const SyscallRule> worker_rules();
/// Further calls of the simulated GPU, which is the kernel inside the worker's own process.
std::span<const SyscallRule> simulated_gpu_rules();
/// Further calls of the sanitizers' run-time libraries; empty in other builds.
std::span<const SyscallRule> sanitizer_rules();

/// The request numbers of every ioctl that a context of this type makes: those of its driver's
/// command table, and those that all drivers have in common.
std::vector<uint32_t> ioctl_requests(const ContextTypeInfo& type);

}  // namespace viaduct::jail
