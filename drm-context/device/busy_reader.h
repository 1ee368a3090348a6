// BusyReader: the busy times of one open file, for drivers that count time and those that count
// cycles.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "drm-context/device/busy_times.h"

namespace viaduct {

/// xe reports "drm-cycles-NAME" of the GPU's timestamp, whose own reading is
/// "drm-total-cycles-NAME" (kernel: Documentation/gpu/drm-usage-stats.rst). How long a cycle takes
/// is learnt from how far that gets between readings: so the first one has no times. The timestamp
/// begins anew when the GPU has slept deeply; a client's cycles go on. Used by one thread.
class BusyReader {
  public:
    /// `now_ns`: of CLOCK_MONOTONIC, when the text was read.
    BusyTimes read(std::string_view fdinfo, int64_t now_ns);

  private:
    using Cycles = std::array<uint64_t, kQueueClasses>;
    /// Since the timestamp began.
    struct Epoch {
        uint64_t total = 0;  // its first reading
        int64_t at_ns = 0;   // of that
        Cycles busy{};       // of the client, before it
    };

    void begin_epoch(uint64_t total, int64_t now_ns);
    void measure_cycle(uint64_t total, int64_t now_ns);
    uint64_t ns_of_epoch(size_t which) const;

    std::optional<Epoch> epoch_;
    BusyTimes earlier_{};  // of epochs before it
    uint64_t total_ = 0;   // newest reading
    Cycles busy_{};        // likewise
    double ns_per_cycle_ = 0;
    int64_t measured_ns_ = 0;  // the time that it was measured over
};

}  // namespace viaduct
