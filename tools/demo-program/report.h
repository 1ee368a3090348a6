// The results of a run of the demo, and the table that it ends with.
#pragma once

#include <cstdint>
#include <string>

#include "tools/demo-program/subject.h"

namespace viaduct::demo {

struct Report {
    std::string device;
    std::string driver;
    uint32_t frames = 0;
    uint64_t bytes = 0;  // compared
    uint64_t submissions = 0;
    std::chrono::nanoseconds setup{0};  // until the device and the pipeline are there
    GpuTimes gpu;
    std::chrono::nanoseconds check{0};  // the same on the CPU, and the comparison
};

/// Writes it as JSON; false if that fails.
bool write_report(const std::string& path, const Report& report);

/// Prints the table from a report, and what the loopback counted (viaduct-loopback --stats); of an
/// empty path nothing. False, with a line on stderr, if a file cannot be read.
bool print_table(const std::string& report_path, const std::string& stats_path);

}  // namespace viaduct::demo
