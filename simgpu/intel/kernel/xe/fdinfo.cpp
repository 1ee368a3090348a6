// fdinfo of an open file (Linux: xe_drm_client.c).
#include <fmt/format.h>

#include "simgpu/intel/kernel/xe/drm_file.h"
#include "simgpu/intel/kernel/xe/rings.h"

namespace simgpu::intel::xe {

namespace {

/// Buffers that the file has handles of, by what they count as: all memory is the system's, of
/// which the GPU maps what it uses ("gtt").
std::string memory_lines(drm::BufferTable& buffers) {
    constexpr uint64_t kKiB = 1024;
    uint64_t total = 0, resident = 0;
    for (const BufferPtr& buffer : buffers.all()) {
        total += buffer->size();
        if (buffer->residence()) resident += buffer->size();
    }
    return fmt::format(
        "drm-total-system:\t0\ndrm-shared-system:\t0\ndrm-active-system:\t0\n"
        "drm-resident-system:\t0\ndrm-purgeable-system:\t0\n"
        "drm-total-gtt:\t{} KiB\ndrm-shared-gtt:\t0\ndrm-active-gtt:\t0\n"
        "drm-resident-gtt:\t{} KiB\ndrm-purgeable-gtt:\t0\n",
        total / kKiB, resident / kKiB);
}

}  // namespace

std::string DrmFile::fdinfo() const {
    auto& self = const_cast<DrmFile&>(*this);
    std::string text = client_lines() + memory_lines(self.buffers());
    // show_run_ticks(): both counters in ticks of the timestamp.
    constexpr uint64_t kNsPerSecond = 1'000'000'000;
    const uint64_t total = timestamp_now(chip_);
    for (size_t i = 0; i < chip_.engines.size(); ++i) {
        const auto ns = static_cast<unsigned __int128>(self.rings()[i].busy_ns());
        const auto ticks = static_cast<uint64_t>(ns * chip_.timestamp_hz / kNsPerSecond);
        const std::string_view name = class_name(chip_.engines[i]);
        text +=
            fmt::format("drm-cycles-{}:\t{}\ndrm-total-cycles-{}:\t{}\n", name, ticks, name, total);
    }
    return text;
}

}  // namespace simgpu::intel::xe
