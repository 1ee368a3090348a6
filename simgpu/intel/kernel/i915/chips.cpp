#include "simgpu/intel/kernel/i915/chips.h"

#include <array>
#include <string_view>
#include <vector>

#include "simgpu/intel/kernel/i915/drm_file.h"
#include "simgpu/intel/kernel/rings.h"
#include "simgpu/sched/job_timeout.h"

namespace simgpu::intel::i915 {

namespace {

// Chips without memory of their own, whose engines are all simulated.
constexpr std::array<std::string_view, 2> kNames = {"tgl", "mtl"};

tl::expected<std::unique_ptr<File>, int> open(const Chip& chip, const std::string& instance) {
    const ChipInfo& info = *find_chip_info(chip.name);
    auto seat = drm::take_seat(info.name, instance, {0, kSystemMemory, 0, 0});
    if (!seat) return tl::unexpected(seat.error());
    return std::make_unique<DrmFile>(info, std::move(*seat));
}

struct Table {
    std::vector<std::vector<std::string_view>> kinds;  // what the rows' spans show
    std::vector<Chip> rows;
};

}  // namespace

std::span<const Chip> chips() {
    static const auto* const table = [] {
        auto* all = new Table;
        all->kinds.reserve(kNames.size());
        for (const std::string_view name : kNames) {
            const ChipInfo& info = *find_chip_info(name);
            const auto& kinds = all->kinds.emplace_back(ring_kinds(info, driver_rings()));
            all->rows.push_back(
                {info.name, kDriverName, info.pci, kinds, open, sched::job_timeout_ns, nullptr});
        }
        return all;
    }();
    return table->rows;
}

}  // namespace simgpu::intel::i915
