#include "tools/demo-program/report.h"

#include <fmt/core.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace viaduct::demo {
namespace {

using Json = nlohmann::json;

Json read_json(const std::string& path) {
    std::ifstream file(path);
    Json json = Json::parse(file, nullptr, false);
    if (json.is_discarded()) fmt::print(stderr, "{}: not a report\n", path);
    return json;
}

void print_row(const char* name, const std::string& value) {
    fmt::print("  {:<22} {}\n", name, value);
}

struct Counter {
    const char* key;  // in the loopback's statistics, under "device"
    const char* name;
    const char* unit;
};

constexpr Counter kCounters[] = {
    {"contexts_created", "contexts", ""}, {"ccmds", "ccmds", ""},
    {"submissions", "submissions", ""},   {"submitted_bytes", "bytes submitted", ""},
    {"blobs_created", "blobs", ""},       {"blob_bytes", "bytes of blobs", ""},
    {"fences_created", "fences", ""},
};

struct Part {
    const char* key;  // in the report, under "times_ns"
    const char* name;
};

constexpr Part kParts[] = {
    {"setup", "device and pipeline"}, {"upload", "upload"},     {"work", "compute or draw"},
    {"readback", "readback"},         {"check", "CPU's check"},
};

std::string milliseconds(int64_t nanoseconds) {
    return fmt::format("{:10.2f} ms", static_cast<double>(nanoseconds) / 1e6);
}

void print_counters(const Json& stats) {
    const Json device = stats.value("device", Json::object());
    fmt::print("through the virtio-gpu node\n");
    for (const Counter& counter : kCounters)
        if (device.contains(counter.key))
            print_row(counter.name, fmt::format("{:>10}", device[counter.key].get<uint64_t>()));
    print_row("host library", stats.value("library", std::string()));
}

}  // namespace

bool write_report(const std::string& path, const Report& report) {
    const Json json = {
        {"device", report.device},
        {"driver", report.driver},
        {"frames", report.frames},
        {"bytes", report.bytes},
        {"submissions", report.submissions},
        {"times_ns",
         {{"setup", report.setup.count()},
          {"upload", report.gpu.upload.count()},
          {"work", report.gpu.work.count()},
          {"readback", report.gpu.readback.count()},
          {"check", report.check.count()}}},
    };
    std::ofstream file(path);
    file << json.dump(2) << '\n';
    return static_cast<bool>(file);
}

bool print_table(const std::string& report_path, const std::string& stats_path) {
    const Json report = report_path.empty() ? Json::object() : read_json(report_path);
    const Json stats = stats_path.empty() ? Json::object() : read_json(stats_path);
    if (!report.is_object() || !stats.is_object()) return false;

    if (report_path.empty()) {
        print_counters(stats);
        return true;
    }
    fmt::print("the guest sees\n");
    print_row("device", report.value("device", std::string()));
    print_row("driver", report.value("driver", std::string()));
    print_row("Vulkan submissions", fmt::format("{:>10}", report.value("submissions", uint64_t{})));
    if (!stats_path.empty()) {
        fmt::print("\n");
        print_counters(stats);
    }
    fmt::print("\ntime\n");
    const Json times = report.value("times_ns", Json::object());
    for (const Part& part : kParts)
        print_row(part.name, milliseconds(times.value(part.key, int64_t{})));
    if (stats.contains("api_total_ns"))
        print_row("in the host library", milliseconds(stats["api_total_ns"].get<int64_t>()));
    return true;
}

}  // namespace viaduct::demo
