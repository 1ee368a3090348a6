// VmmView: a running virtual machine monitor, as /proc shows it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/viaduct/host_view.h"

namespace viaduct::tool {

enum class VmmKind {
    kQemu,     // also Xen's device model
    kCrosvm,   // one whose sandbox is on has a process for each device: the GPU's
    kLibkrun,  // any program with libkrun: muvm, krun
    kOther,    // with a libvirglrenderer.so
};

struct VmmView {
    std::string pid;
    VmmKind kind = VmmKind::kOther;
    std::string program;                 // "qemu-system-x86"
    std::vector<std::string> arguments;  // its command line
    bool readable = false;               // its mappings may be read
    std::vector<std::string> libraries;  // libvirglrenderer.so that it has mapped
    std::string xen_domain = {};         // the number of the domain it serves; empty: not Xen's

    /// For people: "qemu-system-x86 (process 77)", "qemu-system-i38 (process 78, domain 3)".
    std::string name() const;
    /// True if an argument contains `text`.
    bool mentions(std::string_view text) const;
    /// True if it is a QEMU with a virtio-gpu that has OpenGL.
    bool has_gpu() const { return mentions("virtio-vga-gl") || mentions("virtio-gpu-gl"); }
    /// Size of the host-visible window in bytes; 0: none, or unknown.
    uint64_t hostmem() const;
};

/// VMMs with a virtio-gpu 3D device, or with a libvirglrenderer mapped; all programs with libkrun.
/// Another user's are known by their name and command line only.
std::vector<VmmView> running_vmms(const HostView& host);

}  // namespace viaduct::tool
