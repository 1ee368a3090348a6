// GpuView: what sysfs shows of a GPU. Nothing is opened, so no card wakes up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "drm-context/driver/choose_gpu.h"
#include "tools/viaduct/host_view.h"

namespace viaduct::tool {

struct GpuView {
    std::string node;     // "/dev/dri/renderD128"
    std::string driver;   // "amdgpu"; empty: unknown
    std::string address;  // "0000:03:00.0"; empty: not a PCI device
    uint64_t vram = 0;    // bytes; these are amdgpu's, 0 elsewhere
    uint64_t visible_vram = 0;
    uint64_t system_memory = 0;  // that the GPU may use: GTT
    bool supported = false;      // a native context is made for its driver

    std::string sysfs() const { return "/sys/class/drm/" + node.substr(node.rfind('/') + 1); }
    /// For people: "/dev/dri/renderD128 (amdgpu, 0000:03:00.0)".
    std::string description() const;
    /// All that a guest can be shown of its memory, in bytes.
    uint64_t heap() const { return vram + system_memory; }
};

/// All render nodes, by number.
std::vector<GpuView> gpus_of(const HostView& host);

/// The one that native contexts run on where the VMM's display is unknown, by the same rule as in
/// the library. ENODEV: none; the message is for people.
struct ChosenGpu {
    GpuView gpu;
    std::string reason;
};
Result<ChosenGpu> chosen_gpu(const HostView& host);

}  // namespace viaduct::tool
