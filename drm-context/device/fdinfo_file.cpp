#include "drm-context/device/fdinfo_file.h"

#include <fcntl.h>
#include <fmt/format.h>

namespace viaduct {

namespace {

UniqueFd& proc_directory() {
    static UniqueFd directory;
    return directory;
}

UniqueFd open_proc() {
    return UniqueFd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

}  // namespace

UniqueFd open_fdinfo(int fd) {
    const UniqueFd own = proc_directory() ? UniqueFd() : open_proc();
    const int proc = own ? own.get() : proc_directory().get();
    if (proc < 0) return UniqueFd();
    // Seen from the namespace that /proc is of, "self" is the caller all the same.
    return UniqueFd(
        ::openat(proc, fmt::format("self/fdinfo/{}", fd).c_str(), O_RDONLY | O_CLOEXEC));
}

void keep_proc_directory() {
    proc_directory() = open_proc();
}

void drop_proc_directory() {
    proc_directory().reset();
}

}  // namespace viaduct
