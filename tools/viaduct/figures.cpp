#include "tools/viaduct/figures.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <limits>

namespace viaduct::tool {

namespace {

std::string label(const Sample& sample, const char* name) {
    const auto found = sample.labels.find(name);
    return found == sample.labels.end() ? "" : found->second;
}

unsigned number(const Sample& sample, const char* name) {
    return static_cast<unsigned>(std::strtoul(label(sample, name).c_str(), nullptr, 10));
}

struct VmRow {
    const char* name;
    void (*store)(VmFigures& vm, const Sample& sample);
};
constexpr VmRow kVmRows[] = {
    {"viaduct_vm_info", [](VmFigures& vm, const Sample& s) { vm.gpu = label(s, "gpu"); }},
    {"viaduct_vm_memory_bytes", [](VmFigures& vm, const Sample& s) { vm.memory += s.value; }},
    {"viaduct_vm_memory_limit_bytes",
     [](VmFigures& vm, const Sample& s) { vm.memory_limit = s.value; }},
    {"viaduct_vm_gpu_share_percent", [](VmFigures& vm, const Sample& s) { vm.share = s.value; }},
    {"viaduct_vm_contexts_lost_total", [](VmFigures& vm, const Sample& s) { vm.lost = s.value; }},
    {"viaduct_vm_busy_seconds_total",
     [](VmFigures& vm, const Sample& s) { vm.busy[label(s, "engine")] = s.value; }},
};

struct ContextRow {
    const char* name;
    void (*store)(ContextFigures& context, const Sample& sample);
};
constexpr ContextRow kContextRows[] = {
    {"viaduct_context_memory_bytes",
     [](ContextFigures& c, const Sample& s) { c.memory += s.value; }},
    {"viaduct_context_buffers", [](ContextFigures& c, const Sample& s) { c.buffers = s.value; }},
    {"viaduct_context_errors_total",
     [](ContextFigures& c, const Sample& s) { c.errors = s.value; }},
    {"viaduct_context_refusals_total",
     [](ContextFigures& c, const Sample& s) { c.refusals = s.value; }},
    {"viaduct_context_resets_total",
     [](ContextFigures& c, const Sample& s) { c.resets = s.value; }},
    {"viaduct_context_other_resets_total",
     [](ContextFigures& c, const Sample& s) { c.other_resets = s.value; }},
    {"viaduct_context_held_seconds_total",
     [](ContextFigures& c, const Sample& s) { c.held = s.value; }},
    {"viaduct_context_busy_seconds_total",
     [](ContextFigures& c, const Sample& s) { c.busy[label(s, "engine")] = s.value; }},
    {"viaduct_context_commands_total",
     [](ContextFigures& c, const Sample& s) {
         c.commands += s.value;
         if (s.value > 0) c.by_command[label(s, "command")] = s.value;
     }},
    {"viaduct_ring_submissions_total",
     [](ContextFigures& c, const Sample& s) { c.rings[label(s, "ring")].submissions = s.value; }},
    {"viaduct_ring_queue_depth",
     [](ContextFigures& c, const Sample& s) { c.rings[label(s, "ring")].depth = s.value; }},
    {"viaduct_ring_latency_seconds_bucket",
     [](ContextFigures& c, const Sample& s) {
         const std::string bound = label(s, "le");
         const double seconds = bound == "+Inf" ? std::numeric_limits<double>::infinity()
                                                : std::strtod(bound.c_str(), nullptr);
         if (std::isnan(seconds)) return;  // has no place in an order
         c.rings[label(s, "ring")].latency[seconds] = s.value;
     }},
};

}  // namespace

double ContextFigures::busy_total() const {
    double sum = 0;
    for (const auto& [engine, seconds] : busy) sum += seconds;
    return sum;
}

Figures figures_of(const std::vector<std::string>& expositions) {
    Figures figures;
    for (const std::string& text : expositions) {
        for (const Sample& sample : parse_samples(text)) {
            VmFigures& vm = figures[number(sample, "pid")];
            vm.name = label(sample, "vm");
            for (const VmRow& row : kVmRows)
                if (sample.name == row.name) row.store(vm, sample);
            if (!sample.labels.contains("context")) continue;
            ContextFigures& context = vm.contexts[number(sample, "context")];
            context.process = label(sample, "process");
            for (const ContextRow& row : kContextRows)
                if (sample.name == row.name) row.store(context, sample);
        }
    }
    return figures;
}

double percentile(const RingFigures& ring, double share) {
    if (ring.latency.empty()) return 0;
    const double wanted = ring.latency.rbegin()->second * share;
    if (wanted <= 0) return 0;
    double last = 0;
    for (const auto& [bound, count] : ring.latency) {
        if (count >= wanted) return bound == std::numeric_limits<double>::infinity() ? last : bound;
        last = bound;
    }
    return last;
}

std::string show_bytes(double bytes) {
    constexpr std::array kUnits = {"B", "K", "M", "G", "T"};
    size_t unit = 0;
    for (; unit + 1 < kUnits.size() && bytes >= 1024; ++unit) bytes /= 1024;
    return bytes < 10 && unit > 0 ? fmt::format("{:.1f}{}", bytes, kUnits[unit])
                                  : fmt::format("{:.0f}{}", bytes, kUnits[unit]);
}

std::string show_seconds(double seconds) {
    if (seconds <= 0) return "-";
    if (seconds < 1e-3) return fmt::format("{:.0f}us", seconds * 1e6);
    if (seconds < 1) return fmt::format("{:.1f}ms", seconds * 1e3);
    return fmt::format("{:.2f}s", seconds);
}

}  // namespace viaduct::tool
