#include "drm-context/driver/choose_gpu.h"

#include <algorithm>
#include <cstring>

#include "drm-context/device/render_nodes.h"
#include "drm-context/device/simulated_device.h"
#include "drm-context/driver/table.h"

namespace viaduct {

namespace {

Result<DeviceSource> open_path(const std::string& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) return fail(ENODEV, "cannot open {}: {}", path, std::strerror(errno));
    return DeviceSource{std::move(fd), {}};
}

Result<DriverVersion> probe_path(const std::string& path) {
    auto source = open_path(path);
    if (!source) return tl::unexpected(source.error());
    auto device = open_device(*std::move(source));
    if (!device) return tl::unexpected(device.error());
    return (*device)->version();
}

bool any_type_is_for(std::string_view driver) {
    return std::ranges::any_of(
        context_types(), [&](const ContextTypeInfo& type) { return type.kernel_driver == driver; });
}

/// The driver of a node that a native context fits.
Result<std::string> usable_driver(const std::string& path) {
    // By its name in sysfs first: to open the node would wake the GPU.
    if (const auto driver = pci_driver(path); !driver.empty() && !any_type_is_for(driver))
        return fail(ENOTSUP, "{}: no native context for driver {}", path, driver);
    auto version = probe_path(path);
    if (!version) return tl::unexpected(version.error());
    if (!find_context_type(*version))
        return fail(ENOTSUP, "{}: no native context for driver {} {}.{}", path, version->name,
                    version->major, version->minor);
    return version->name;
}

GpuChoice node_choice(NodePick pick, const std::string& driver) {
    auto description = fmt::format("{} ({})", pick.node, driver);
    return {pick.node, std::move(description), std::move(pick.reason), std::move(pick.warning),
            [path = pick.node] { return open_path(path); }};
}

Result<GpuChoice> choose_path(const std::string& path, const std::string& display_node) {
    auto version = probe_path(path);
    if (!version)
        return fail(ENODEV, "VIADUCT_GPU: {}; name a render node or use auto",
                    version.error().message);
    return node_choice({path, kNamedByUser, crossing_warning(path, display_node)}, version->name);
}

Result<GpuChoice> choose_simulated(std::string model) {
    auto device = open_simulated_device(model);
    if (!device) return tl::unexpected(device.error());
    return GpuChoice{{},
                     fmt::format("simulated {}", model),
                     kNamedByUser,
                     {},
                     [model = std::move(model)]() -> Result<DeviceSource> {
                         return DeviceSource{UniqueFd(), model};
                     }};
}

Result<GpuChoice> choose_automatically(const std::string& display_node) {
    std::string last;  // the driver of the node that fitted
    const auto fits = [&last](const std::string& node) -> Status {
        auto driver = usable_driver(node);
        if (!driver) return tl::unexpected(driver.error());
        last = *std::move(driver);
        return {};
    };
    auto pick = pick_node(render_nodes(), display_node, fits);
    if (!pick) return tl::unexpected(pick.error());
    return node_choice(*std::move(pick), last);
}

}  // namespace

std::string crossing_warning(const std::string& node, const std::string& display_node) {
    if (node.empty() || display_node.empty() || same_node(node, display_node)) return {};
    return fmt::format(
        "native contexts run on {}, the VMM's display on {}: frames cross from GPU to GPU, which "
        "fails or shows garbage unless both have the same driver; give the display the other node "
        "(QEMU: rendernode={}) or set VIADUCT_GPU",
        node, display_node, node);
}

Result<NodePick> pick_node(std::span<const std::string> nodes, const std::string& display_node,
                           const NodeProbe& fits) {
    std::string refusals;
    const auto takes = [&](const std::string& node) {
        const Status status = fits(node);
        if (!status) refusals += (refusals.empty() ? "" : "; ") + status.error().message;
        return status.has_value();
    };
    if (!display_node.empty() && takes(display_node))
        return NodePick{display_node, kDrivesDisplay, {}};
    for (const std::string& node : nodes)
        if (!same_node(node, display_node) && takes(node))
            return NodePick{node, kFirstThatFits, crossing_warning(node, display_node)};
    return fail(ENODEV, "no render node that native contexts support{}{}",
                refusals.empty() ? "" : ": ", refusals);
}

Result<GpuChoice> choose_gpu(std::string_view wish, const std::string& display_node) {
    constexpr std::string_view kSim = "sim:", kPci = "pci:";
    if (wish.empty() || wish == "auto") return choose_automatically(display_node);
    if (wish.find(',') != std::string_view::npos)
        return fail(EINVAL,
                    "VIADUCT_GPU=\"{}\" names several GPUs, but a process has one: give each "
                    "virtio-gpu device a process of its own (docs/several-gpus.md)",
                    wish);
    if (wish.starts_with('/')) return choose_path(std::string(wish), display_node);
    if (wish.starts_with(kSim)) return choose_simulated(std::string(wish.substr(kSim.size())));
    if (wish.starts_with(kPci))
        return choose_path(fmt::format("/dev/dri/by-path/pci-{}-render", wish.substr(kPci.size())),
                           display_node);
    return fail(EINVAL,
                "VIADUCT_GPU=\"{}\" is not a GPU: use auto, /dev/dri/renderD128, "
                "pci:0000:03:00.0 or sim:renoir",
                wish);
}

}  // namespace viaduct
