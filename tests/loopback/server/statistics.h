// The server's counters, and their form as JSON.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "tests/loopback/server/process_counts.h"

namespace viaduct::loopback {

/// One function of the library: how often it was called and how long that took. Written by the
/// API thread only.
struct CallStatistics {
    uint64_t calls = 0;
    uint64_t failures = 0;
    std::chrono::nanoseconds total{0};
    std::chrono::nanoseconds longest{0};

    void add(std::chrono::nanoseconds duration) {
        ++calls;
        total += duration;
        if (duration > longest) longest = duration;
    }
};

/// Counters of the emulated device. Written by the API thread only.
struct DeviceStatistics {
    uint64_t files_opened = 0;
    uint64_t contexts_created = 0;
    uint64_t submissions = 0;
    uint64_t submitted_bytes = 0;
    uint64_t ccmds = 0;  // in submissions to native contexts
    uint64_t blobs_created = 0;
    uint64_t blob_bytes = 0;
    uint64_t blobs_mapped = 0;
    uint64_t blobs_exported = 0;
    uint64_t blobs_imported = 0;
    uint64_t fences_created = 0;
    uint64_t fences_signalled = 0;
    uint64_t fence_callbacks = 0;
    uint64_t resources_alive = 0;
};

class RendererApi;

/// Everything that goes into the report.
struct ServerReport {
    DeviceStatistics device;
    ProcessCounts at_start;  // the library is up, no client has been there
    ProcessCounts at_end;    // the last client has gone
};

/// {"api": {NAME: {calls, failures, total_ns, longest_ns}}, "device": {...}, "process": {"start":
/// {...}, "end": {...}}, "library": PATH, "api_total_ns": N}
std::string statistics_json(const RendererApi& api, const ServerReport& report);

}  // namespace viaduct::loopback
