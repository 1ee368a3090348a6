// Where a VMM process serves its figures.
#pragma once

#include <string>
#include <vector>

#include "renderer/settings/profiles.h"

namespace viaduct {

struct MetricsPlaces {
    std::vector<std::string> paths;  // the first that can be had
    bool wanted = false;             // by VIADUCT_METRICS
};

/// Folders in which VMM processes of this user, and of the system, leave their sockets.
std::vector<std::string> metrics_folders(const Environment& environment);

/// $VIADUCT_METRICS ("unix:/path", or "off"), else PID.metrics in the folders. EINVAL: it is
/// neither.
Result<MetricsPlaces> metrics_places(const Environment& environment, int pid);

}  // namespace viaduct
