#include "simgpu/amd/kernel/chips.h"

#include <cerrno>
#include <cstdlib>

#include "simgpu/amd/kernel/drm_file.h"
#include "simgpu/amd/kernel/kernel.h"
#include "simgpu/amd/kernel/model.h"
#include "simgpu/amd/kernel/recovery.h"
#include "simgpu/drm/device_seat.h"
#include "simgpu/log.h"

namespace simgpu::amdgpu {

namespace {

tl::expected<std::unique_ptr<File>, int> open(const Chip& chip, const std::string& instance) {
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
    auto seat = drm::take_seat(model.name, instance,
                               {model.vram_size, model.gtt_size, kDoorbellSize, *visible});
    if (!seat) return tl::unexpected(seat.error());
    return std::make_unique<DrmFile>(model, std::move(*seat));
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
