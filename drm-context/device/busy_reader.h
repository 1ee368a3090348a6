// BusyReader: the busy times of one open file, for drivers that count time and those that count
// cycles.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "drm-context/device/busy_times.h"

namespace viaduct {

/// xe reports "drm-cycles-NAME" of the GPU's timestamp, whose own reading is
/// "drm-total-cycles-NAME" (kernel: Documentation/gpu/drm-usage-stats.rst). How long a cycle takes
/// is learnt from how far that gets between readings: so the first one has no times. Used by one
/// thread.
class BusyReader {
  public:
    /// `now_ns`: of CLOCK_MONOTONIC, when the text was read.
    BusyTimes read(std::string_view fdinfo, int64_t now_ns);

  private:
    struct Reading {
        uint64_t total = 0;  // cycles
        int64_t at_ns = 0;
    };
    std::optional<Reading> first_;
};

}  // namespace viaduct
