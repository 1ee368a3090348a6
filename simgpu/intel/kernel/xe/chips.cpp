#include "simgpu/intel/kernel/xe/chips.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <string_view>
#include <vector>

#include "simgpu/drm/device_seat.h"
#include "simgpu/intel/kernel/xe/drm_file.h"
#include "simgpu/intel/kernel/xe/kernel.h"
#include "simgpu/intel/kernel/xe/rings.h"
#include "simgpu/log.h"

namespace simgpu::intel::xe {

namespace {

/// A chip, under a name of its own: i915 has a row for the same chip.
struct Row {
    std::string_view name;
    std::string_view chip;
};
// Real kernels drive the first two with xe on request (xe.force_probe).
constexpr std::array kRows = {Row{"tgl-xe", "tgl"}, Row{"mtl-xe", "mtl"}, Row{"lnl", "lnl"},
                              Row{"bmg", "bmg"}};

const ChipInfo& chip_of(std::string_view name) {
    for (const Row& row : kRows)
        if (row.name == name) return *find_chip_info(row.chip);
    std::abort();  // only our own rows call this
}

tl::expected<std::unique_ptr<File>, int> open(const Chip& chip, const std::string& instance) {
    const char* text = std::getenv("VIADUCT_SIMGPU_KERNEL");
    if (const auto kernel = parse_kernel(text ? text : ""); !kernel) {
        log("VIADUCT_SIMGPU_KERNEL: {}", kernel.error().message);
        return tl::unexpected(EINVAL);
    }
    const ChipInfo& info = chip_of(chip.name);
    auto seat =
        drm::take_seat(chip.name, instance, {info.vram_bytes, kSystemBytes, 0, info.vram_bytes});
    if (!seat) return tl::unexpected(seat.error());
    return std::make_unique<DrmFile>(info, std::move(*seat));
}

std::span<const std::string_view> kinds_of(const ChipInfo& chip) {
    static auto& kept = *new std::deque<std::vector<std::string_view>>;  // as long as the table
    return kept.emplace_back(ring_kinds(chip));
}

}  // namespace

std::span<const Chip> chips() {
    static const auto* const rows = [] {
        auto* all = new std::vector<Chip>;
        for (const Row& row : kRows) {
            const ChipInfo& chip = *find_chip_info(row.chip);
            all->push_back(
                {row.name, kDriverName, chip.pci, kinds_of(chip), open, job_timeout_ns, nullptr});
        }
        return all;
    }();
    return *rows;
}

}  // namespace simgpu::intel::xe
