#include "simgpu/intel/eu/memory/surface.h"

namespace simgpu::intel::eu {

namespace {

constexpr size_t kStateDwords = 16;
/// A hostile shader can name many; they are read anew past this.
constexpr size_t kMostKept = 1024;

class StateReader {
  public:
    explicit StateReader(const std::array<uint32_t, kStateDwords>& dwords) : dwords_(dwords) {}
    uint32_t field(unsigned dword, unsigned top, unsigned bottom) const {
        return dwords_[dword] >> bottom & (~uint32_t{0} >> (31 - (top - bottom)));
    }
    uint64_t address(unsigned dword) const {
        return dwords_[dword] | uint64_t{dwords_[dword + 1]} << 32;
    }

  private:
    const std::array<uint32_t, kStateDwords>& dwords_;
};

/// RENDER_SURFACE_STATE (PRM volume 2d; Mesa's genxml).
Surface decode_surface(const std::array<uint32_t, kStateDwords>& dwords, const ChipInfo& chip) {
    const StateReader state(dwords);
    Surface surface;
    surface.type = SurfaceType(state.field(0, 31, 29));
    surface.array = state.field(0, 28, 28);
    surface.format = static_cast<uint16_t>(state.field(0, 26, 18));
    surface.tiling = TileMode(state.field(0, 13, 12));
    surface.is_tile4 = chip.generation >= Generation::kGen12_5;
    constexpr uint32_t kAlignments[] = {16, 4, 8, 16};
    constexpr uint32_t kAlignments125[] = {16, 32, 64, 128};  // bytes
    surface.halign = surface.is_tile4 ? kAlignments125[state.field(0, 15, 14)]
                                      : kAlignments[state.field(0, 15, 14)];
    surface.valign = kAlignments[state.field(0, 17, 16)];
    surface.qpitch = state.field(1, 14, 0) << 2;
    surface.width = state.field(2, 13, 0) + 1;
    surface.height = state.field(2, 29, 16) + 1;
    surface.pitch = state.field(3, 17, 0) + 1;
    surface.depth = state.field(3, 31, 21) + 1;
    surface.samples = 1u << state.field(4, 5, 3);
    surface.layers = state.field(4, 17, 7) + 1;
    surface.first_layer = state.field(4, 28, 18);
    surface.level = state.field(5, 3, 0);
    surface.levels = surface.level + 1;
    surface.base_level = state.field(5, 7, 4);
    surface.aux_mode = state.field(6, 2, 0);
    for (unsigned i = 0; i < 4; i++)
        surface.swizzle[i] = static_cast<uint8_t>(state.field(7, 27 - 3 * i, 25 - 3 * i));
    surface.base = state.address(8);
    if (surface.type == SurfaceType::kBuffer || surface.type == SurfaceType::kStructured ||
        surface.type == SurfaceType::kScratch) {
        // The number of elements less one, in pieces.
        const uint64_t elements = (uint64_t{state.field(3, 31, 21)} << 21 |
                                   state.field(2, 29, 16) << 7 | state.field(2, 6, 0)) +
                                  1;
        surface.width = static_cast<uint32_t>(elements);
        surface.bytes = surface.format == kRawFormat && surface.type == SurfaceType::kBuffer
                            ? elements
                            : elements * surface.pitch;
    }
    return surface;
}

}  // namespace

const Surface* Surfaces::at(uint64_t va) {
    if (const auto found = by_address_.find(va); found != by_address_.end())
        return found->second.get();
    std::array<uint32_t, kStateDwords> dwords;
    if (!memory_.read(va, dwords.data(), sizeof dwords)) return nullptr;
    if (by_address_.size() >= kMostKept) {
        by_address_.clear();
        by_index_.fill(nullptr);
    }
    auto& slot = by_address_[va];
    slot = std::make_unique<Surface>(decode_surface(dwords, chip_));
    return slot.get();
}

const Surface* Surfaces::by_index(uint8_t index) {
    if (by_index_[index]) return by_index_[index];
    // With a pool, Gen12's pointers count in 8 bytes so that 16 bits reach further.
    const unsigned shift = bases_.pool_enabled && chip_.generation == Generation::kGen12 ? 3 : 0;
    const uint64_t base = bases_.pool_enabled ? bases_.binding_table_pool : bases_.surface;
    const uint64_t table = base + (uint64_t{table_offset_} << shift);
    uint32_t offset = 0;
    if (!memory_.read(table + 4u * index, &offset, sizeof offset)) return nullptr;
    return by_index_[index] = at(bases_.surface + (offset & ~63u));
}

}  // namespace simgpu::intel::eu
