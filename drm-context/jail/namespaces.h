// Namespaces and the file system: the zygote drops its own, and so every worker's.
#pragma once

#include <string>

namespace viaduct::jail {

/// Paths that must stay reachable once the file system is gone.
enum class Reachable { kNothing, kSharedMemory /* /dev/shm */ };

struct Namespaces {
    bool new_processes = false;  // the next fork() makes the first process of a new pid namespace
    std::string refused;         // what the host refuses, for people; empty: nothing
};

/// Puts the calling, single-threaded process into namespaces of its own (user, mount, net, ipc,
/// uts, cgroup; pid for its children) with an empty, read-only root. Each is tried by itself.
Namespaces enter_namespaces(Reachable reachable);

/// The directory of that root in which there is nothing at all.
inline constexpr const char* kEmptyDirectory = "/empty";

}  // namespace viaduct::jail
