// Which GPU: from a person's wish and the VMM's display to a way of opening one.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "drm-context/device/device_source.h"

namespace viaduct {

/// Why a GPU was chosen, for people: the end of "native contexts run on X: ".
inline constexpr const char* kNamedByUser = "VIADUCT_GPU names it";
inline constexpr const char* kDrivesDisplay = "the VMM's display runs on it";
inline constexpr const char* kFirstThatFits = "the first GPU that native contexts support";

struct GpuChoice {
    std::string node;         // "/dev/dri/renderD128"; empty: simulated
    std::string description;  // for people: "/dev/dri/renderD128 (amdgpu)"
    std::string reason;       // one of the above, or a sentence
    std::string warning;      // a sentence; empty: there is nothing to warn of
    OpenDevice open;
};

/// `wish`: "auto", a device path, "pci:DDDD:BB:DD.F", or "sim:" and a chip's name. With "auto"
/// the GPU of the VMM's display goes first, since a guest's frames need not leave it then; else the
/// first render node whose driver has a native context. `display_node`: that display's render node;
/// empty if unknown. EINVAL: the wish is none of these; ENODEV: there is no such GPU. Both messages
/// are for people.
Result<GpuChoice> choose_gpu(std::string_view wish, const std::string& display_node = {});

/// The rule behind "auto", apart from how one looks at a node.
struct NodePick {
    std::string node;
    std::string reason;
    std::string warning;
};
/// Success, or why no native context runs on this node. May open it, and so wake a sleeping GPU:
/// not asked for more nodes than need be.
using NodeProbe = std::function<Status(const std::string& node)>;
Result<NodePick> pick_node(std::span<const std::string> nodes, const std::string& display_node,
                           const NodeProbe& fits);

/// A hint if native contexts run on `node` and the display on `display_node`; empty if that
/// is one GPU or either is unknown.
std::string crossing_warning(const std::string& node, const std::string& display_node);

}  // namespace viaduct
