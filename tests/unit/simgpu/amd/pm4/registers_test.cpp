// PM4 packets that set, change and load registers.
#include "tests/unit/simgpu/amd/pm4/pm4_test.h"

namespace simgpu {
namespace {

// The four windows of the register space, in dwords, and the packets for each (soc15d.h, sid.h).
// SET_*_INDEX has an index beside the offset, which does not matter here.
struct WindowRow {
    const char* name;
    uint32_t first, end;
    uint8_t set, set_index, load;
};
constexpr uint8_t kNoPacket = 0;
const WindowRow kWindows[] = {
    {"config", 0x2000, 0x2c00, 0x68, kNoPacket, 0x60},
    {"sh", 0x2c00, 0x3000, kSetShReg, kSetShRegIndex, kLoadShReg},
    {"context", 0xa000, 0xc000, kSetContextReg, 0x6a, 0x61},
    {"uconfig", 0xc000, 0x10000, kSetUconfigReg, 0x7a, 0x5e},
};

class Window : public Pm4Test, public testing::WithParamInterface<WindowRow> {
  protected:
    uint32_t size() const { return GetParam().end - GetParam().first; }
    uint32_t read(uint32_t offset) { return engine_.registers().read(GetParam().first + offset); }
    void expect_nothing_around() {
        EXPECT_EQ(engine_.registers().read(GetParam().first - 1), 0u);
        EXPECT_EQ(engine_.registers().read(GetParam().end), 0u);
    }
};

TEST_P(Window, IsSetFromAnOffset) {
    ASSERT_TRUE(is_done(run(pkt3(GetParam().set, {0x10, 1, 2, 3}) + pkt3(GetParam().set, {0, 4}))));
    EXPECT_EQ(read(0), 4u);
    EXPECT_EQ(read(0xf), 0u);
    for (uint32_t i = 0; i < 3; i++) EXPECT_EQ(read(0x10 + i), i + 1);
    EXPECT_EQ(read(0x13), 0u);
}

TEST_P(Window, IsNotLeft) {
    ASSERT_TRUE(is_done(
        run(pkt3(GetParam().set, {size() - 1, 1, 2, 3}) + pkt3(GetParam().set, {0xffff, 1}))));
    EXPECT_EQ(read(size() - 1), 1u);
    expect_nothing_around();
}

// The base is where offset 0 of the window would be; then ranges of offset and length.
TEST_P(Window, IsLoadedFromItsShadow) {
    for (const uint32_t offset : {0x240u, 0x241u, 0x242u, 0x300u})
        memory_.put(kData + offset * 4, 0x1000 + offset);
    ASSERT_TRUE(is_done(
        run(pkt3(GetParam().load, {low(kData), high(kData), 0x240, 2, 0x300, 1, 0xffff, 7}))));
    EXPECT_EQ(read(0x240), 0x1240u);
    EXPECT_EQ(read(0x241), 0x1241u);
    EXPECT_EQ(read(0x242), 0u);
    EXPECT_EQ(read(0x300), 0x1300u);
    expect_nothing_around();
}

TEST_P(Window, IsLoadedToItsEndAtMost) {
    const uint64_t shadow = kData + kDataSize - uint64_t{size()} * 4;  // ends with the mapping
    memory_.put(kData + kDataSize - 4, 9u);
    ASSERT_TRUE(
        is_done(run(pkt3(GetParam().load, {low(shadow), high(shadow), size() - 1, 0x3fff}))));
    EXPECT_EQ(read(size() - 1), 9u);
    expect_nothing_around();
}

TEST_P(Window, FaultsWhereItsShadowIsNotMapped) {
    const JobOutcome outcome = run(pkt3(GetParam().load, {low(kNowhere), high(kNowhere), 0x10, 1}));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, kNowhere + 0x40);
    EXPECT_EQ(outcome.fault_access, Access::kRead);
}

INSTANTIATE_TEST_SUITE_P(All, Window, testing::ValuesIn(kWindows),
                         [](const auto& row) { return row.param.name; });

TEST_F(Pm4Test, RegistersAreSetWithAnIndex) {
    for (const WindowRow& row : kWindows) {
        if (row.set_index == kNoPacket) continue;
        ASSERT_TRUE(is_done(run(pkt3(row.set_index, {3u << 28 | 0x41, 5, 6}))));
        EXPECT_EQ(engine_.registers().read(row.first + 0x41), 5u) << row.name;
        EXPECT_EQ(engine_.registers().read(row.first + 0x42), 6u) << row.name;
    }
}

TEST_F(Pm4Test, CommonUserDataIsThatOfAllStages) {
    constexpr uint32_t kCommon = 0x14c, kStages[] = {0xc, 0x4c, 0xcc, 0x10c};  // in the window
    ASSERT_TRUE(is_done(
        run(pkt3(kSetShReg, {kCommon + 1, 7, 8}) + pkt3(kSetShReg, {kCommon + 31, 9, 10}))));
    for (const uint32_t stage : kStages) {
        const auto read = [&](uint32_t i) { return engine_.registers().read(0x2c00 + stage + i); };
        EXPECT_EQ(read(0), 0u) << stage;
        EXPECT_EQ(read(1), 7u) << stage;
        EXPECT_EQ(read(2), 8u) << stage;
        EXPECT_EQ(read(31), 9u) << stage;
    }
    EXPECT_EQ(engine_.registers().read(0x2c0c + 32), 0u) << "beyond the last one";
}

TEST_F(Pm4Test, Type0PacketsNameRegistersDirectly) {
    const uint32_t type0 = 1u << 16 | 0x2c10;  // two registers from 0x2c10
    ASSERT_TRUE(is_done(run(Dwords{type0, 1, 2})));
    EXPECT_EQ(engine_.registers().read(0x2c10), 1u);
    EXPECT_EQ(engine_.registers().read(0x2c11), 2u);
    EXPECT_EQ(engine_.registers().read(0x2c12), 0u);
}

TEST_F(Pm4Test, RegistersAreModified) {
    ASSERT_TRUE(is_done(run(pkt3(kSetShReg, {0x240, 0xf0}) + pkt3(kRegRmw, {0x2e40, 0x30, 0x1}) +
                            pkt3(kSetContextReg, {0x10, 0xffff}) +
                            pkt3(kContextRegRmw, {0x10, 0xff, 0x12}))));
    EXPECT_EQ(engine_.registers().read(0x2e40), 0x31u);
    EXPECT_EQ(engine_.registers().read(0xa010), 0xff12u);
}

TEST_F(Pm4Test, ClearStateClearsTheContextWindow) {
    constexpr uint8_t kClearState = 0x12;
    ASSERT_TRUE(is_done(run(pkt3(kSetContextReg, {0, 5}) + pkt3(kSetContextReg, {0x1fff, 6}) +
                            pkt3(kSetShReg, {0x240, 7}) + pkt3(kSetUconfigReg, {0, 8}) +
                            pkt3(kClearState, {0}))));
    EXPECT_EQ(engine_.registers().read(0xa000), 0u);
    EXPECT_EQ(engine_.registers().read(0xbfff), 0u);
    EXPECT_EQ(engine_.registers().read(0x2e40), 7u);
    EXPECT_EQ(engine_.registers().read(0xc000), 8u);
}

}  // namespace
}  // namespace simgpu
