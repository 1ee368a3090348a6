// A small GPU that draws: shaders, a colour buffer, and the registers that drivers would set.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <vector>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/draw.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {

/// Draws one triangle around a picture of 8_8_8_8, unless a user changes that.
class DrawBench {
  public:
    static constexpr uint64_t kVertexCode = 0x100000, kPixelCode = 0x110000, kPixels = 0x1000000;

    /// The shaders have 16 VGPRs; the pixel shader has I, J, x and y in the first ones. `pitch` is
    /// that of the colour buffer, in pixels.
    DrawBench(uint32_t width, uint32_t height, uint32_t pitch) : pitch_(pitch) {
        memory.map(kVertexCode, 4096);
        memory.map(kPixelCode, 4096);
        memory.map(kPixels, uint64_t{pitch} * ((height + 127) & ~127u) * 4);
        set_shaders();
        set_geometry(width, height);
        set_target(width, height);
        draw.registers = [this](uint32_t byte) {
            const auto found = registers.find(byte);
            return found == registers.end() ? 0 : found->second;
        };
        draw.count = 3;
        draw.streamout = &streamout;
    }
    DrawBench(const DrawBench&) = delete;
    DrawBench& operator=(const DrawBench&) = delete;

    void load(uint64_t va, const std::vector<Line>& program) {
        for (const Line& line : program)
            for (uint32_t word : line.words) {
                memory.dword(va) = word;
                va += 4;
            }
    }
    JobOutcome run() {
        JobEnvironment environment{memory, stop};
        return draw::run_draw(draw, environment, counters, pipeline);
    }
    /// Of a linear colour buffer.
    uint32_t& pixel(uint32_t x, uint32_t y) {
        return memory.dword(kPixels + (uint64_t{y} * pitch_ + x) * 4);
    }

    std::map<uint32_t, uint32_t> registers;  // by byte address
    FakeMemory memory;
    draw::Draw draw;
    draw::StreamoutBuffers streamout;
    std::atomic<bool> stop = false;
    EngineCounters counters;
    draw::PipelineCounters pipeline;

  private:
    void set_shaders() {
        constexpr uint32_t kVgprs16 = 3, kFloatMode = 0xc0u << 12;
        registers[0xb120] = kVertexCode >> 8;
        registers[0xb128] = kVgprs16 | kFloatMode;
        registers[0xb020] = kPixelCode >> 8;
        registers[0xb028] = kVgprs16 | kFloatMode;
        registers[0x286d0] = 1u << 1 | 1u << 8 | 1u << 9;  // I and J, x, y
        registers[0x28714] = 9;                            // SPI_SHADER_COL_FORMAT: 32_ABGR
    }
    void set_geometry(uint32_t width, uint32_t height) {
        const uint32_t corner = width | height << 16;
        registers[0x30908] = 4;  // a list of triangles
        registers[0x28034] = registers[0x28208] = registers[0x28244] = corner;
        registers[0x2820c] = 0xffff;  // PA_SC_CLIPRECT_RULE: none
        registers[0x28818] = 0x43f;   // the whole viewport transform
        const auto half = [](uint32_t size) { return as_word(static_cast<float>(size) / 2); };
        registers[0x2843c] = registers[0x28440] = half(width);
        registers[0x28444] = registers[0x28448] = half(height);
        registers[0x282d4] = as_word(1.0f);
        registers[0x28810] = 1u << 19;  // z from 0 on
        registers[0x28be4] = 5;         // centres at a half
        registers[0x28be8] = registers[0x28bf0] = as_word(8.0f);
    }
    void set_target(uint32_t width, uint32_t height) {
        registers[0x28238] = registers[0x2823c] = 15;
        registers[0x28808] = 1u << 4 | 0xccu << 16;
        registers[0x287a0] = pitch_ - 1;
        registers[0x28c60] = kPixels >> 8;
        registers[0x28c68] = (height - 1) | (width - 1) << 14;
        registers[0x28c70] = 10u << 2;                  // COLOR_8_8_8_8
        registers[0x28c38] = registers[0x28c3c] = ~0u;  // PA_SC_AA_MASK: all samples
    }

    uint32_t pitch_;
};

}  // namespace simgpu::gfx9::test
