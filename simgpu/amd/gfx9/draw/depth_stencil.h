// Depth and stencil tests and what they write.
#pragma once

#include <optional>
#include <string>

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/draw/htile_buffer.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/surface/surface.h"

namespace simgpu::gfx9::draw {

/// One sample of a pixel on its way to the depth buffer.
struct DepthFragment {
    uint32_t x = 0, y = 0, layer = 0;
    uint8_t sample = 0;
    float z = 0;
    bool front = true;
    std::optional<uint8_t> stencil_reference;  // exported by the shader
};

enum class DepthFormat : uint8_t { kNone, kUnorm16, kUnorm24, kFloat32 };

/// The depth buffer's bits for `z`, which the caller has clamped to the viewport's range; and
/// back. Unorm formats clamp to [0, 1].
uint32_t encode_depth(DepthFormat format, float z);
float decode_depth(DepthFormat format, uint32_t bits);
/// STENCILFAIL and its like. `reference` is STENCILTESTVAL, `operand` STENCILOPVAL.
uint8_t stencil_operation(unsigned operation, uint8_t old, uint8_t reference, uint8_t operand);

class DepthStencil {
  public:
    DepthStencil(const RegisterReader& registers, AddressConfig addresses, ShaderMemory& memory);
    DepthStencil(const DepthStencil&) = delete;  // HTILE refers to its surfaces
    DepthStencil& operator=(const DepthStencil&) = delete;

    /// A sentence about what is asked for, or was met, and is not simulated; else empty.
    const std::string& problem() const { return problem_.empty() ? htile_.problem() : problem_; }
    bool active() const { return depth_.test || depth_.bounds || stencil_.test || decompresses_; }
    unsigned sample_bits() const { return sample_bits_; }
    /// The last layer in view.
    uint32_t last_layer() const { return last_slice_ > slice_ ? last_slice_ - slice_ : 0; }
    bool writes() const { return depth_.write || stencil_.test; }
    /// Tests a sample and updates the buffers. A memory fault counts as failed; `memory` has it.
    bool test(const DepthFragment& fragment);

  private:
    struct Plane {
        std::optional<Surface> surface;
        uint64_t write_delta = 0;  // of the write base to the read base
        bool write_allowed = true;
        uint64_t address(const DepthFragment& f, uint32_t slice, unsigned level) const {
            return surface->address(f.x, f.y, slice + f.layer, level, f.sample);
        }
    };
    struct Depth {
        Plane plane;
        DepthFormat format = DepthFormat::kNone;
        bool test = false, write = false, bounds = false;
        unsigned function = 7;
        float bounds_min = 0, bounds_max = 1;
        std::optional<float> clear;  // DEPTH_CLEAR_ENABLE: written in place of z
    };
    struct StencilFace {
        unsigned function = 7;
        unsigned on_fail = 0, on_pass = 0, on_depth_fail = 0;
        uint8_t reference = 0, mask = 0, write_mask = 0, operand = 0;
    };
    struct Stencil {
        Plane plane;
        bool test = false;
        StencilFace face[2];  // front, back
        std::optional<uint8_t> clear;
    };

    void read_depth(const RegisterReader& registers, AddressConfig addresses);
    void read_stencil(const RegisterReader& registers, AddressConfig addresses);
    void set_htile_planes(const RegisterReader& registers);
    void check(const RegisterReader& registers);
    unsigned depth_bytes() const { return depth_.format == DepthFormat::kUnorm16 ? 2 : 4; }
    bool depth_passes(const DepthFragment& fragment, uint32_t& stored);
    bool stencil_passes(const StencilFace& face, const DepthFragment& fragment, uint8_t old) const;
    bool update_stencil(const StencilFace& face, const DepthFragment& fragment, unsigned operation,
                        uint8_t old);
    bool write_depth(const DepthFragment& fragment, uint32_t bits);

    ShaderMemory& memory_;
    Depth depth_;
    Stencil stencil_;
    HtileBuffer htile_;
    bool decompresses_ = false;  // HTILE is expanded where pixels are drawn, whatever they test
    unsigned sample_bits_ = 0;
    uint32_t slice_ = 0, last_slice_ = 0;
    unsigned level_ = 0;
    std::string problem_;
};

}  // namespace simgpu::gfx9::draw
