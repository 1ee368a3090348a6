#include "drm-context/jail/namespaces.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/unique_fd.h"

namespace viaduct::jail {

namespace {

constexpr struct {
    int flag;
    const char* name;
} kKinds[] = {
    {CLONE_NEWNS, "mount"}, {CLONE_NEWNET, "net"}, {CLONE_NEWIPC, "ipc"},
    {CLONE_NEWPID, "pid"},  {CLONE_NEWUTS, "uts"}, {CLONE_NEWCGROUP, "cgroup"},
};

// Any directory that every host has: the new root is put together there, out of others' sight.
constexpr const char* kBuildingSites[] = {"/tmp", "/run", "/proc", "/mnt"};

void note(std::string& refused, const char* what) {
    if (!refused.empty()) refused += ", ";
    refused += fmt::format("{} ({})", what, std::strerror(errno));
}

bool write_file(const char* path, std::string_view text) {
    const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
    return file &&
           ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// The same ids as outside, and only these: files keep their owners, the rest of the host has none.
bool enter_user_namespace() {
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    if (::unshare(CLONE_NEWUSER) != 0) return false;
    return write_file("/proc/self/setgroups", "deny") &&
           write_file("/proc/self/uid_map", fmt::format("{0} {0} 1", uid)) &&
           write_file("/proc/self/gid_map", fmt::format("{0} {0} 1", gid));
}

bool mount_new_root() {
    constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    for (const char* site : kBuildingSites)
        if (::mount("viaduct", site, "tmpfs", kFlags, "mode=0755,size=64k") == 0)
            return ::chdir(site) == 0;
    return false;
}

bool fill_new_root(Reachable reachable) {
    if (::mkdir(kEmptyDirectory + 1, 0555) != 0) return false;
    if (reachable == Reachable::kNothing) return true;
    return ::mkdir("dev", 0755) == 0 && ::mkdir("dev/shm", 0755) == 0 &&
           ::mount("/dev/shm", "dev/shm", nullptr, MS_BIND | MS_REC, nullptr) == 0;
}

// The old root comes to lie over the new one, where it is taken off (pivot_root(2)).
bool move_to_new_root() {
    constexpr unsigned long kReadOnly =
        MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    return ::syscall(SYS_pivot_root, ".", ".") == 0 && ::umount2(".", MNT_DETACH) == 0 &&
           ::chdir("/") == 0 && ::mount(nullptr, "/", nullptr, kReadOnly, nullptr) == 0;
}

bool leave_file_system(Reachable reachable) {
    return ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 && mount_new_root() &&
           fill_new_root(reachable) && move_to_new_root();
}

}  // namespace

Namespaces enter_namespaces(Reachable reachable) {
    Namespaces result;
    if (!enter_user_namespace()) note(result.refused, "user namespace");
    bool new_mounts = false;
    for (const auto& kind : kKinds) {
        if (::unshare(kind.flag) != 0) {
            note(result.refused, fmt::format("{} namespace", kind.name).c_str());
            continue;
        }
        new_mounts = new_mounts || kind.flag == CLONE_NEWNS;
        result.new_processes = result.new_processes || kind.flag == CLONE_NEWPID;
    }
    if (new_mounts && !leave_file_system(reachable))
        note(result.refused, "an empty root directory");
    return result;
}

}  // namespace viaduct::jail
