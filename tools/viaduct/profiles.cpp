// viaduct profiles: named budgets, and how many VMs of each fit on the GPU.
#include <amdgpu_drm.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "drm-context/device/device_source.h"
#include "drm-context/driver/choose_gpu.h"
#include "renderer/settings/profiles.h"
#include "tools/viaduct/command.h"

namespace viaduct::tool {

namespace {

struct Gpu {
    std::string description;
    uint64_t memory = 0;  // bytes; 0: its driver does not tell us
};

Result<Gpu> look_at_gpu() {
    const char* wish = process_environment("VIADUCT_GPU");
    auto choice = choose_gpu(wish && *wish ? wish : "auto");
    if (!choice) return tl::unexpected(choice.error());
    auto source = choice->open();
    if (!source) return tl::unexpected(source.error());
    auto device = open_device(*std::move(source));
    if (!device) return tl::unexpected(device.error());
    Gpu gpu{choice->description, 0};
    if ((*device)->version().name != "amdgpu") return gpu;
    drm_amdgpu_memory_info memory{};
    drm_amdgpu_info info{};
    info.return_pointer = reinterpret_cast<uint64_t>(&memory);
    info.return_size = sizeof(memory);
    info.query = AMDGPU_INFO_MEMORY;
    if ((*device)->ioctl(DRM_IOCTL_AMDGPU_INFO, &info) >= 0)
        gpu.memory = memory.vram.total_heap_size + memory.gtt.total_heap_size;
    return gpu;
}

std::string instances(const Budget& budget, const Gpu& gpu) {
    std::optional<uint64_t> fit;
    const auto at_most = [&](uint64_t count) { fit = std::min(fit.value_or(count), count); };
    if (budget.context.limits_gpu_time()) at_most(100 / budget.context.gpu_share);
    if (budget.context.vm_memory != 0 && gpu.memory != 0)
        at_most(gpu.memory / budget.context.vm_memory);
    return fit ? fmt::format("{}", *fit) : "-";
}

int run() {
    const auto profiles = load_profiles(process_environment);
    if (!profiles) {
        fmt::print(stderr, "viaduct profiles: {}\n", profiles.error().message);
        return 1;
    }
    const auto gpu = look_at_gpu();
    fmt::print("profiles: {}\n", profiles->path.empty() ? "built in" : profiles->path);
    if (gpu)
        fmt::print("GPU: {}{}\n", gpu->description,
                   gpu->memory ? fmt::format(", {} MiB", gpu->memory >> 20) : "");
    else
        fmt::print("GPU: none ({})\n", gpu.error().message);
    for (const Budget& budget : profiles->profiles) {
        fmt::print("\n{}{}{}\n", budget.profile,
                   budget.profile == profiles->default_name ? " (default)" : "",
                   budget.description.empty() ? "" : ": " + budget.description);
        for (const BudgetKey& key : budget_keys())
            if (const std::string value = key.show(budget); value != "-")
                fmt::print("  {:<24}{}\n", key.key, value);
        fmt::print("  {:<24}{}\n", "instances that fit", instances(budget, gpu.value_or(Gpu())));
    }
    return 0;
}

}  // namespace

void add_profiles(CLI::App& app, int& status) {
    CLI::App* command =
        app.add_subcommand("profiles", "Budgets by name, and how many VMs of each fit");
    command->callback([&status] { status = run(); });
}

}  // namespace viaduct::tool
