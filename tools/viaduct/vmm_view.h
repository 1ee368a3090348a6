// VmmView: a running virtual machine monitor, as /proc shows it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/viaduct/host_view.h"

namespace viaduct::tool {

struct VmmView {
    std::string pid;
    std::string program;                 // "qemu-system-x86"
    std::vector<std::string> arguments;  // its command line
    std::vector<std::string> libraries;  // libvirglrenderer.so that it has mapped

    /// For people: "qemu-system-x86 (process 77)".
    std::string name() const { return program + " (process " + pid + ")"; }
    /// True if an argument contains `text`.
    bool mentions(std::string_view text) const;
    /// True if it is a QEMU with a virtio-gpu that has OpenGL.
    bool has_gpu() const { return mentions("virtio-vga-gl") || mentions("virtio-gpu-gl"); }
    /// Size of the host-visible window in bytes; 0: none, or unknown.
    uint64_t hostmem() const;
};

/// VMMs with a virtio-gpu 3D device, or with a libvirglrenderer mapped. Another user's are
/// known by their command line only.
std::vector<VmmView> running_vmms(const HostView& host);

}  // namespace viaduct::tool
