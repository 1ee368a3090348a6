// A child process that tries something from within the jail.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "drm-context/jail/jail.h"

namespace viaduct::test {

/// The parts of a jail that the host allows.
enum class Host { kPermissive, kNoNamespaces /* as where user namespaces are switched off */ };

struct Verdict {
    bool jailed = false;               // else: nothing was tried
    int error = -1;                    // of the attempt: 0, or an errno
    std::vector<std::string> reports;  // lines that the front got
    std::string refused;               // what the host refused
    int status = -1;                   // of waitpid
};

/// Forks; the child goes to jail as a worker does and makes the attempt, which returns 0 or an
/// errno.
Verdict try_in_jail(jail::Gpu gpu, const std::function<int()>& attempt,
                    Host host = Host::kPermissive);

}  // namespace viaduct::test
