#include "simgpu/amd/gfx9/draw/stream_output.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers). Each buffer's size and stride, 16 bytes apart.
constexpr uint32_t kBufferSize = 0x28ad0, kVertexStride = 0x28ad4, kBufferDistance = 16;
constexpr uint32_t kStreamConfig = 0x28b94, kStreamBuffers = 0x28b98;

}  // namespace

StreamOutput::StreamOutput(const RegisterReader& registers, StreamoutBuffers& buffers,
                           PipelineCounters& counters)
    : config_(registers(kStreamConfig)),
      buffer_config_(registers(kStreamBuffers)),
      buffers_(buffers),
      counters_(counters) {
    for (uint32_t i = 0; i < kStreamoutBuffers; i++) {
        size_[i] = registers(kBufferSize + kBufferDistance * i);
        stride_[i] = bits(registers(kVertexStride + kBufferDistance * i), 0, 10);
    }
}

// RAST_STREAM, or with USE_RAST_STREAM_MASK a bit for each.
bool StreamOutput::rasterises(unsigned stream) const {
    if (bit_of(config_, 31)) return bit_of(config_, 8 + stream);
    return bits(config_, 4, 3) == stream;
}

StreamOutput::Wave StreamOutput::reserve(unsigned stream, unsigned primitives,
                                         unsigned vertices_each) {
    Wave wave;
    for (unsigned i = 0; i < kStreamoutBuffers; i++) wave.offset[i] = buffers_.filled[i];
    if (!counts(stream)) return wave;
    counters_.streams[stream].needed += primitives;
    const unsigned buffers = mask(stream);
    if (!buffers) return wave;
    uint64_t fit = primitives;
    for (unsigned i = 0; i < kStreamoutBuffers; i++) {
        const uint64_t dwords = uint64_t{stride_[i]} * vertices_each;
        if (!(buffers >> i & 1)) continue;
        const uint64_t left = size_[i] > wave.offset[i] ? size_[i] - wave.offset[i] : 0;
        // A stride of 0 takes no room; without a size there is no buffer.
        fit = std::min(fit, size_[i] == 0 ? 0 : dwords == 0 ? fit : left / dwords);
    }
    for (unsigned i = 0; i < kStreamoutBuffers; i++)
        if (buffers >> i & 1)
            buffers_.filled[i] += static_cast<uint32_t>(fit * vertices_each * stride_[i]);
    counters_.streams[stream].written += fit;
    wave.vertices = static_cast<uint32_t>(fit) * vertices_each;
    return wave;
}

}  // namespace simgpu::gfx9::draw
