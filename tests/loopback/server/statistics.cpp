#include "tests/loopback/server/statistics.h"

#include <nlohmann/json.hpp>

#include "tests/loopback/server/renderer_api.h"

namespace viaduct::loopback {

namespace {

nlohmann::ordered_json counts_json(const ProcessCounts& counts) {
    return {{"descriptors", counts.descriptors},
            {"threads", counts.threads},
            {"memfd_mappings", counts.memfd_mappings}};
}

}  // namespace

std::string statistics_json(const RendererApi& api, const ServerReport& report) {
    const DeviceStatistics& device = report.device;
    nlohmann::ordered_json root;
    root["library"] = api.path();
    root["device"] = {
        {"files_opened", device.files_opened},
        {"contexts_created", device.contexts_created},
        {"submissions", device.submissions},
        {"submitted_bytes", device.submitted_bytes},
        {"ccmds", device.ccmds},
        {"blobs_created", device.blobs_created},
        {"blob_bytes", device.blob_bytes},
        {"blobs_mapped", device.blobs_mapped},
        {"blobs_exported", device.blobs_exported},
        {"blobs_imported", device.blobs_imported},
        {"fences_created", device.fences_created},
        {"fences_signalled", device.fences_signalled},
        {"fence_callbacks", device.fence_callbacks},
        {"resources_alive", device.resources_alive},
    };
    root["process"] = {{"start", counts_json(report.at_start)},
                       {"end", counts_json(report.at_end)}};
    auto& calls = root["api"] = nlohmann::ordered_json::object();
    int64_t total = 0;
    api.for_each_called([&](const char* name, const CallStatistics& call) {
        total += call.total.count();
        calls[name] = {{"calls", call.calls},
                       {"failures", call.failures},
                       {"total_ns", call.total.count()},
                       {"longest_ns", call.longest.count()}};
    });
    root["api_total_ns"] = total;
    return root.dump(2) + "\n";
}

}  // namespace viaduct::loopback
