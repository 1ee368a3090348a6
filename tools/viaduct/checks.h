// The checks of `viaduct doctor`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tools/viaduct/host_view.h"

namespace viaduct::tool {

enum class Verdict { kOk, kWarn, kFail };

struct Finding {
    Verdict verdict = Verdict::kOk;
    std::string text;  // one sentence: what was found
    std::string fix;   // what to do about it; empty if nothing
};

struct Check {
    const char* name;
    /// May find several things, one line each.
    std::vector<Finding> (*run)(const HostView& host);
};
std::span<const Check> checks();

}  // namespace viaduct::tool
