// viaduct stats: what the VMs have used so far.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "tools/viaduct/command.h"
#include "tools/viaduct/expositions.h"
#include "tools/viaduct/figures.h"

namespace viaduct::tool {

namespace {

struct StatsOptions {
    bool prometheus = false;
    std::string socket;
};

void print_context(unsigned id, const ContextFigures& context) {
    fmt::print(
        "  context {} ({}): {} in {:.0f} buffers, {:.0f} commands, {:.0f} errors, "
        "{:.0f} refused, {:.0f} resets, {:.0f} resets of others\n",
        id, context.process, show_bytes(context.memory), context.buffers, context.commands,
        context.errors, context.refusals, context.resets, context.other_resets);
    for (const char* engine : kEngines)
        if (const auto busy = context.busy.find(engine);
            busy != context.busy.end() && busy->second > 0)
            fmt::print("    {:<12} busy {}\n", engine, show_seconds(busy->second));
    if (context.held > 0) fmt::print("    {:<12} {}\n", "held back", show_seconds(context.held));
    for (const auto& [name, ring] : context.rings)
        fmt::print(
            "    ring {:<10} {:.0f} submissions, {:.0f} under way, latency {} (half), {} "
            "(99 %)\n",
            name, ring.submissions, ring.depth, show_seconds(percentile(ring, 0.5)),
            show_seconds(percentile(ring, 0.99)));
    for (const auto& [name, count] : context.by_command)
        fmt::print("    {:<24}{:>10.0f}\n", name, count);
}

void print_vm(unsigned pid, const VmFigures& vm) {
    fmt::print("{} (process {}) on {}\n", vm.name, pid, vm.gpu);
    fmt::print("  GPU memory {}{}, {} of the GPU's time, {} contexts, {:.0f} lost\n",
               show_bytes(vm.memory),
               vm.memory_limit > 0 ? " of " + show_bytes(vm.memory_limit) : "",
               vm.share < 100 ? fmt::format("at most {:.0f} %", vm.share) : "all",
               vm.contexts.size(), vm.lost);
    for (const char* engine : kEngines)
        if (const auto busy = vm.busy.find(engine); busy != vm.busy.end() && busy->second > 0)
            fmt::print("  {:<14} busy {} since it started\n", engine, show_seconds(busy->second));
    for (const auto& [id, context] : vm.contexts) print_context(id, context);
}

int run(const StatsOptions& options) {
    const auto expositions = fetch_expositions(options.socket);
    if (!expositions) {
        fmt::print(stderr, "viaduct stats: {}\n", expositions.error().message);
        return 1;
    }
    for (const std::string& note : expositions->notes)
        fmt::print(stderr, "viaduct stats: {}\n", note);
    if (options.prometheus) {
        fmt::print("{}", merge_expositions(expositions->texts));
        return 0;
    }
    const Figures figures = figures_of(expositions->texts);
    if (figures.empty()) fmt::print("no VM with native contexts runs here (as this user)\n");
    for (const auto& [pid, vm] : figures) print_vm(pid, vm);
    return 0;
}

}  // namespace

void add_stats(CLI::App& app, int& status) {
    auto options = std::make_shared<StatsOptions>();
    CLI::App* command = app.add_subcommand("stats", "What the VMs have used so far");
    command->add_flag("--prometheus", options->prometheus, "In Prometheus' text format");
    command->add_option("--socket", options->socket, "Only this VMM's (VIADUCT_METRICS)");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace viaduct::tool
