#include "simgpu/simgpu.h"

#include <algorithm>
#include <cerrno>

#include "simgpu/chips.h"
#include "simgpu/inject.h"
#include "simgpu/log.h"
#include "simgpu/null_mode.h"
#include "simgpu/shared/device.h"
#include "simgpu/shared/leftovers.h"
#include "simgpu/sync/fence.h"
#include "simgpu/trace.h"

namespace simgpu {

tl::expected<std::unique_ptr<File>, int> File::open(const OpenOptions& options) {
    if (const auto status = injection_status(); !status) {
        log("VIADUCT_SIMGPU_INJECT: {}", status.error().message);
        return tl::unexpected(EINVAL);
    }
    if (const auto status = null_mode_status(); !status) {
        log("VIADUCT_SIMGPU_NULL: {}", status.error().message);
        return tl::unexpected(EINVAL);
    }
    const Chip* chip = options.model.empty() ? &chips().front() : find_chip(chips(), options.model);
    if (!chip) {
        log("'{}' is not a simulated GPU; use {}", options.model, chip_names(chips()));
        return tl::unexpected(EINVAL);
    }
    open_trace();
    announce_null_mode();
    return chip->open(*chip, options.instance);
}

bool remove_leftovers() {
    return shared::remove_leftovers(shared::own_segment_name(""));
}

uint64_t longest_job_timeout_ns() {
    uint64_t longest_ns = 0;
    for (const Chip& chip : chips())
        longest_ns = std::max(longest_ns, chip.longest_job_timeout_ns());
    return longest_ns;
}

tl::expected<viaduct::UniqueFd, int> merge_sync_files(int a, int b) {
    const drm::FencePtr first = drm::Fence::from_sync_file(a);
    const drm::FencePtr second = drm::Fence::from_sync_file(b);
    if (!first || !second) return tl::unexpected(EINVAL);
    viaduct::UniqueFd merged = drm::Fence::all_of({first, second})->export_sync_file();
    if (!merged) return tl::unexpected(EMFILE);
    return merged;
}

}  // namespace simgpu
