// A threadgroup of a merged shader: LS and HS, or ES and GS. Both halves run in the same waves, one
// after the other, and share LDS.
#pragma once

#include <memory>
#include <span>

#include "simgpu/amd/gfx9/draw/draw_tools.h"
#include "simgpu/amd/gfx9/draw/shader_stage.h"

namespace simgpu::gfx9::draw {

class MergedGroup {
  public:
    /// The waves of a group have four bits for their number.
    static constexpr unsigned kMostWaves = 16;

    /// `lds_bytes` as the shader's registers give them.
    MergedGroup(DrawTools& tools, const ShaderStage& shader, uint32_t lds_bytes);

    /// Readies waves for so many threads of the first and of the second half: thread t is lane
    /// t % 64 of wave t / 64. False if these are too many for a group.
    bool start(unsigned first, unsigned second);
    std::span<Wave> waves() { return waves_; }
    /// Puts `value` into a VGPR of a thread.
    void set(unsigned thread, unsigned vgpr, uint32_t value) {
        waves_[thread / kLanes].v[vgpr].lane[thread % kLanes] = value;
    }
    /// A wave's number in s3[23:16]: of an ES and GS, the GS wave id.
    uint8_t wave_id(unsigned wave) const { return static_cast<uint8_t>(wave); }
    /// Whether a wave has threads of the second half.
    bool has_second(unsigned wave) const { return wave * kLanes < second_; }
    /// False: the job has ended.
    bool run();

  private:
    void start_wave(unsigned number);

    DrawTools& tools_;
    const ShaderStage& shader_;
    uint32_t lds_bytes_;
    uint32_t scratch_waves_, scratch_bytes_;  // SPI_TMPRING_SIZE
    std::unique_ptr<Program> program_;
    std::span<Wave> waves_;
    unsigned first_ = 0, second_ = 0;
};

}  // namespace simgpu::gfx9::draw
