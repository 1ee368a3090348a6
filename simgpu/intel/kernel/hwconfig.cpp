#include "simgpu/intel/kernel/hwconfig.h"

#include <algorithm>

namespace simgpu::intel {

namespace {

enum Key : uint32_t {
    kMaxSlices = 1,
    kMaxDualSubslices = 2,
    kMaxEusPerDualSubslice = 3,
    kThreadsPerEu = 15,
    kMaxRender = 23,
    kMaxCompute = 24,
    kMaxVideo = 25,
    kMaxVideoEnhance = 26,
    kMaxCopy = 27,
    kSlmKibPerDualSubslice = 65,
    kMaxSubslices = 70,
    kMaxEusPerSubslice = 71,
    kSlmKibPerSubslice = 73,
};

class Table {
  public:
    void put(Key key, uint32_t value) { words_.insert(words_.end(), {key, 1, value}); }
    std::vector<uint32_t> take() { return std::move(words_); }

  private:
    std::vector<uint32_t> words_;
};

}  // namespace

std::vector<uint32_t> hwconfig(const ChipInfo& chip) {
    if (chip.generation < Generation::kGen12_5) return {};
    const Topology& topology = chip.topology;
    const auto engines = [&](EngineClass one) {
        return static_cast<uint32_t>(std::ranges::count(chip.engines, one));
    };
    // The unit that Xe2's keys call a subslice takes the place of the dual subslice.
    const bool xe2 = chip.generation >= Generation::kXe2;
    Table table;
    table.put(kMaxSlices, topology.slices);
    table.put(xe2 ? kMaxSubslices : kMaxDualSubslices, topology.subslices());
    table.put(kMaxEusPerDualSubslice, topology.eus_per_subslice);
    if (xe2) table.put(kMaxEusPerSubslice, topology.eus_per_subslice);
    table.put(kThreadsPerEu, topology.threads_per_eu);
    table.put(kMaxRender, engines(EngineClass::kRender));
    table.put(kMaxCompute, engines(EngineClass::kCompute));
    table.put(kMaxVideo, engines(EngineClass::kVideo));
    table.put(kMaxVideoEnhance, engines(EngineClass::kVideoEnhance));
    table.put(kMaxCopy, engines(EngineClass::kCopy));
    table.put(xe2 ? kSlmKibPerSubslice : kSlmKibPerDualSubslice, chip.slm_bytes >> 10);
    return table.take();
}

}  // namespace simgpu::intel
