// Surfaces: what binding tables and bindless handles lead to.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/eu/memory/eu_memory.h"

namespace simgpu::intel::eu {

/// The base addresses that messages count from: STATE_BASE_ADDRESS and
/// 3DSTATE_BINDING_TABLE_POOL_ALLOC.
struct StateBases {
    uint64_t general = 0;
    uint64_t general_bytes = 0;  // bound of stateless 32-bit offsets
    uint64_t surface = 0;
    uint64_t dynamic = 0;
    uint64_t instruction = 0;
    uint64_t bindless_surface = 0;
    uint64_t bindless_sampler = 0;
    uint64_t binding_table_pool = 0;
    bool pool_enabled = false;
};

enum class SurfaceType : uint8_t { k1D, k2D, k3D, kCube, kBuffer, kStructured, kScratch, kNull };
enum class TileMode : uint8_t { kLinear, kTile64, kTileX, kTileY };  // TileY: Tile4 from 12.5 on

/// RENDER_SURFACE_STATE, as far as messages look at it.
struct Surface {
    SurfaceType type = SurfaceType::kNull;
    TileMode tiling = TileMode::kLinear;
    bool array = false;
    bool is_tile4 = false;
    uint16_t format = 0;
    uint32_t width = 0;  // elements, of the base level
    uint32_t height = 0;
    uint32_t depth = 0;   // or array layers
    uint32_t pitch = 0;   // bytes
    uint32_t qpitch = 0;  // rows from a layer to the next
    uint32_t first_layer = 0;
    uint32_t layers = 0;
    uint32_t base_level = 0;  // for the sampler; of a typed message, `level`
    uint32_t levels = 1;
    uint32_t level = 0;
    uint32_t halign = 4;
    uint32_t valign = 4;
    uint32_t samples = 1;
    uint32_t aux_mode = 0;
    uint8_t swizzle[4] = {};  // Shader Channel Select, red to alpha
    uint64_t base = 0;
    uint64_t bytes = 0;  // of buffers
};

/// The formats' number for buffers of bytes.
inline constexpr uint16_t kRawFormat = 0x1ff;

/// The surfaces of one walker, read when they are first used.
class Surfaces {
  public:
    Surfaces(EuMemory& memory, const StateBases& bases, const ChipInfo& chip,
             uint32_t binding_table_offset)
        : memory_(memory), bases_(bases), chip_(chip), table_offset_(binding_table_offset) {}

    const StateBases& bases() const { return bases_; }
    const ChipInfo& chip() const { return chip_; }

    /// Null if its state cannot be read: a fault that `memory` keeps.
    const Surface* by_index(uint8_t index);
    /// `offset`: bytes from the bindless base.
    const Surface* bindless(uint32_t offset) { return at(bases_.bindless_surface + offset); }
    /// `offset`: bytes from the surface state base.
    const Surface* by_state(uint32_t offset) { return at(bases_.surface + offset); }

  private:
    const Surface* at(uint64_t va);

    EuMemory& memory_;
    const StateBases& bases_;
    const ChipInfo& chip_;
    const uint32_t table_offset_;
    std::array<const Surface*, 256> by_index_{};
    std::unordered_map<uint64_t, std::unique_ptr<Surface>> by_address_;
};

}  // namespace simgpu::intel::eu
