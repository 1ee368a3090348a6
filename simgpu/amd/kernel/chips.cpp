#include "simgpu/amd/kernel/chips.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "simgpu/amd/kernel/drm_file.h"
#include "simgpu/amd/kernel/kernel.h"
#include "simgpu/amd/kernel/model.h"
#include "simgpu/amd/kernel/recovery.h"
#include "simgpu/amd/kernel/runtime_pm.h"
#include "simgpu/log.h"
#include "simgpu/shared/fence_board.h"

namespace simgpu::amdgpu {

namespace {

bool valid_instance(std::string_view instance) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return !instance.empty() && instance.size() <= 64 &&
           instance.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::string choose_instance(const std::string& wanted) {
    if (!wanted.empty()) return wanted;
    const char* text = std::getenv("VIADUCT_SIMGPU_INSTANCE");
    return text && *text ? text : "default";
}

tl::expected<std::unique_ptr<File>, int> open(const Chip& chip, const std::string& wanted) {
    const ModelInfo& model = *find_model(chip.name);
    const char* kernel = std::getenv("VIADUCT_SIMGPU_KERNEL");
    if (const auto minor = parse_kernel(kernel ? kernel : ""); !minor) {
        log("VIADUCT_SIMGPU_KERNEL: {}", minor.error().message);
        return tl::unexpected(EINVAL);
    }
    const auto visible = visible_vram(model);
    if (!visible) {
        log("VIADUCT_SIMGPU_VISIBLE_VRAM: {}", visible.error().message);
        return tl::unexpected(EINVAL);
    }
    const char* resume = std::getenv("VIADUCT_SIMGPU_RESUME_MS");
    if (const auto pm = parse_resume(resume ? resume : ""); !pm) {
        log("VIADUCT_SIMGPU_RESUME_MS: {}", pm.error().message);
        return tl::unexpected(EINVAL);
    }
    const std::string instance = choose_instance(wanted);
    if (!valid_instance(instance)) {
        log("device instance '{}' is not 1 to 64 letters, digits, '-', '_' or '.'", instance);
        return tl::unexpected(EINVAL);
    }
    auto device = shared::SharedDevice::attach(
        fmt::format("viaduct-simgpu-{}-{}-{}", ::geteuid(), model.name, instance),
        {model.vram_size, model.gtt_size, kDoorbellSize, *visible});
    if (!device) {
        log("cannot open the simulated {}: {}", model.name, device.error().message);
        return tl::unexpected(device.error().code);
    }
    wake_device(**device);
    shared::FenceBoard::instance();  // now: a jailed process cannot attach to it later
    viaduct::UniqueFd stand_in(::memfd_create(kStandInName, MFD_CLOEXEC));
    if (!stand_in) return tl::unexpected(errno);
    return std::make_unique<DrmFile>(model, std::move(*device), std::move(stand_in));
}

uint64_t longest_timeout_ns() {
    return job_timeouts().compute_ns;
}

std::vector<std::pair<std::string, std::string>> module_files() {
    return {{"/sys/module/amdgpu/parameters/lockup_timeout", lockup_timeout() + "\n"}};
}

}  // namespace

std::span<const Chip> chips() {
    static const auto* const rows = [] {
        auto* all = new std::vector<Chip>;
        for (const ModelInfo& model : models())
            all->push_back({model.name, kDriverName, model.pci, model.ring_kinds, open,
                            longest_timeout_ns, module_files});
        return all;
    }();
    return *rows;
}

}  // namespace simgpu::amdgpu
