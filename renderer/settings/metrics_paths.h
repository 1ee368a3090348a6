// Where a VMM process serves its figures.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "renderer/settings/profiles.h"

namespace viaduct {

struct MetricsPlaces {
    std::vector<std::string> paths;  // the first that can be had
    bool wanted = false;             // by VIADUCT_METRICS
};

/// Folders in which VMM processes of this user, and of the system, leave their sockets. Below the
/// last one each system user may have a folder that is named after its number, for VMMs that change
/// their user: the environment is still the former user's then.
std::vector<std::string> metrics_folders(const Environment& environment);

/// $VIADUCT_METRICS ("unix:/path", or "off"), else PID.metrics in the folders, and before the
/// system's in the one below it that is `user`'s, unless that is root. EINVAL: it is neither.
Result<MetricsPlaces> metrics_places(const Environment& environment, int pid, uid_t user);

}  // namespace viaduct
