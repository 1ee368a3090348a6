// The files that a fake device adds to /dev and /sys.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "simgpu/node/fake_node.h"

namespace simgpu::node {

/// A device and where it was put on this machine.
struct PlacedDevice {
    NodeDescription description;
    int index = 0;       // card<index>, renderD<128 + index>
    int pci_bus = 0x03;  // 0000:<bus>:00.0

    std::string pci_address() const;
    /// Below /sys/devices, of the PCI device.
    std::string pci_path() const;
    std::string node_name(NodeType type) const;
    int minor_number(NodeType type) const;
};

/// DRM's device major (Linux: Documentation/admin-guide/devices.txt).
inline constexpr int kDrmMajor = 226;

struct TreeEntry {
    enum class Kind { kDirectory, kFile, kLink, kNode };
    Kind kind = Kind::kDirectory;
    std::string path;     // absolute, as the program names it
    std::string content;  // a file's bytes, a link's target
};

struct DeviceTree {
    std::vector<TreeEntry> entries;  // a directory before what is in it
    /// Paths that the program finds in the tree, and all that is below them.
    std::vector<std::string> owned;
};

/// The directories that programs list and that the machine's own devices are in, too.
std::span<const char* const> listed_directories();

/// `machine_names`: what each listed directory holds on the real machine. Those names become links
/// to the real thing, so that a listing shows both.
DeviceTree plan_device_tree(const std::vector<PlacedDevice>& devices,
                            const std::map<std::string, std::vector<std::string>>& machine_names);

}  // namespace simgpu::node
