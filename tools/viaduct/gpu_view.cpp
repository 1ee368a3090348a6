#include "tools/viaduct/gpu_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "drm-context/device/render_nodes.h"
#include "drm-context/driver/table.h"

namespace viaduct::tool {

namespace {

uint64_t number_in(const HostView& host, const std::string& path) {
    return std::strtoull(host.read(path).c_str(), nullptr, 10);
}

GpuView look_at(const HostView& host, const std::string& node) {
    GpuView gpu;
    gpu.node = node;
    const std::string device = gpu.sysfs() + "/device";
    gpu.driver = host.link_name(device + "/driver");
    gpu.address = pci_address(node, host.root);
    gpu.supported = std::ranges::any_of(context_types(), [&](const ContextTypeInfo& type) {
        return type.kernel_driver == gpu.driver;
    });
    // Linux: drivers/gpu/drm/amd/amdgpu/amdgpu_vram_mgr.c and amdgpu_gtt_mgr.c.
    gpu.vram = number_in(host, device + "/mem_info_vram_total");
    gpu.visible_vram = number_in(host, device + "/mem_info_vis_vram_total");
    gpu.system_memory = number_in(host, device + "/mem_info_gtt_total");
    // The BAR itself, where amdgpu does not show how much of VRAM is behind it.
    if (gpu.visible_vram == 0) gpu.visible_vram = host.size(device + "/resource0");
    return gpu;
}

Result<ChosenGpu> named(const HostView& host, const std::vector<GpuView>& gpus) {
    constexpr std::string_view kPci = "pci:";
    for (const GpuView& gpu : gpus)
        if (gpu.node == host.gpu ||
            (host.gpu.starts_with(kPci) && gpu.address == host.gpu.substr(kPci.size())))
            return ChosenGpu{gpu, kNamedByUser};
    return fail(ENODEV, "VIADUCT_GPU={} is not among the render nodes", host.gpu);
}

}  // namespace

std::string GpuView::description() const {
    return fmt::format("{} ({}{}{})", node, driver.empty() ? "unknown driver" : driver,
                       address.empty() ? "" : ", ", address);
}

std::vector<GpuView> gpus_of(const HostView& host) {
    std::vector<GpuView> gpus;
    for (const std::string& node : render_nodes(host.root)) gpus.push_back(look_at(host, node));
    return gpus;
}

Result<ChosenGpu> chosen_gpu(const HostView& host) {
    const auto gpus = gpus_of(host);
    if (!host.gpu.empty() && host.gpu != "auto") return named(host, gpus);
    std::vector<std::string> nodes;
    for (const GpuView& gpu : gpus) nodes.push_back(gpu.node);
    const auto of = [&](const std::string& node) {
        return *std::ranges::find(gpus, node, &GpuView::node);
    };
    const auto pick = pick_node(nodes, {}, [&](const std::string& node) -> Status {
        if (!of(node).supported)
            return fail(ENOTSUP, "{} has no native context", of(node).description());
        if (!host.writable(node)) return fail(EACCES, "{} cannot be opened by this user", node);
        return {};
    });
    if (!pick) return tl::unexpected(pick.error());
    return ChosenGpu{of(pick->node), pick->reason};
}

}  // namespace viaduct::tool
