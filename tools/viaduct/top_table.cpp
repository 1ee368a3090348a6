#include "tools/viaduct/top_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace viaduct::tool {

namespace {

struct Row {
    std::string vm;
    unsigned pid = 0;
    unsigned context = 0;
    std::array<double, kEngines.size()> busy{};  // per cent
    double memory = 0;
    double buffers = 0;
    double commands = 0;  // per second
    double errors = 0;
    const ContextFigures* figures = nullptr;
    const ContextFigures* earlier = nullptr;  // null: it is new

    double busy_total() const {
        double sum = 0;
        for (const double share : busy) sum += share;
        return sum;
    }
};

// Counters of a context whose number was given away anew start again.
double growth(double before, double now) {
    return now >= before ? now - before : now;
}

double value_of(const std::map<std::string, double>& values, const std::string& key) {
    const auto found = values.find(key);
    return found == values.end() ? 0 : found->second;
}

const ContextFigures* find(const Figures& figures, unsigned pid, unsigned context) {
    const auto vm = figures.find(pid);
    if (vm == figures.end()) return nullptr;
    const auto found = vm->second.contexts.find(context);
    return found == vm->second.contexts.end() ? nullptr : &found->second;
}

Row row_of(const VmFigures& vm, const ContextFigures& now, const ContextFigures* before,
           double seconds) {
    static const ContextFigures kNothing;
    const ContextFigures& earlier = before ? *before : kNothing;
    Row row;
    row.vm = vm.name;
    for (size_t i = 0; i < kEngines.size(); ++i)
        row.busy[i] = 100 *
                      growth(value_of(earlier.busy, kEngines[i]), value_of(now.busy, kEngines[i])) /
                      seconds;
    row.memory = now.memory;
    row.buffers = now.buffers;
    row.commands = growth(earlier.commands, now.commands) / seconds;
    row.errors = now.errors;
    row.figures = &now;
    row.earlier = before;
    return row;
}

bool goes_before(const Row& a, const Row& b, SortKey sort) {
    switch (sort) {
        case SortKey::kGpu:
            return a.busy_total() > b.busy_total();
        case SortKey::kMemory:
            return a.memory > b.memory;
        case SortKey::kCommands:
            return a.commands > b.commands;
        default:
            return a.vm < b.vm;
    }
}

std::string vm_lines(const Figures& before, const Figures& now, double seconds) {
    std::string text =
        fmt::format("{:<20}{:>8}{:>7}{:>7}{:>7}{:>7}{:>8}{:>8}{:>7}{:>6}  {}\n", "VM", "PID",
                    "GFX%", "COMP%", "COPY%", "VIDEO%", "MEM", "LIMIT", "SHARE", "LOST", "GPU");
    for (const auto& [pid, vm] : now) {
        const auto found = before.find(pid);
        text += fmt::format("{:<20.20}{:>8}", vm.name, pid);
        for (const char* engine : kEngines) {
            const double earlier = found == before.end() ? 0 : value_of(found->second.busy, engine);
            text +=
                fmt::format("{:>7.1f}", 100 * growth(earlier, value_of(vm.busy, engine)) / seconds);
        }
        text += fmt::format("{:>8}{:>8}{:>7}{:>6.0f}  {}\n", show_bytes(vm.memory),
                            vm.memory_limit > 0 ? show_bytes(vm.memory_limit) : "-",
                            fmt::format("{:.0f}%", vm.share), vm.lost, vm.gpu);
    }
    return text;
}

std::string ring_line(const std::string& name, const RingFigures& ring, const Row& row,
                      double seconds) {
    double earlier = 0;
    if (row.earlier)
        if (const auto found = row.earlier->rings.find(name); found != row.earlier->rings.end())
            earlier = found->second.submissions;
    return fmt::format("    {:<12}{:>10.0f} subm/s{:>6.0f} queued  p50 {:>8}  p99 {:>8}\n", name,
                       growth(earlier, ring.submissions) / seconds, ring.depth,
                       show_seconds(percentile(ring, 0.5)), show_seconds(percentile(ring, 0.99)));
}

}  // namespace

std::string top_table(const Figures& before, const Figures& now, double seconds, SortKey sort,
                      size_t most_rows) {
    std::vector<Row> rows;
    for (const auto& [pid, vm] : now) {
        for (const auto& [id, context] : vm.contexts) {
            rows.push_back(row_of(vm, context, find(before, pid, id), seconds));
            rows.back().pid = pid;
            rows.back().context = id;
        }
    }
    std::ranges::stable_sort(
        rows, [sort](const Row& a, const Row& b) { return goes_before(a, b, sort); });
    std::string text = vm_lines(before, now, seconds);
    text += fmt::format("\n{:<20}{:>5}  {:<16}{:>7}{:>7}{:>7}{:>7}{:>8}{:>7}{:>9}{:>6}{:>8}\n",
                        "VM", "CTX", "PROCESS", "GFX%", "COMP%", "COPY%", "VIDEO%", "MEM", "BUFS",
                        "CMD/S", "ERR", "RESETS");
    for (const Row& row : rows) {
        text += fmt::format("{:<20.20}{:>5}  {:<16.16}", row.vm, row.context, row.figures->process);
        for (const double share : row.busy) text += fmt::format("{:>7.1f}", share);
        // Resets that cost the context, and resets caused by others.
        const std::string resets =
            fmt::format("{:.0f}+{:.0f}", row.figures->resets, row.figures->other_resets);
        text += fmt::format("{:>8}{:>7.0f}{:>9.0f}{:>6.0f}{:>8}\n", show_bytes(row.memory),
                            row.buffers, row.commands, row.errors, resets);
        for (const auto& [name, ring] : row.figures->rings)
            text += ring_line(name, ring, row, seconds);
    }
    if (most_rows == 0) return text;
    size_t end = 0;
    for (size_t line = 0; line < most_rows && end < text.size(); ++line)
        end = std::min(text.find('\n', end), text.size() - 1) + 1;
    return text.substr(0, end);
}

}  // namespace viaduct::tool
