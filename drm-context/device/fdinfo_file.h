// Files of /proc/self, also for a process that has no /proc any more.
#pragma once

#include "base/unique_fd.h"

namespace viaduct {

/// Opens what the kernel tells about descriptor `fd` of this process; invalid if it cannot be had.
/// Readable again and again from the beginning.
UniqueFd open_fdinfo(int fd);

/// The same for writing /proc/self/oom_score_adj.
UniqueFd open_oom_score_adj();

/// Keeps /proc at hand for both, in this process and those forked from it, while they
/// change their root directory. Must be dropped before anything of a guest's is looked at.
void keep_proc_directory();
void drop_proc_directory();

}  // namespace viaduct
