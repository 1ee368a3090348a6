// The usage of VMs, ready to be shown.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tools/viaduct/samples.h"

namespace viaduct::tool {

inline constexpr std::array kEngines = {"gfx", "compute", "copy", "video"};

struct RingFigures {
    double submissions = 0;
    double depth = 0;
    std::map<double, double> latency;  // upper bound in seconds → count of all up to it
};

struct ContextFigures {
    std::string process;
    double memory = 0;  // bytes
    double buffers = 0;
    double commands = 0;
    double errors = 0;
    double refusals = 0;
    double resets = 0;
    double other_resets = 0;
    double held = 0;                     // seconds
    std::map<std::string, double> busy;  // by engine, seconds
    std::map<std::string, double> by_command;
    std::map<std::string, RingFigures> rings;

    double busy_total() const;
};

struct VmFigures {
    std::string name;
    std::string gpu;
    double memory = 0;
    double memory_limit = 0;  // 0: none
    double share = 100;       // per cent
    double lost = 0;
    std::map<std::string, double> busy;
    std::map<unsigned, ContextFigures> contexts;
};

/// By process id of the VMM.
using Figures = std::map<unsigned, VmFigures>;
Figures figures_of(const std::vector<std::string>& expositions);

/// The latency that the given share of submissions (0 to 1) stays below, in seconds; 0 if there
/// were none.
double percentile(const RingFigures& ring, double share);

/// "12.5M", "3.1ms": for tables.
std::string show_bytes(double bytes);
std::string show_seconds(double seconds);

}  // namespace viaduct::tool
