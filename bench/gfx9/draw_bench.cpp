// Speed of the graphics pipeline in pixels per second (the counter "pixels"): 320x240, as drivers
// lay surfaces out, without compression.
#include <benchmark/benchmark.h>

#include "tests/unit/simgpu/amd/gfx9/draw_harness.h"

namespace simgpu::gfx9::test {
namespace {

constexpr uint32_t kWidth = 320, kHeight = 240, kPitch = 384, kTexture = 256;
constexpr uint64_t kTexels = 0x2000000, kDepth = 0x3000000;
constexpr uint32_t kTiled = 25, kTiledDepth = 24;  // SW_64KB_S_X, SW_64KB_Z_X

// One triangle around the picture, as in draw_test.cpp; the position is the texture coordinate.
const std::vector<Line> kAround = {
    {"v_and_b32 v1, 1, v0", {0x26020081}},
    {"v_cvt_f32_u32 v1, v1", {0x7e020d01}},
    {"v_mad_f32 v1, v1, 4.0, -1.0", {0xd1c10001, 0x03cded01}},
    {"v_lshrrev_b32 v2, 1, v0", {0x20040081}},
    {"v_cvt_f32_u32 v2, v2", {0x7e040d02}},
    {"v_mad_f32 v2, v2, 4.0, -1.0", {0xd1c10002, 0x03cded02}},
    {"v_mov_b32 v3, 0", {0x7e060280}},
    {"v_mov_b32 v4, 1.0", {0x7e0802f2}},
    {"exp pos0 v1, v2, v3, v4 done", {0xc40008cf, 0x04030201}},
    {"exp param0 v1, v2, v3, v4", {0xc400020f, 0x04030201}},
    {"s_endpgm", {0xbf810000}},
};
// Small triangles side by side: 16 in a row, with 20 pixels to each step. Vertex v0 belongs to
// triangle v0 / 3.
const std::vector<Line> kSmall = {
    {"v_mul_hi_u32 v5, v0, 0x55555556", {0x7e0a02ff, 0x55555556}},  // v_mov, then the product
    {"v_mul_hi_u32 v5, v5, v0", {0xd2860005, 0x00020105}},
    {"v_mul_u32_u24 v6, 3, v5", {0x100c0a83}},
    {"v_sub_u32 v6, v0, v6", {0x6a0c0d00}},     // corner
    {"v_and_b32 v7, 15, v5", {0x260e0a8f}},     // column
    {"v_lshrrev_b32 v8, 4, v5", {0x20100a84}},  // row
    {"v_and_b32 v1, 1, v6", {0x26020c81}},      // right
    {"v_lshrrev_b32 v2, 1, v6", {0x20040c81}},  // down
    {"v_add_u32 v1, v1, v7", {0x68020f01}},     //
    {"v_add_u32 v2, v2, v8", {0x68041102}},     //
    {"v_cvt_f32_u32 v1, v1", {0x7e020d01}},
    {"v_cvt_f32_u32 v2, v2", {0x7e040d02}},
    {"v_mul_f32 v1, 0.125, v1", {0x0a0202ff, 0x3e000000}},
    {"v_mul_f32 v2, 0.125, v2", {0x0a0404ff, 0x3e000000}},
    {"v_subrev_f32 v1, 1.0, v1", {0x060202f2}},
    {"v_subrev_f32 v2, 1.0, v2", {0x060404f2}},
    {"v_mov_b32 v3, 0", {0x7e060280}},
    {"v_mov_b32 v4, 1.0", {0x7e0802f2}},
    {"exp pos0 v1, v2, v3, v4 done", {0xc40008cf, 0x04030201}},
    {"exp param0 v1, v2, v3, v4", {0xc400020f, 0x04030201}},
    {"s_endpgm", {0xbf810000}},
};
const std::vector<Line> kPlain = {
    {"v_mov_b32 v2, 1.0", {0x7e0402f2}},
    {"exp mrt0 v0, v1, v2, v2 done vm", {0xc400180f, 0x02020100}},
    {"s_endpgm", {0xbf810000}},
};
const std::vector<Line> kTextured = {
    {"v_interp_p1_f32 v2, v0, attr0.x", {0xd4080000}},
    {"v_interp_p2_f32 v2, v1, attr0.x", {0xd4090001}},
    {"v_interp_p1_f32 v3, v0, attr0.y", {0xd40c0100}},
    {"v_interp_p2_f32 v3, v1, attr0.y", {0xd40d0101}},
    {"image_sample v[4:7], v[2:3], s[0:7], s[8:11] dmask:0xf", {0xf0800f00, 0x00400402}},
    {"exp mrt0 v4, v5, v6, v7 done vm", {0xc400180f, 0x07060504}},
    {"s_endpgm", {0xbf810000}},
};

class Frame {
  public:
    Frame(const std::vector<Line>& vertices, const std::vector<Line>& pixels) {
        bench_.load(DrawBench::kVertexCode, vertices);
        bench_.load(DrawBench::kPixelCode, pixels);
        auto& registers = bench_.registers;
        registers[0x28c74] = kTiled << 18;
        registers[0x286d8] = 1;  // one attribute
        bench_.draw.addresses = {.pipe_bits = 2, .bank_bits = 3};
        set_texture();
    }
    void set_depth() {
        auto& registers = bench_.registers;
        bench_.memory.map(kDepth, 1 << 20);
        registers[0x28800] = 1u << 1 | 1u << 2 | 7u << 4;  // tested, written, always
        registers[0x28038] = 3 | kTiledDepth << 4;
        registers[0x28040] = registers[0x28050] = kDepth >> 8;
        registers[0x2801c] = (kWidth - 1) | (kHeight - 1) << 16;
        registers[0x28068] = kPitch - 1;
        registers[0x2880c] = 1u << 4;  // early
    }
    void set_blending() {
        // SRC_ALPHA, ONE_MINUS_SRC_ALPHA
        bench_.registers[0x28780] = 4 | 5u << 8 | 1u << 30;
    }
    void set_vertices(uint32_t count) { bench_.draw.count = count; }

    void run(benchmark::State& state) {
        for (auto _ : state) {
            const JobOutcome outcome = bench_.run();
            if (!outcome.done()) return state.SkipWithError(outcome.report.c_str());
        }
        using benchmark::Counter;
        state.counters["pixels"] =
            Counter(static_cast<double>(bench_.pipeline.pixel_invocations), Counter::kIsRate);
        state.counters["lanes"] =
            Counter(static_cast<double>(bench_.counters.lane_instructions), Counter::kIsRate);
    }

  private:
    void set_texture() {
        bench_.memory.map(kTexels, kTexture * kTexture * 4);
        for (uint32_t i = 0; i < kTexture * kTexture; i++)
            bench_.memory.dword(kTexels + uint64_t{i} * 4) = i * 2654435761u;
        const uint32_t words[12] = {
            kTexels >> 8,
            10u << 20,  // 8_8_8_8
            (kTexture - 1) | (kTexture - 1) << 14,
            4 | 5u << 3 | 6u << 6 | 7u << 9 | kTiled << 20 | 9u << 28,
            (kTexture - 1) << 13,
            0,
            0,
            0,
            0,
            0xfffu << 12,
            1u << 20 | 1u << 22,  // bilinear
            0,
        };
        for (uint32_t i = 0; i < 12; i++) bench_.registers[0xb030 + 4 * i] = words[i];
        bench_.registers[0xb02c] = 12u << 1;
    }

    DrawBench bench_{kWidth, kHeight, kPitch};
};

void plain(benchmark::State& state) {
    Frame(kAround, kPlain).run(state);
}
BENCHMARK(plain);

void depth_tested(benchmark::State& state) {
    Frame frame(kAround, kPlain);
    frame.set_depth();
    frame.run(state);
}
BENCHMARK(depth_tested);

void blended(benchmark::State& state) {
    Frame frame(kAround, kPlain);
    frame.set_blending();
    frame.run(state);
}
BENCHMARK(blended);

void textured(benchmark::State& state) {
    Frame(kAround, kTextured).run(state);
}
BENCHMARK(textured);

// As on a cube's faces: a texture, and a depth test.
void textured_with_depth(benchmark::State& state) {
    Frame frame(kAround, kTextured);
    frame.set_depth();
    frame.run(state);
}
BENCHMARK(textured_with_depth);

void small_triangles(benchmark::State& state) {
    Frame frame(kSmall, kPlain);
    frame.set_vertices(16 * 16 * 3);
    frame.run(state);
}
BENCHMARK(small_triangles);

// A triangle that covers nothing: what a draw costs by itself.
void empty_draws(benchmark::State& state) {
    Frame frame(kAround, kPlain);
    frame.set_vertices(1);
    frame.run(state);
    state.counters["draws"] =
        benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(empty_draws);

}  // namespace
}  // namespace simgpu::gfx9::test
