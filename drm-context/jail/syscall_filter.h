// The seccomp filter of a worker.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "drm-context/jail/rules.h"

namespace viaduct::jail {

/// A finished program for the kernel: made once, loaded in every worker of its kind.
class SyscallFilter {
  public:
    /// Allows what `rules` allow, and ioctl with exactly these requests. All else is refused with
    /// EPERM, and reported (refusals.h).
    static Result<SyscallFilter> build(std::span<const std::span<const SyscallRule>> rules,
                                       std::span<const uint32_t> ioctl_requests);
    /// Puts it on every thread of this process, for good. no_new_privs must be set.
    Status load() const;

  private:
    std::vector<std::byte> program_;
};

}  // namespace viaduct::jail
