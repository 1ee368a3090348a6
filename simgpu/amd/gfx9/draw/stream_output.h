// Transform feedback ("streamout"): which vertices have room in the buffers, and where. The vertex
// shader itself writes them; this unit counts, and tells it by SGPRs what to do.
#pragma once

#include <array>
#include <cstdint>

#include "simgpu/amd/gfx9/draw/draw.h"

namespace simgpu::gfx9::draw {

class StreamOutput {
  public:
    StreamOutput(const RegisterReader& registers, StreamoutBuffers& buffers,
                 PipelineCounters& counters);

    /// Whether primitives of `stream` are counted (STREAMOUT_n_EN of VGT_STRMOUT_CONFIG).
    bool counts(unsigned stream) const { return config_ >> stream & 1; }
    /// Whether they may be written: some buffer is the stream's.
    bool writes(unsigned stream) const { return counts(stream) && mask(stream) != 0; }
    /// Whether they are drawn.
    bool rasterises(unsigned stream) const;

    /// A wave may write these; its shader gets them in SGPRs.
    struct Wave {
        uint32_t vertices = 0;                             // its first ones that are to be written
        std::array<uint32_t, kStreamoutBuffers> offset{};  // of the first one, in dwords
    };
    /// Takes room for a wave's primitives: a primitive is written to all buffers of its stream or
    /// to none. A buffer that is full stays as it is.
    Wave reserve(unsigned stream, unsigned primitives, unsigned vertices_each);

  private:
    unsigned mask(unsigned stream) const { return buffer_config_ >> 4 * stream & 0xf; }

    uint32_t config_;                                            // VGT_STRMOUT_CONFIG
    uint32_t buffer_config_;                                     // VGT_STRMOUT_BUFFER_CONFIG
    std::array<uint32_t, kStreamoutBuffers> size_{}, stride_{};  // in dwords
    StreamoutBuffers& buffers_;
    PipelineCounters& counters_;
};

}  // namespace simgpu::gfx9::draw
