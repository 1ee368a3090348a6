// Whether to record what a VM asks of its native contexts, and where to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "renderer/settings/profiles.h"

namespace viaduct {

struct RecordSettings {
    static constexpr uint64_t kMostBytes = 1ull << 30;

    std::string path;
    bool contents = true;              // of buffers
    uint64_t most_bytes = kMostBytes;  // of the file
    std::string gpu;                   // VIADUCT_GPU
};

/// $VIADUCT_RECORD (a path; %PID% becomes `pid`), $VIADUCT_RECORD_CONTENTS ("no") and
/// $VIADUCT_RECORD_LIMIT. Nothing: the first is not set. EINVAL: one of the others makes no sense.
Result<std::optional<RecordSettings>> record_settings(const Environment& environment, int pid);

}  // namespace viaduct
