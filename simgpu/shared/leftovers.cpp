#include "simgpu/shared/leftovers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "base/unique_fd.h"
#include "simgpu/shared/segment_locks.h"

namespace simgpu::shared {

namespace {

/// Not with the waiting lock of those who attach: one who has it is about to use the segment.
bool remove_if_unused(const std::string& path) {
    const viaduct::UniqueFd file(
        ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    struct stat info {};
    if (!file || ::fstat(file.get(), &info) != 0 || info.st_uid != ::geteuid()) return true;
    if (!lock_byte(file.get(), kAttachLock, IfHeld::kGiveUp)) return false;
    if (others_hold(file.get(), kSeatLocks, 0)) return false;
    // Another may have removed it before the lock was ours, and the name be a newer segment's.
    if (::fstat(file.get(), &info) == 0 && info.st_nlink != 0) ::unlink(path.c_str());
    return true;
}

}  // namespace

bool remove_leftovers(std::string_view prefix) {
    bool none_in_use = true;
    std::error_code error;
    for (std::filesystem::directory_iterator entry("/dev/shm", error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string& path = entry->path().native();
        if (entry->path().filename().native().starts_with(prefix) && !remove_if_unused(path))
            none_in_use = false;
    }
    return none_in_use;
}

}  // namespace simgpu::shared
