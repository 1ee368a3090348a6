// What a process says about itself: the part of its figures that may be believed and shown.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace viaduct::tool {

/// The process that a text comes from.
struct Speaker {
    pid_t pid = 0;  // as seen from here; 0: not seen from here
    /// As seen by itself: the same, unless it is in a PID namespace of its own.
    pid_t own_pid = 0;
};

/// Looks up what process `pid` calls itself (proc_pid_status(5), NSpid).
Speaker speaker_of(pid_t pid);

struct Claims {
    std::string text;
    size_t foreign = 0;  // samples left out for being about other processes
};

/// `text` in Prometheus' format, made fit to show: its samples that are about the speaker, with its
/// pid as seen from here. Bytes other than printable ASCII become '?'; no VMM of ours writes any.
/// Of a speaker that cannot be seen everything is kept.
Claims own_claims(std::string_view text, const Speaker& speaker);

}  // namespace viaduct::tool
