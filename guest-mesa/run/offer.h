// Offer: what a DRM node of the guest can do for programs that run with the guest layer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "guest-mesa/layer/kernel.h"
#include "wire/capset.h"

namespace viaduct::guest {

/// One thing that a native context needs, whether the node has it, and where it would come from.
struct Need {
    const char* name;
    bool met;
    const char* remedy;
};

struct Offer {
    std::vector<Need> needs;
    /// The host's kernel driver, wherever there is a native context, known to the layer or not.
    std::optional<wire::CapsetDrm> capset;
    /// Its name, null if the layer plays no such driver.
    const char* driver = nullptr;

    /// True if programs that run with the layer get this native context.
    bool usable() const;
};

/// Nothing if the node is not virtio-gpu's. Sends nothing to the host that a context would notice.
std::optional<Offer> look_at(const Channel& channel);

/// As lines for people.
std::string describe(const Offer& offer);

}  // namespace viaduct::guest
