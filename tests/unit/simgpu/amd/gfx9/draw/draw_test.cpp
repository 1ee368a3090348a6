// Whole draws, without geometry shaders and tessellation.
#include "tests/unit/simgpu/amd/gfx9/draw/whole_draw.h"

namespace simgpu::gfx9::draw {
namespace {

TEST_F(WholeDraw, PixelsAreShadedAndKilled) {
    registers_[0x28004] = 1u << 8;  // DB_COUNT_CONTROL: ZPASS_ENABLE
    const JobOutcome outcome = run();
    ASSERT_TRUE(outcome.done()) << outcome.report;
    for (int y = 0; y < kSize; y++)
        for (int x = 0; x < kSize; x++) {
            // I is how much of vertex 1 a pixel is: half of the way across the picture.
            const auto red = static_cast<uint32_t>((x + 0.5) / 32 * 255 + 0.5);
            EXPECT_EQ(pixel(x, y), y < 8 ? 0xffffff00 | red : 0) << x << "," << y;
        }
    EXPECT_EQ(pipeline_.pixel_invocations, 256u);
    EXPECT_EQ(pipeline_.samples_passed, 128u) << "dropped pixels pass no test";
    EXPECT_EQ(pipeline_.vertex_invocations, 3u);
    EXPECT_EQ(pipeline_.input_primitives, 1u);
}

// A driver's own draws, such as those of a clear, are not part of its program's queries.
TEST_F(WholeDraw, SamplesCountWhileThereIsAQuery) {
    ASSERT_TRUE(run().done());
    EXPECT_EQ(pipeline_.samples_passed, 0u);
    EXPECT_EQ(pipeline_.pixel_invocations, 256u);
}

// PA_SC_CLIPRECT_*: two rectangles that overlap.
TEST_F(WholeDraw, WindowRectanglesDecideByPixel) {
    const auto corner = [](uint32_t x, uint32_t y) { return x | y << 16; };
    registers_[0x28210] = corner(1, 1);
    registers_[0x28214] = corner(6, 6);
    registers_[0x28218] = corner(4, 3);
    registers_[0x2821c] = corner(9, 5);
    const auto in_first = [](int x, int y) { return x >= 1 && x < 6 && y >= 1 && y < 6; };
    const auto in_second = [](int x, int y) { return x >= 4 && x < 9 && y >= 3 && y < 5; };
    constexpr int kDrawn = 8;  // rows that the pixel shader keeps
    const auto expect = [&](uint32_t rule, auto drawn) {
        for (int y = 0; y < kSize; y++)
            for (int x = 0; x < kSize; x++) pixel(x, y) = 0;
        registers_[0x2820c] = rule;
        ASSERT_TRUE(run().done());
        for (int y = 0; y < kDrawn; y++)
            for (int x = 0; x < kSize; x++)
                EXPECT_EQ(pixel(x, y) != 0, drawn(x, y)) << rule << ": " << x << "," << y;
    };
    // Of the four bits of a pixel's number, those of the third and fourth rectangle do not matter.
    expect(0x1111, [&](int x, int y) { return !in_first(x, y) && !in_second(x, y); });
    expect(0xeeee, [&](int x, int y) { return in_first(x, y) || in_second(x, y); });
    expect(0x8888, [&](int x, int y) { return in_first(x, y) && in_second(x, y); });
    expect(0x2222, [&](int x, int y) { return in_first(x, y) && !in_second(x, y); });
    expect(0, [](int, int) { return false; });
}

// PA_SU_SC_MODE_CNTL: POLY_MODE, and what is drawn of both faces.
TEST_F(WholeDraw, PolygonsMayBeLinesOrPoints) {
    constexpr uint32_t kDual = 1u << 3, kLines = 1u << 5 | 1u << 8;
    registers_[0x28a08] = 8;                                    // lines and points a pixel wide
    registers_[0x28a00] = 8 | 8u << 16;                         // in 1/16, from the middle on
    registers_[0x28a04] = 0xffffu << 16;                        // of any size
    registers_[0x2843c] = registers_[0x28440] = as_word(4.0f);  // a triangle that is in view
    registers_[0x28444] = registers_[0x28448] = as_word(4.0f);
    registers_[0x28440] = registers_[0x28448] = as_word(4.5f);
    const auto drawn = [&] {
        std::string rows;
        for (int y = 0; y < 8; y++)
            for (int x = 0; x < 8; x++) rows += pixel(x, y) ? 'x' : '.', pixel(x, y) = 0;
        return rows;
    };
    registers_[0x28814] = kDual | kLines;
    ASSERT_TRUE(run().done());
    const std::string lines = drawn();
    EXPECT_EQ(lines.substr(0, 8), "xxxxxxxx");
    for (size_t y = 1; y < 8; y++) EXPECT_EQ(lines.substr(8 * y, 8), "x.......") << y;
    registers_[0x28814] = kDual;
    ASSERT_TRUE(run().done());
    EXPECT_EQ(drawn(), "x" + std::string(63, '.'));
    registers_[0x28814] = kDual | 2u << 5 | 2u << 8;
    ASSERT_TRUE(run().done());
    EXPECT_EQ(drawn(), std::string(64, 'x'));
    registers_[0x28814] = kDual | kLines | 3;  // both faces culled
    ASSERT_TRUE(run().done());
    EXPECT_EQ(drawn(), std::string(64, '.'));
}

// With target 0 left out, the shader's only export is target 1's.
TEST_F(WholeDraw, ExportsAreForTheTargetsThatTheShaderNames) {
    for (const uint32_t offset : {0x60u, 0x68u, 0x70u})
        registers_[0x28c00 + offset + 0x3c] = registers_[0x28c00 + offset];
    registers_[0x287a4] = registers_[0x287a0];  // CB_MRT1_EPITCH
    registers_[0x28c70] = 0;                    // no target 0
    registers_[0x28238] = 0xff;
    registers_[0x2823c] = 0xf0;
    ASSERT_TRUE(run().done());
    EXPECT_NE(pixel(3, 3), 0u);
}

TEST_F(WholeDraw, IndicesNameVertices) {
    memory_.dword(kIndices) = 0 | 1u << 16;
    memory_.dword(kIndices + 4) = 2;
    draw_.index_bytes = 2;
    draw_.index_va = kIndices;
    draw_.indices_available = 3;
    ASSERT_TRUE(run().done());
    EXPECT_NE(pixel(3, 3), 0u);
    // Beyond the buffer all indices are 0: a triangle without area.
    pixel(3, 3) = 0;
    draw_.indices_available = 2;
    ASSERT_TRUE(run().done());
    EXPECT_EQ(pixel(3, 3), 0u);
}

TEST_F(WholeDraw, IndicesOutsideOfMemoryFault) {
    draw_.index_bytes = 4;
    draw_.index_va = 0x900000;
    draw_.indices_available = 3;
    const JobOutcome outcome = run();
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, 0x900000u);
}

TEST_F(WholeDraw, TargetsOutsideOfMemoryFault) {
    registers_[0x28c60] = 0x900000 >> 8;
    const JobOutcome outcome = run();
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, 0x900000u);
    EXPECT_EQ(outcome.fault_access, Access::kWrite);
}

// Each of these would take hours.
TEST_F(WholeDraw, EndlessDrawsStop) {
    stop_ = true;
    draw_.count = ~0u;
    draw_.instances = ~0u;
    EXPECT_EQ(run().kind, JobOutcome::Kind::kStopped);

    registers_[0x3092c] = 1;  // restart at index 0: there is nothing else
    draw_.index_bytes = 4;
    draw_.index_va = kIndices;
    EXPECT_EQ(run().kind, JobOutcome::Kind::kStopped);
}

// A wave holds 64 points, 32 lines or 21 triangles that share no vertices.
TEST_F(WholeDraw, WavesOfVerticesAreFull) {
    constexpr uint32_t kTypes[][3] = {{1, 64, 1}, {1, 65, 2}, {2, 64, 1},
                                      {2, 66, 2}, {4, 63, 1}, {4, 66, 2}};
    memory_.map(kOut, 4096);
    // Each wave adds 1 to a dword.
    bench_.load(test::DrawBench::kVertexCode,
                {{"v_mov_b32 v8, address", {0x7e1002ff, kOut}},
                 {"v_mov_b32 v9, 0", {0x7e120280}},
                 {"v_mov_b32 v10, 1", {0x7e140281}},
                 {"s_mov_b64 exec, 1", {0xbefe0181}},
                 {"global_atomic_add v[8:9], v10, off", {0xdd088000, 0x007f0a08}},
                 {"s_endpgm", {0xbf810000}}});
    for (const auto& [type, vertices, waves] : kTypes) {
        memory_.dword(kOut) = 0;
        registers_[0x30908] = type;
        draw_.count = vertices;
        ASSERT_TRUE(run().done());
        EXPECT_EQ(memory_.dword(kOut), waves) << type << ": " << vertices;
    }
}

TEST_F(WholeDraw, WhatIsNotSimulatedNamesItsRegister) {
    expect_report(0x28b54, 1u << 5, "VGT_SHADER_STAGES_EN");   // a geometry shader alone
    expect_report(0x28b54, 0xb0, "VGT_GS_MODE");               // no mode for a geometry shader
    expect_report(0x28b54, 1u << 13, "VGT_SHADER_STAGES_EN");  // NGG
    expect_report(0x28b54, 1u << 9, "VGT_SHADER_STAGES_EN");   // dispatch draw
    expect_report(0x28b54, 0x45, "VGT_PRIMITIVE_TYPE");        // tessellation of triangles
    expect_report(0x30908, 9, "VGT_PRIMITIVE_TYPE");           // patches without tessellation
    expect_report(0x28be0, 2, "CB_COLOR_ATTRIB");              // four samples, on a target of one
    expect_report(0x28c74, 1u << 12, "CB_COLOR0_ATTRIB");      // two samples, one of them stored
    EXPECT_EQ(pixel(3, 3), 0u) << "none of them drew";
}

}  // namespace
}  // namespace simgpu::gfx9::draw
