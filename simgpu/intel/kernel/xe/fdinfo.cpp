// fdinfo of an open file (Linux: xe_drm_client.c).
#include <fmt/format.h>

#include "simgpu/intel/kernel/xe/drm_file.h"
#include "simgpu/intel/kernel/xe/rings.h"

namespace simgpu::intel::xe {

namespace {

/// Buffers that the file has handles of, by where they are. Of the system's memory all counts as
/// mapped by the GPU ("gtt").
std::string memory_lines(const ChipInfo& chip, drm::BufferTable& buffers) {
    using Place = shared::Residence::Place;
    constexpr uint64_t kKiB = 1024;
    uint64_t total = 0, resident = 0, vram = 0;
    for (const BufferPtr& buffer : buffers.all()) {
        const shared::Residence* residence = buffer->residence();
        if (residence && residence->place() == Place::kVram) {
            vram += buffer->size();
            continue;
        }
        total += buffer->size();
        if (residence) resident += buffer->size();
    }
    const auto region = [](std::string_view name, uint64_t all, uint64_t there) {
        return fmt::format(
            "drm-total-{0}:\t{1}\ndrm-shared-{0}:\t0\ndrm-active-{0}:\t0\n"
            "drm-resident-{0}:\t{2}\ndrm-purgeable-{0}:\t0\n",
            name, all ? fmt::format("{} KiB", all / kKiB) : "0",
            there ? fmt::format("{} KiB", there / kKiB) : "0");
    };
    std::string text = region("system", 0, 0) + region("gtt", total, resident);
    if (chip.vram_bytes) text += region("vram0", vram, vram);
    return text;
}

}  // namespace

std::string DrmFile::fdinfo() const {
    auto& self = const_cast<DrmFile&>(*this);
    std::string text = client_lines() + memory_lines(chip_, self.buffers());
    // show_run_ticks(): both counters in ticks of the timestamp.
    constexpr uint64_t kNsPerSecond = 1'000'000'000;
    const uint64_t total = timestamp_now(chip_);
    for (size_t first = 0, end = 0; first < chip_.engines.size(); first = end) {
        unsigned __int128 ns = 0;  // of all engines of a class, which are neighbours
        for (; end < chip_.engines.size() && chip_.engines[end] == chip_.engines[first]; ++end)
            ns += self.rings()[end].busy_ns();
        const auto ticks = static_cast<uint64_t>(ns * chip_.timestamp_hz / kNsPerSecond);
        const std::string_view name = class_name(chip_.engines[first]);
        text +=
            fmt::format("drm-cycles-{}:\t{}\ndrm-total-cycles-{}:\t{}\n", name, ticks, name, total);
        if (end - first > 1)
            text += fmt::format("drm-engine-capacity-{}:\t{}\n", name, end - first);
    }
    return text;
}

}  // namespace simgpu::intel::xe
