// The part of a process's figures that can be trusted and printed.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace viaduct::tool {

/// The process that a text comes from.
struct Speaker {
    pid_t pid = 0;  // in our PID namespace; 0: it has none there
    /// In its own PID namespace, hence in its samples.
    pid_t own_pid = 0;
};

/// Looks up the innermost pid of process `pid` (proc_pid_status(5), NSpid).
Speaker speaker_of(pid_t pid);

struct Claims {
    std::string text;
    size_t foreign = 0;  // samples left out for being about other processes
};

/// The samples of `text` (Prometheus' format) that are about the speaker, with `pid` as their pid.
/// Bytes other than printable ASCII become '?'; our VMMs write none. With `pid` 0 there is nothing
/// to compare, and samples about any process are kept.
Claims own_claims(std::string_view text, const Speaker& speaker);

}  // namespace viaduct::tool
