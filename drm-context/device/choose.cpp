#include "drm-context/device/choose.h"

#include <cstring>

#include "drm-context/context_types.h"
#include "drm-context/device/simulated_device.h"

namespace viaduct {

namespace {

// DRM_MAJOR minors 128..191 are render nodes (Documentation/gpu/drm-uapi.rst).
constexpr int kFirstRenderNode = 128;
constexpr int kLastRenderNode = 191;

Result<DeviceSource> open_path(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) return fail(ENODEV, "cannot open {}: {}", path, std::strerror(errno));
    return DeviceSource{std::move(fd), {}};
}

Result<std::unique_ptr<Device>> probe_path(const std::string& path) {
    auto source = open_path(path);
    if (!source) return tl::unexpected(source.error());
    return open_device(*std::move(source));
}

Result<GpuChoice> choose_path(std::string path) {
    auto device = probe_path(path);
    if (!device)
        return fail(ENODEV, "VIADUCT_GPU: {}; name a render node or use auto",
                    device.error().message);
    auto description = fmt::format("{} ({})", path, (*device)->version().name);
    return GpuChoice{std::move(description), [path = std::move(path)] { return open_path(path); }};
}

Result<GpuChoice> choose_simulated(std::string model) {
    auto device = open_simulated_device(model);
    if (!device) return tl::unexpected(device.error());
    return GpuChoice{fmt::format("simulated {}", model),
                     [model = std::move(model)]() -> Result<DeviceSource> {
                         return DeviceSource{UniqueFd(), model};
                     }};
}

Result<GpuChoice> choose_first_usable() {
    for (int minor = kFirstRenderNode; minor <= kLastRenderNode; ++minor) {
        const auto path = fmt::format("/dev/dri/renderD{}", minor);
        if (::access(path.c_str(), F_OK) != 0) continue;
        auto device = probe_path(path);
        if (device && find_context_type((*device)->version())) return choose_path(path);
    }
    return fail(ENODEV, "no render node with a driver that native contexts support");
}

}  // namespace

Result<GpuChoice> choose_gpu(std::string_view wish) {
    constexpr std::string_view kSim = "sim:", kPci = "pci:";
    if (wish.empty() || wish == "auto") return choose_first_usable();
    if (wish.starts_with('/')) return choose_path(std::string(wish));
    if (wish.starts_with(kSim)) return choose_simulated(std::string(wish.substr(kSim.size())));
    if (wish.starts_with(kPci))
        return choose_path(fmt::format("/dev/dri/by-path/pci-{}-render", wish.substr(kPci.size())));
    return fail(EINVAL,
                "VIADUCT_GPU=\"{}\" names no GPU: use auto, /dev/dri/renderD128, "
                "pci:0000:03:00.0 or sim:renoir",
                wish);
}

}  // namespace viaduct
