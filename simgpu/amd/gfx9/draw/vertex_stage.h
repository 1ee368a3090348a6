// The VS stage: a vertex shader, a domain shader, or the copy shader behind a geometry shader.
// Shades up to a wave of vertices at a time and hands their primitives to the rasteriser.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "simgpu/amd/gfx9/draw/draw_tools.h"
#include "simgpu/amd/gfx9/draw/raster_state.h"
#include "simgpu/amd/gfx9/draw/shader_stage.h"
#include "simgpu/amd/gfx9/draw/stream_output.h"

namespace simgpu::gfx9::draw {

/// The kind of shader in the VS stage.
enum class VertexRole : uint8_t { kVertex, kDomain, kCopy };

class VertexStage final : public ShadingSink {
  public:
    VertexStage(DrawTools& tools, const RasterState& raster, VertexRole role, PrimitiveSink& sink);

    /// Shades the primitive's vertices, those shared with a primitive shortly before only once.
    bool primitive(const InputPrimitive& primitive) override;
    bool flush() override;

    /// The stream that coming primitives belong to. To be called after flush().
    void set_stream(unsigned stream) { stream_ = stream; }
    void set_off_chip(uint32_t bytes) override { off_chip_ = bytes; }

  private:
    struct Assembled {
        Primitive::Kind kind;
        uint8_t provoking, edges, count;
        std::array<uint8_t, 3> lane;
    };

    unsigned lane_of(const InputVertex& vertex, uint32_t primitive_id);
    bool shade();
    void count_invocations();
    void load_scalars(const StreamOutput::Wave& streamed);
    Vertex vertex(unsigned lane) const;

    DrawTools& tools_;
    const RasterState& raster_;
    VertexRole role_;
    PrimitiveSink& sink_;
    ShaderStage shader_;
    unsigned parameters_;
    StreamOutput streams_;
    bool numbers_primitives_;  // PRIMITIVEID_EN
    std::unique_ptr<Program> program_;
    unsigned stream_ = 0;
    uint32_t off_chip_ = 0;

    // The wave that is being filled.
    std::array<uint64_t, kLanes> id_{};
    std::array<std::array<uint32_t, 4>, kLanes> value_{};
    std::array<Assembled, kLanes> assembled_{};
    unsigned lanes_ = 0, primitives_ = 0;
    uint64_t latest_ = 0;  // the largest of id_
};

}  // namespace simgpu::gfx9::draw
