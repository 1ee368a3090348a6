// /proc/self/fd/N and /proc/self/fdinfo/N.
#pragma once

#include <optional>

#include "simgpu/node/open_files.h"

namespace simgpu::node {

struct ProcSelfPath {
    enum class Kind { kFd, kFdinfo };
    Kind kind = Kind::kFd;
    int fd = -1;
};

/// The file named by `path` if it is /proc/self/fd/N or fdinfo/N, also by /proc/thread-self and by
/// our own process number.
std::optional<ProcSelfPath> parse_proc_self(const char* path);

/// A descriptor from which the fdinfo of `fd`, which is of `file`, can be read; -1 and errno.
int open_fdinfo(int fd, OpenFile& file);

}  // namespace simgpu::node
