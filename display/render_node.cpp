#include "display/render_node.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <cstring>
#include <filesystem>
#include <string>

namespace viaduct {

Result<UniqueFd> open_render_node(const char* path) {
    UniqueFd fd(::open(path, O_RDWR | O_CLOEXEC));
    if (!fd) return fail(errno, "cannot open {}: {}", path, std::strerror(errno));
    return fd;
}

// A compositor may name the card's primary node, which others may not open: its render node is
// another file of the same device (/sys/dev/char/MAJOR:MINOR/device/drm).
Result<UniqueFd> open_render_node(dev_t device) {
    const auto folder = fmt::format("/sys/dev/char/{}:{}/device/drm", major(device), minor(device));
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const std::string name = entry.path().filename();
        if (name.starts_with("renderD")) return open_render_node(("/dev/dri/" + name).c_str());
    }
    return fail(ENODEV, "device {}:{} has no render node in {}", major(device), minor(device),
                folder);
}

}  // namespace viaduct
