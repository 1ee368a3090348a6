#include "drm-context/device/fdinfo_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <string>

namespace viaduct {

namespace {

UniqueFd& proc_directory() {
    static UniqueFd directory;
    return directory;
}

UniqueFd open_proc() {
    return UniqueFd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

// Seen from the namespace that /proc is of, "self" is the caller all the same.
UniqueFd open_in_proc(const std::string& path, int flags) {
    const UniqueFd own = proc_directory() ? UniqueFd() : open_proc();
    const int proc = own ? own.get() : proc_directory().get();
    return proc < 0 ? UniqueFd() : UniqueFd(::openat(proc, path.c_str(), flags | O_CLOEXEC));
}

}  // namespace

UniqueFd open_fdinfo(int fd) {
    return open_in_proc(fmt::format("self/fdinfo/{}", fd), O_RDONLY);
}

UniqueFd open_oom_score_adj() {
    return open_in_proc("self/oom_score_adj", O_WRONLY);
}

void keep_proc_directory() {
    proc_directory() = open_proc();
}

void drop_proc_directory() {
    proc_directory().reset();
}

}  // namespace viaduct
