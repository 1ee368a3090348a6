// Asks sockets for their metrics. The servers are not trusted.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"

namespace viaduct::tool {

/// Bounds on what a hostile server can cost.
struct FetchLimits {
    std::chrono::milliseconds patience{2000};  // for all sockets together
    size_t bytes_of_one = 4 << 20;
    size_t bytes_of_all = 64 << 20;
};

struct Fetched {
    std::string path;
    /// The process that listens there, as the kernel has it; 0: unknown, for it is in another PID
    /// namespace.
    pid_t pid = 0;
    /// The answer's body. ECONNREFUSED: nobody is there. ETIMEDOUT: the answer is not complete in
    /// time. EFBIG: it is too long. EPROTO: it is not what such a server answers.
    Result<std::string> body;
};

/// Asks all of them at once; the results are in the order of `paths`.
std::vector<Fetched> fetch(const std::vector<std::string>& paths, const FetchLimits& limits = {});

}  // namespace viaduct::tool
