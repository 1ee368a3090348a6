// The host's render nodes: which there are, and which belong to one GPU.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace viaduct {

/// Paths of all render nodes by number, as in "/dev/dri/renderD128". `root` stands before every
/// path that is looked at (tests, a host seen from outside) and is not part of the answer. Nothing
/// is opened: that would wake a sleeping GPU.
std::vector<std::string> render_nodes(const std::string& root = {});

/// The kernel driver of a node of a PCI device as sysfs names it. Empty for other devices, whose
/// bus driver may be called otherwise than their DRM driver, and where sysfs is hidden, as in some
/// sandboxes.
std::string pci_driver(std::string_view node, const std::string& root = {});
/// Its address, as in "0000:03:00.0". Empty as above.
std::string pci_address(std::string_view node, const std::string& root = {});

/// The render node of the GPU that a primary node ("/dev/dri/card0") belongs to; empty if sysfs
/// shows none. A render node is returned as it is.
std::string render_node_of(const std::string& node, const std::string& root = {});

/// True if both paths lead to one device node, by whatever name (/dev/dri/by-path has others).
bool same_node(const std::string& one, const std::string& other);

/// The path that a descriptor was opened by; empty if that is not to be found out.
std::string path_of(int fd);

}  // namespace viaduct
