// Pixel shading: quads packed into waves, tests before and after, and the output.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "simgpu/amd/gfx9/draw/colour_targets.h"
#include "simgpu/amd/gfx9/draw/depth_stencil.h"
#include "simgpu/amd/gfx9/draw/draw_tools.h"
#include "simgpu/amd/gfx9/draw/pixel_inputs.h"
#include "simgpu/amd/gfx9/draw/raster_state.h"
#include "simgpu/amd/gfx9/draw/rasteriser.h"
#include "simgpu/amd/gfx9/draw/shader_stage.h"

namespace simgpu::gfx9::draw {

class PixelStage final : public QuadSink {
  public:
    PixelStage(DrawTools& tools, const RasterState& raster);

    /// A sentence about what is asked for and not simulated; else empty.
    std::string problem() const;
    bool quad(const ScreenTriangle& triangle, const Quad& quad) override;
    bool next_rows() override {
        return tools_.loop.poll_rarely(shader_.program_va, tools_.outcome);
    }
    /// Shades what is left. False: the job has ended.
    bool flush();

  private:
    /// DB_SHADER_CONTROL.
    struct Control {
        bool exports_depth = false, exports_stencil = false, exports_mask = false;
        bool kills = false;
        bool early = false;  // tests come before the shader
    };
    struct PendingQuad {
        uint32_t x = 0, y = 0;    // of pixel 0
        uint8_t covered = 0;      // bit per pixel
        uint8_t samples[4] = {};  // of each pixel: those that it is shaded for
        bool front = true;
        uint32_t layer = 0;
        uint8_t primitive = 0;
        double depth[4] = {};  // at the centres; and its change per 1/256 of a pixel
        double depth_right = 0, depth_down = 0;
        float z_min = 0, z_max = 1;
    };
    /// DB_ALPHA_TO_MASK.
    struct AlphaToMask {
        bool enabled = false;
        uint8_t offset[4] = {};  // of the pixels of a quad, in quarters of a sample
    };

    static Control read_control(const RegisterReader& registers);
    static AlphaToMask read_alpha_to_mask(const RegisterReader& registers);
    bool add(const ScreenTriangle& triangle, const Quad& quad, unsigned iteration);
    PixelPosition position(const ScreenTriangle& triangle, const Quad& quad, unsigned i,
                           unsigned iteration) const;
    void set_depth(PendingQuad& pending, const ScreenTriangle& triangle, const Quad& quad) const;
    bool test_early(PendingQuad& quad);
    DepthFragment fragment(const PendingQuad& quad, unsigned i, unsigned sample) const;
    uint8_t alpha_mask(unsigned i, unsigned lane) const;
    uint8_t slot_of(const ScreenTriangle& triangle);
    bool shade();
    uint64_t start_wave();
    bool finish_pixel(const PendingQuad& quad, unsigned i, unsigned lane);
    uint8_t late_test(const PendingQuad& quad, unsigned i, unsigned lane);
    bool failed();
    void count_sample() { tools_.counters.samples_passed += counts_samples_; }

    DrawTools& tools_;
    Control control_;
    bool counts_samples_;
    const SamplePattern& samples_;
    AlphaToMask alpha_to_mask_;
    ShaderStage shader_;
    unsigned depth_format_;  // SPI_SHADER_Z_FORMAT
    std::unique_ptr<Program> program_;
    PixelInputs inputs_;
    PixelInputs::Wanted wanted_;
    DepthStencil depth_;
    ColourTargets colours_;
    uint32_t last_layer_;  // that depth and colour buffers have
    std::array<PendingQuad, kQuadsPerWave> pending_;
    std::array<PixelQuad, kQuadsPerWave> pixels_;  // of the same
    unsigned pending_count_ = 0;
    std::array<PrimitiveAttributes, kQuadsPerWave> attributes_{};
    unsigned attribute_count_ = 0;
    uint64_t latest_serial_ = 0;  // of the primitive in the last slot
};

}  // namespace simgpu::gfx9::draw
