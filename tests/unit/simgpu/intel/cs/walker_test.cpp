// COMPUTE_WALKER and EXECUTE_INDIRECT_DISPATCH: grids, and the registers that threads start with.
#include "tests/unit/simgpu/intel/cs/cs_test.h"
#include "tests/unit/simgpu/intel/eu/assembler.h"

namespace simgpu::intel {

namespace {

using eu::Words;

constexpr uint64_t kKernels = 0x40'0000;  // instruction base
constexpr uint32_t kSimd8 = 0;

/// COMPUTE_WALKER_BODY of 12.5 (Mesa's genxml), a thread of 8 channels for each group.
struct Body {
    uint32_t control = kSimd8 << 30;  // dword 3
    uint32_t mask = 0xff;
    uint32_t local_maximum = 0;  // dword 5
    std::array<uint32_t, 3> grid{};
    std::array<uint32_t, 8> inline_data{};

    Dwords dwords() const {
        Dwords body(38);
        body[3] = control;
        body[4] = mask;
        body[5] = local_maximum;
        std::ranges::copy(grid, body.begin() + 6);
        body[17 + 5] = 1;  // threads of a group
        std::ranges::copy(inline_data, body.begin() + 30);
        return body;
    }
};

class WalkerTest : public CsTest {
  protected:
    void put_kernel(std::vector<Words> code) {
        code.push_back(eu::end_of_thread());
        memory_.map(kKernels, code.size() * sizeof(Words));
        for (size_t i = 0; i < code.size(); i++) memory_.put(kKernels + i * sizeof(Words), code[i]);
    }
    JobOutcome run_compute(const Dwords& commands) {
        Dwords bases(21);
        bases[9] = low(kKernels) | 1;
        bases[10] = high(kKernels);
        const auto engine = create_engine(*find_chip_info("mtl"), EngineClass::kCompute);
        return run(*engine, gfx(0x6101, bases) + commands + kEnd);
    }
    /// UGM store of `from` to the addresses in r20 and r21, which are set from `va` on.
    static std::vector<Words> store_at(uint64_t va, unsigned from, uint32_t opcode = 4) {
        std::vector<Words> code;
        for (unsigned i = 0; i < 8; i++)
            for (unsigned half = 0; half < 2; half++)
                code.push_back(eu::mov_imm({.number = 20 + i / 4, .byte = 8 * (i % 4) + 4 * half},
                                           eu::Type::kUD, half ? high(va) : low(va + 4 * i),
                                           {.channels = 1, .no_mask = true}));
        code.push_back(eu::send(eu::null(), {.sfid = 15,
                                             .descriptor = opcode | 3u << 7 | 2u << 9 | 2u << 25,
                                             .payload = 20,
                                             .payload2 = from,
                                             .length2 = 1}));
        return code;
    }
};

TEST_F(WalkerTest, IndirectDispatchesTakeTheirGridsFromMemory) {
    std::vector<Words> kernel = {eu::mov_imm(eu::r(10), eu::Type::kUD, 1)};
    for (const Words& one : store_at(kData, 10, /*atomic add*/ 12)) kernel.push_back(one);
    put_kernel(kernel);
    const uint64_t arguments = kOther, count = kOther + 64;
    for (uint32_t i = 0; i < 6; i++) memory_.put<uint32_t>(arguments + 4 * i, i < 3 ? i + 1 : 2);
    memory_.put<uint32_t>(count, 1);
    const auto dispatch = [&](uint32_t most, bool counted) {
        Dwords body = {most, counted ? low(count) | 1 : 0, counted ? high(count) : 0,
                       low(arguments), high(arguments)};
        return gfx(0x7c01, body + Body{.mask = 1}.dwords());
    };
    ASSERT_TRUE(is_done(run_compute(dispatch(1, false))));
    EXPECT_EQ(dword(kData), 1u * 2 * 3);
    ASSERT_TRUE(is_done(run_compute(dispatch(2, false))));
    EXPECT_EQ(dword(kData), 6u + 6 + 8);
    ASSERT_TRUE(is_done(run_compute(dispatch(2, true))));
    EXPECT_EQ(dword(kData), 20u + 6) << "the count in memory is lower";
}

TEST_F(WalkerTest, InlineDataFollowsLocalIds) {
    // Local X in r1, so that the inline data is r2.
    put_kernel(store_at(kData, 2));
    Body body{.control = kSimd8 << 30 | 1u << 29 | 1u << 26 | 1u << 25,
              .local_maximum = 7,
              .grid = {1, 1, 1}};
    for (uint32_t i = 0; i < 8; i++) body.inline_data[i] = 70 + i;
    ASSERT_TRUE(is_done(run_compute(gfx(0x7208, body.dwords()))));
    for (uint32_t i = 0; i < 8; i++) EXPECT_EQ(dword(kData + 4 * i), 70 + i);
}

struct Layout {
    const char* name;
    uint32_t walk_order;
    uint32_t tile_layout;
    std::array<uint32_t, 8> x;  // of 8 by 2
    std::array<uint32_t, 8> y;
};
class LocalIdTest : public WalkerTest, public testing::WithParamInterface<Layout> {};

TEST_P(LocalIdTest, AreWalkedInTheLayoutsOrder) {
    std::vector<Words> kernel;
    for (unsigned axis = 0; axis < 2; axis++) {
        kernel.push_back(eu::op1(0x61, eu::r(10), eu::r(1 + axis, eu::Type::kUW)));
        for (const Words& one : store_at(kData + 32 * axis, 10)) kernel.push_back(one);
    }
    put_kernel(kernel);
    const Layout& layout = GetParam();
    const Body body{.control = kSimd8 << 30 | 1u << 29 | 3u << 26 | layout.walk_order << 22 |
                               layout.tile_layout << 19,
                    .local_maximum = 7 | 1u << 10,
                    .grid = {1, 1, 1}};
    ASSERT_TRUE(is_done(run_compute(gfx(0x7208, body.dwords()))));
    for (uint32_t i = 0; i < 8; i++) {
        EXPECT_EQ(dword(kData + 4 * i), layout.x[i]) << i;
        EXPECT_EQ(dword(kData + 32 + 4 * i), layout.y[i]) << i;
    }
}

INSTANTIATE_TEST_SUITE_P(
    , LocalIdTest,
    testing::Values(Layout{"linear", 0, 0, {0, 1, 2, 3, 4, 5, 6, 7}, {}},
                    Layout{"rows_first", 2, 0, {0, 0, 1, 1, 2, 2, 3, 3}, {0, 1, 0, 1, 0, 1, 0, 1}},
                    Layout{"tiled", 2, 1, {0, 1, 2, 3, 0, 1, 2, 3}, {0, 0, 0, 0, 1, 1, 1, 1}}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace

}  // namespace simgpu::intel
