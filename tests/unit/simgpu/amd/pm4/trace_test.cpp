// The packets in a trace.
#include "simgpu/trace.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "simgpu/amd/pm4/register_names.h"
#include "tests/unit/simgpu/amd/pm4/pm4_test.h"

namespace simgpu {
namespace {

TEST(RegisterNames, AreThoseOfTheHeaders) {
    EXPECT_EQ(pm4::register_name(0x28c60), "CB_COLOR0_BASE");
    EXPECT_EQ(pm4::register_name(0x28e04), "CB_COLOR7_BASE");
    EXPECT_EQ(pm4::register_name(0x28c9c), "CB_COLOR1_BASE");
    EXPECT_EQ(pm4::register_name(0x28e3c), "CB_COLOR7_DCC_BASE_EXT");
    EXPECT_EQ(pm4::register_name(0x2843c + 15 * 0x18 + 20), "PA_CL_VPORT_ZOFFSET_15");
    EXPECT_EQ(pm4::register_name(0x282d4), "PA_SC_VPORT_ZMAX_0");
    EXPECT_EQ(pm4::register_name(0xb020), "SPI_SHADER_PGM_LO_PS");
    EXPECT_EQ(pm4::register_name(0xb130 + 4 * 31), "SPI_SHADER_USER_DATA_VS_31");
    EXPECT_EQ(pm4::register_name(0xb900), "COMPUTE_USER_DATA_0");
    EXPECT_EQ(pm4::register_name(0x28800), "DB_DEPTH_CONTROL");
    EXPECT_EQ(pm4::register_name(0x2fffc), "0x2fffc");
    EXPECT_EQ(pm4::register_name(0), "0x00000");
}

class Trace : public EngineTest {
  protected:
    Trace() {
        set_trace_sink([this](std::string_view line) { lines_.emplace_back(line); });
    }
    ~Trace() override { set_trace_sink({}); }
    bool has(std::string_view text) const {
        return std::ranges::any_of(
            lines_, [&](const std::string& line) { return line.find(text) != std::string::npos; });
    }

    std::vector<std::string> lines_;
    pm4::Pm4Engine engine_{
        Pm4Options{},
        [](const gfx9::Dispatch&, JobEnvironment&, EngineCounters&) { return JobOutcome{}; },
        [](const gfx9::draw::Draw&, JobEnvironment&, EngineCounters&,
           gfx9::draw::PipelineCounters&) { return JobOutcome{}; }};
};

TEST_F(Trace, HasPacketsRegistersDrawsAndShaders) {
    constexpr uint8_t kSetContext = 0x69, kSetShader = 0x76, kSetUconfig = 0x79,
                      kDrawIndexAuto = 0x2d, kNumInstances = 0x2f, kUnknown = 0xfe;
    memory_.put(kData, 0xbf810000u);  // s_endpgm
    const Dwords program{0x8 + 0x40, low(kData >> 8), high(kData >> 8)};
    ASSERT_TRUE(
        is_done(run(engine_, pkt3(kSetContext, {0x200, 7, 8}) + pkt3(kSetShader, program) +
                                 pkt3(kSetUconfig, {0x242, 4}) + pkt3(kUnknown, {1, 2}) +
                                 pkt3(kNumInstances, {2}) + pkt3(kDrawIndexAuto, {36, 2}))));
    flush_trace();
    EXPECT_TRUE(has("SET_CONTEXT_REG"));
    EXPECT_TRUE(has("DB_DEPTH_CONTROL = 0x00000007"));
    EXPECT_TRUE(has("DB_EQAA = 0x00000008"));
    EXPECT_TRUE(has("VGT_PRIMITIVE_TYPE = 0x00000004"));
    EXPECT_TRUE(has("skipped, not simulated"));
    EXPECT_TRUE(has("draw: triangles, 36 vertices, 2 instances"));
    EXPECT_TRUE(has("vertex shader"));
    EXPECT_TRUE(has("s_endpgm"));
}

TEST_F(Trace, IsSilentUnlessWanted) {
    set_trace_sink({});
    ASSERT_TRUE(is_done(run(engine_, pkt3(0x2f, {1}))));
    flush_trace();
    EXPECT_FALSE(tracing());
    EXPECT_TRUE(lines_.empty());
}

}  // namespace
}  // namespace simgpu
