#include "tests/loopback/server/process_counts.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

namespace viaduct::loopback {

namespace {

constexpr std::chrono::seconds kPatience{5};
constexpr std::chrono::milliseconds kStep{10};

size_t entries_of(const char* directory) {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(directory), {}));
}

}  // namespace

ProcessCounts ProcessCounts::now() {
    ProcessCounts counts;
    counts.descriptors = entries_of("/proc/self/fd");
    counts.threads = entries_of("/proc/self/task");
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        if (line.find("/memfd:") != std::string::npos) ++counts.memfd_mappings;
    return counts;
}

ProcessCounts settle(const ProcessCounts& start) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    ProcessCounts counts = ProcessCounts::now();
    while (counts.exceeds(start) && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(kStep);
        counts = ProcessCounts::now();
    }
    return counts;
}

}  // namespace viaduct::loopback
