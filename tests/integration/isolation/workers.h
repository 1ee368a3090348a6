// The worker processes of this test, as /proc shows them.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace viaduct::test {

/// False in thread mode.
bool has_worker_processes();

/// A name for a guest's process that no other test on this machine uses at the same time: workers
/// show it as theirs.
std::string unique_name(const std::string& tag);

/// Living workers whose guest's process is called so.
std::vector<pid_t> workers_of(const std::string& guest_name);
/// The same, once there are `count` or ten seconds have passed: a context may be there before its
/// worker is.
std::vector<pid_t> wait_for_workers(const std::string& guest_name, size_t count);
/// The only one; -1 (and a failed test) if there is none, or more.
pid_t worker_of(const std::string& guest_name);
/// The zygote of a worker.
pid_t parent_of(pid_t pid);

/// A line of /proc/PID/status without its name: "Seccomp" → "2".
std::string status_line(pid_t pid, const std::string& name);

/// Waits until no worker of that name is left. False after ten seconds.
bool workers_end(const std::string& guest_name);

}  // namespace viaduct::test
