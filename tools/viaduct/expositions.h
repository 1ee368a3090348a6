// The figures of all VMMs whose sockets can be found.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "renderer/settings/profiles.h"

namespace viaduct::tool {

struct Expositions {
    std::vector<std::string> texts;  // one of each VMM, fit to show
    std::vector<std::string> notes;  // a sentence for each socket that something is wrong with
};

/// Asks the sockets in the folders for metrics, and in those of users below them, or only that at
/// `path` if it is not empty, whose error is the result's then. Sockets that dead processes left
/// there are removed, if they may be. Takes two seconds at most.
Result<Expositions> fetch_expositions(const std::string& path,
                                      const Environment& environment = process_environment);

}  // namespace viaduct::tool
