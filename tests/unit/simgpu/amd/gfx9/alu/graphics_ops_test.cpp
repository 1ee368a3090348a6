// Exports and interpolation.
#include <gtest/gtest.h>

#include <memory>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/wave/graphics_wave.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

class GraphicsOps : public testing::Test {
  protected:
    GraphicsOps() { bench_.wave->graphics = graphics_.get(); }

    std::unique_ptr<GraphicsWave> graphics_ = std::make_unique<GraphicsWave>();
    WaveBench bench_;
};

TEST_F(GraphicsOps, ExportsTakeActiveLanesAndEnabledComponents) {
    for (unsigned i = 0; i < 4; i++) bench_.fill(i, 10 + i);
    bench_.wave->set_exec(0b0110);
    bench_.run({"exp mrt2 v0, v1, off, v3 vm", {0xc400102b, 0x03000100}});
    const ExportTarget& target = graphics_->colour[2];
    EXPECT_EQ(target.mask, 0b0110u);
    EXPECT_EQ(target.enabled, 0b1011);
    EXPECT_FALSE(target.compressed);
    EXPECT_EQ(target.component[0].lane[1], 10u);
    EXPECT_EQ(target.component[3].lane[2], 13u);
    EXPECT_EQ(graphics_->valid, 0b0110u);
}

TEST_F(GraphicsOps, CompressedExportsAreHalves) {
    bench_.fill(0, 0x22221111);
    bench_.fill(1, 0x44443333);
    bench_.run({"exp mrt0 v0, v0, v1, v1 compr", {0xc400040f, 0x00000100}});
    const ExportTarget& target = graphics_->colour[0];
    EXPECT_TRUE(target.compressed);
    for (unsigned i = 0; i < 4; i++) EXPECT_EQ(target.component[i].lane[5], (i + 1) * 0x1111);
    EXPECT_EQ(graphics_->valid, ~uint64_t{0}) << "without the valid-mask bit";
}

TEST_F(GraphicsOps, TargetsHavePlacesOfTheirOwn) {
    bench_.fill(0, 7);
    bench_.run({"exp pos1 v0, off, off, off", {0xc40000d1, 0x00000000}});
    bench_.run({"exp param31 v0, off, off, off", {0xc40003f1, 0x00000000}});
    bench_.run({"exp mrtz v0, off, off, off", {0xc4000081, 0x00000000}});
    bench_.run({"exp null off, off, off, off done vm", {0xc4001890, 0x00000000}});
    EXPECT_EQ(graphics_->position[1].component[0].lane[0], 7u);
    EXPECT_EQ(graphics_->parameter[31].component[0].lane[0], 7u);
    EXPECT_EQ(graphics_->depth.component[0].lane[0], 7u);
}

TEST_F(GraphicsOps, RegistersOutOfTheAllocationReadTheFirst) {
    bench_.fill(0, 7);
    bench_.fill(9, 8);
    bench_.wave->vgpr_count = 8;
    bench_.run({"exp mrt0 v9, off, off, off", {0xc4000001, 0x00000009}});
    EXPECT_EQ(graphics_->colour[0].component[0].lane[0], 7u);
}

TEST_F(GraphicsOps, ComputeShadersHaveNoExports) {
    bench_.wave->graphics = nullptr;
    bench_.run({"exp mrt0 v0, v0, v0, v0 done", {0xc400080f, 0x00000000}});
    EXPECT_EQ(bench_.wave->status, Wave::Status::kUnknown);
}

TEST_F(GraphicsOps, EachQuadHasItsPrimitive) {
    auto first = std::make_unique<PrimitiveAttributes>();
    auto second = std::make_unique<PrimitiveAttributes>();
    first->p0[3][1] = 1, first->p10[3][1] = 4, first->p20[3][1] = 16;
    second->p0[3][1] = 100, second->p10[3][1] = 0, second->p20[3][1] = 2;
    graphics_->quad_attributes[0] = first.get();
    graphics_->quad_attributes[1] = second.get();
    bench_.wave->set_exec(0xff);
    bench_.fill(0, as_word(0.5f));   // I
    bench_.fill(1, as_word(0.25f));  // J
    bench_.run({"v_interp_p1_f32 v2, v0, attr3.y", {0xd4080d00}});
    EXPECT_EQ(as_float(bench_.lane(2, 0)), 3);
    bench_.run({"v_interp_p2_f32 v2, v1, attr3.y", {0xd4090d01}});
    EXPECT_EQ(as_float(bench_.lane(2, 3)), 7);
    EXPECT_EQ(as_float(bench_.lane(2, 4)), 100.5f);
    EXPECT_EQ(bench_.lane(2, 8), 0u) << "an inactive lane";
    bench_.run({"v_interp_mov_f32 v3, p10, attr3.y", {0xd40e0d00}});
    EXPECT_EQ(as_float(bench_.lane(3, 0)), 4);
    bench_.run({"v_interp_mov_f32 v3, p20, attr3.y", {0xd40e0d01}});
    EXPECT_EQ(as_float(bench_.lane(3, 0)), 16);
    bench_.run({"v_interp_mov_f32 v3, p0, attr3.y", {0xd40e0d02}});
    EXPECT_EQ(as_float(bench_.lane(3, 7)), 100);
}

}  // namespace
}  // namespace simgpu::gfx9::test
