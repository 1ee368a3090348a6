// Scalar instructions that act on the wave: branches, ends, modes, indexed registers, and those
// that do nothing here.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

TEST(ScalarControl, BranchesCountFromTheNextInstruction) {
    WaveBench bench;
    bench.wave->pc = 0x1000;
    bench.run({"s_branch 4", {0xbf820004}});
    EXPECT_EQ(bench.wave->pc, 0x1014u);
    bench.run({"s_branch 0xfffe", {0xbf82fffe}});
    EXPECT_EQ(bench.wave->pc, 0x1010u);
    bench.run({"s_cbranch_scc1 4", {0xbf850004}});
    EXPECT_EQ(bench.wave->pc, 0x1014u);
    bench.run({"s_cbranch_scc0 4", {0xbf840004}});
    EXPECT_EQ(bench.wave->pc, 0x1028u);
    bench.run({"s_cbranch_vccz 1", {0xbf860001}});
    EXPECT_EQ(bench.wave->pc, 0x1030u);
    bench.run({"s_cbranch_execnz 1", {0xbf890001}});
    EXPECT_EQ(bench.wave->pc, 0x1038u);
    bench.run({"s_getpc_b64 s[4:5]", {0xbe841c00}});
    EXPECT_EQ(bench.wave->s64(4), 0x103cu);
    bench.run({"s_swappc_b64 s[6:7], s[4:5]", {0xbe861e04}});
    EXPECT_EQ(bench.wave->s64(6), 0x1040u);
    EXPECT_EQ(bench.wave->pc, 0x103cu);
    bench.run({"s_call_b64 s[8:9], 2", {0xba880002}});
    EXPECT_EQ(bench.wave->s64(8), 0x1040u);
    EXPECT_EQ(bench.wave->pc, 0x1048u);
    bench.run({"s_setpc_b64 s[8:9]", {0xbe801d08}});
    EXPECT_EQ(bench.wave->pc, 0x1040u);
}

TEST(ScalarControl, StatusOfTheWave) {
    WaveBench bench;
    bench.run({"s_barrier", {0xbf8a0000}});
    EXPECT_EQ(bench.wave->status, Wave::Status::kBarrier);
    bench.run({"s_endpgm", {0xbf810000}});
    EXPECT_EQ(bench.wave->status, Wave::Status::kEnded);
    bench.run({"s_sethalt 1", {0xbf8d0001}});
    EXPECT_EQ(bench.wave->status, Wave::Status::kHalted);
}

TEST(ScalarControl, RelativeMovesStayInTheRegisters) {
    WaveBench bench;
    for (unsigned i = 0; i < 100; i++) bench.wave->s[i] = 1000 + i;
    bench.wave->s[code::kM0] = 5;
    bench.run({"s_movrels_b32 s4, s10", {0xbe842a0a}});
    EXPECT_EQ(bench.wave->s[4], 1015u);
    bench.run({"s_movreld_b32 s10, s20", {0xbe8a2c14}});
    EXPECT_EQ(bench.wave->s[15], 1020u);
    bench.wave->s[code::kM0] = 0xfffffff0;
    bench.run({"s_movrels_b32 s4, s10", {0xbe842a0a}});
    EXPECT_EQ(bench.wave->s[4], 1000u);
    bench.run({"s_movreld_b64 s[10:11], s[20:21]", {0xbe8a2d14}});
    EXPECT_EQ(bench.wave->s64(0), 1020u | uint64_t{1021} << 32);
}

// Branches that are taken or not by the state of the wave.
TEST(ScalarControl, BranchesByCondition) {
    const struct {
        Line line;
        bool scc;
        uint64_t vcc, exec;
        bool taken;
    } cases[] = {
        {{"s_cbranch_scc0 4", {0xbf840004}}, false, 0, 1, true},
        {{"s_cbranch_scc0 4", {0xbf840004}}, true, 0, 1, false},
        {{"s_cbranch_scc1 4", {0xbf850004}}, false, 1, 1, false},
        {{"s_cbranch_scc1 4", {0xbf850004}}, true, 0, 0, true},
        {{"s_cbranch_vccz 4", {0xbf860004}}, false, 0, 1, true},
        {{"s_cbranch_vccz 4", {0xbf860004}}, false, uint64_t{1} << 63, 0, false},
        {{"s_cbranch_vccnz 4", {0xbf870004}}, false, uint64_t{1} << 63, 0, true},
        {{"s_cbranch_vccnz 4", {0xbf870004}}, true, 0, 1, false},
        {{"s_cbranch_execz 4", {0xbf880004}}, false, 1, 0, true},
        {{"s_cbranch_execz 4", {0xbf880004}}, true, 0, uint64_t{1} << 63, false},
        {{"s_cbranch_execnz 4", {0xbf890004}}, false, 0, uint64_t{1} << 63, true},
        {{"s_cbranch_execnz 4", {0xbf890004}}, true, 1, 0, false},
    };
    for (const auto& c : cases) {
        WaveBench bench;
        bench.wave->pc = 0x1000;
        bench.wave->scc = c.scc;
        bench.wave->set_s64(code::kVccLo, c.vcc);
        bench.wave->set_exec(c.exec);
        bench.run(c.line);
        EXPECT_EQ(bench.wave->pc, c.taken ? 0x1014u : 0x1004u) << c.line.text;
    }
}

TEST(ScalarControl, ProgramsEndInThreeWays) {
    const Line ends[] = {{"s_endpgm", {0xbf810000}},
                         {"s_endpgm_saved", {0xbf9b0000}},
                         {"s_endpgm_ordered_ps_done", {0xbf9e0000}}};
    for (const Line& line : ends) {
        WaveBench bench;
        bench.run(line);
        EXPECT_EQ(bench.wave->status, Wave::Status::kEnded) << line.text;
    }
}

TEST(ScalarControl, SendMessageAndHaltHalts) {
    WaveBench bench;
    bench.run({"s_sendmsghalt 0", {0xbf910000}});
    EXPECT_EQ(bench.wave->status, Wave::Status::kHalted);
    bench.wave->status = Wave::Status::kRunning;
    bench.run({"s_sethalt 0", {0xbf8d0000}});
    EXPECT_EQ(bench.wave->status, Wave::Status::kRunning);
}

// Caches are coherent here, nothing listens to messages or traces, and time passes by itself.
TEST(ScalarControl, TheRestDoesNothing) {
    const Line lines[] = {
        {"s_nop 1", {0xbf800001}},
        {"s_wakeup", {0xbf830000}},
        {"s_setkill 0", {0xbf8b0000}},
        {"s_waitcnt vmcnt(0) expcnt(0) lgkmcnt(0)", {0xbf8c0000}},
        {"s_sleep 1", {0xbf8e0001}},
        {"s_setprio 1", {0xbf8f0001}},
        {"s_sendmsg 0", {0xbf900000}},
        {"s_trap 1", {0xbf920001}},
        {"s_icache_inv", {0xbf930000}},
        {"s_incperflevel 1", {0xbf940001}},
        {"s_decperflevel 1", {0xbf950001}},
        {"s_ttracedata", {0xbf960000}},
        {"s_cbranch_cdbgsys 4", {0xbf970004}},
        {"s_cbranch_cdbguser 4", {0xbf980004}},
        {"s_cbranch_cdbgsys_or_user 4", {0xbf990004}},
        {"s_cbranch_cdbgsys_and_user 4", {0xbf9a0004}},
        {"s_dcache_inv", {0xc0800000, 0x00000000}},
        {"s_dcache_wb", {0xc0840000, 0x00000000}},
        {"s_dcache_inv_vol", {0xc0880000, 0x00000000}},
        {"s_dcache_wb_vol", {0xc08c0000, 0x00000000}},
        {"s_atc_probe 1, s[0:1], 0x8", {0xc09a0040, 0x00000008}},
        {"s_atc_probe_buffer 1, s[0:3], 0x8", {0xc09e0040, 0x00000008}},
        {"s_dcache_discard s[0:1], 0x8", {0xc0a20000, 0x00000008}},
        {"s_dcache_discard_x2 s[0:1], 0x8", {0xc0a60000, 0x00000008}},
        {"v_nop", {0x7e000000}},
        {"v_clrexcp", {0x7e006a00}},
        {"ds_nop", {0xd8280000, 0x00000000}},
        {"buffer_wbinvl1", {0xe0f80000, 0x00000000}},
        {"buffer_wbinvl1_vol", {0xe0fc0000, 0x00000000}},
    };
    for (const Line& line : lines) {
        WaveBench bench;
        for (unsigned i = 0; i < 100; i++) bench.wave->s[i] = 0x80000000 + i;
        for (unsigned i = 0; i < kVgprs; i++) bench.fill(i, 0x40000000 + i);
        bench.wave->scc = true;
        const Wave before = *bench.wave;
        bench.run(line);
        EXPECT_EQ(bench.wave->pc, before.pc + bench.decoded_size) << line.text;
        EXPECT_EQ(bench.wave->status, Wave::Status::kRunning) << line.text;
        EXPECT_EQ(bench.wave->scc, before.scc) << line.text;
        EXPECT_EQ(bench.wave->mode_bits, before.mode_bits) << line.text;
        EXPECT_EQ(std::memcmp(bench.wave->s, before.s, sizeof before.s), 0) << line.text;
        EXPECT_EQ(std::memcmp(bench.wave->v, before.v, sizeof before.v), 0) << line.text;
    }
}

TEST(ScalarControl, WideRelativeReads) {
    WaveBench bench;
    for (unsigned i = 0; i < 100; i++) bench.wave->s[i] = 1000 + i;
    bench.wave->s[code::kM0] = 6;
    bench.run({"s_movrels_b64 s[4:5], s[10:11]", {0xbe842b0a}});
    EXPECT_EQ(bench.wave->s64(4), 1016u | uint64_t{1017} << 32);
}

TEST(ScalarControl, SetregWritesAFieldOfMode) {
    WaveBench bench;
    const uint32_t before = bench.wave->mode_bits;
    bench.wave->s[4] = 0xfffffff5;
    bench.run({"s_setreg_b32 hwreg(HW_REG_MODE, 4, 4), s4", {0xb9041901}});
    EXPECT_EQ(bench.wave->mode_bits, (before & ~0xf0u) | 0x50);
    bench.run({"s_getreg_b32 s5, hwreg(HW_REG_MODE, 4, 4)", {0xb8851901}});
    EXPECT_EQ(bench.wave->s[5], 5u);
    EXPECT_EQ(bench.wave->s[4], 0xfffffff5u);
}

// M0: the index in [7:0], the operands it applies to in [15:12] (Vega ISA, S_SET_GPR_IDX_*).
TEST(GprIndex, ItsInstructionsSetM0AndMode) {
    WaveBench bench;
    uint32_t& m0 = bench.wave->s[code::kM0];
    m0 = 0xa5a5a5a5;
    bench.wave->s[2] = 0x1234;
    bench.run({"s_set_gpr_idx_on s2, gpr_idx(SRC1,DST)", {0xbf110a02}});
    EXPECT_EQ(m0, 0xa5a5a534u);
    EXPECT_TRUE(bench.wave->mode_bits & mode::kGprIndexEnable);
    bench.wave->s[2] = 0x4321;
    bench.run({"s_set_gpr_idx_idx s2", {0xbe803202}});
    EXPECT_EQ(m0, 0xa5a5a521u);
    bench.run({"s_set_gpr_idx_mode gpr_idx(SRC0,SRC2)", {0xbf9d0005}});
    EXPECT_EQ(m0, 0xa5a55521u);
    EXPECT_TRUE(bench.wave->mode_bits & mode::kGprIndexEnable);
    bench.run({"s_set_gpr_idx_off", {0xbf9c0000}});
    EXPECT_FALSE(bench.wave->mode_bits & mode::kGprIndexEnable);
    EXPECT_EQ(m0, 0xa5a55521u);
}

// v10..v13 hold 10..13; the program moves or subtracts with an index of 2 and stores v0..v13.
struct IndexCase {
    Line on, operation;
    unsigned changed;  // the register that the operation writes
    uint32_t value;
};

TEST(GprIndex, MovesTheOperandsThatItNames) {
    const Line kSub = {"v_sub_u32_e32 v4, v11, v10", {0x6a08150b}};
    const IndexCase cases[] = {
        {{"s_set_gpr_idx_on 2, gpr_idx(SRC0)", {0xbf110182}}, kSub, 4, 3},
        {{"s_set_gpr_idx_on 2, gpr_idx(SRC1)", {0xbf110282}}, kSub, 4, 0xffffffff},
        {{"s_set_gpr_idx_on 2, gpr_idx(SRC0,SRC1)", {0xbf110382}}, kSub, 4, 1},
        {{"s_set_gpr_idx_on 2, gpr_idx(DST)", {0xbf110882}}, kSub, 6, 1},
        {{"s_set_gpr_idx_on 2, gpr_idx(SRC0,SRC1,SRC2,DST)", {0xbf110f82}},
         {"v_add3_u32 v4, v11, v10, v11", {0xd1ff0004, 0x042e150b}},
         6,
         13 + 12 + 13},
        // Scalar results and memory are not indexed.
        {{"s_set_gpr_idx_on 2, gpr_idx(SRC0,DST)", {0xbf110982}},
         {"v_mov_b32_e32 v4, 42", {0x7e0802aa}},
         6,
         42},
    };
    for (const IndexCase& c : cases) {
        ShaderBench bench;
        bench.load({{"v_mov_b32_e32 v10, 10", {0x7e14028a}},
                    {"v_mov_b32_e32 v11, 11", {0x7e16028b}},
                    {"v_mov_b32_e32 v12, 12", {0x7e18028c}},
                    {"v_mov_b32_e32 v13, 13", {0x7e1a028d}},
                    {"v_mov_b32_e32 v2, 0", {0x7e040280}},
                    c.on,
                    c.operation,
                    {"s_set_gpr_idx_off", {0xbf9c0000}},
                    {"global_store_dwordx4 v2, v[4:7], s[0:1]", {0xdc7c8000, 0x00000402}},
                    {"s_endpgm", {0xbf810000}}});
        bench.pass_data_address();
        ASSERT_TRUE(bench.run().done());
        for (unsigned vgpr = 4; vgpr < 8; vgpr++)
            EXPECT_EQ(bench.data(vgpr - 4), vgpr == c.changed ? c.value : 0)
                << c.on.text << "; " << c.operation.text << ": v" << vgpr;
    }
}

// S_SETVSKIP: bit S1 of S0 turns skipping of vector instructions on or off.
TEST(Vskip, SkipsVectorInstructions) {
    WaveBench wave;
    wave.wave->s[2] = 0x80;
    wave.run({"s_setvskip s2, 7", {0xbf108702}});
    EXPECT_TRUE(wave.wave->mode_bits & mode::kVskip);
    wave.run({"s_setvskip s2, 6", {0xbf108602}});
    EXPECT_FALSE(wave.wave->mode_bits & mode::kVskip);

    ShaderBench bench;
    bench.load({{"v_mov_b32_e32 v2, 0", {0x7e040280}},
                {"v_mov_b32_e32 v4, 1", {0x7e080281}},
                {"s_setvskip -1, 0", {0xbf1080c1}},
                {"v_mov_b32_e32 v4, 2", {0x7e080282}},
                {"s_mov_b32 s4, 3", {0xbe840083}},
                {"s_setvskip 0, 0", {0xbf108080}},
                {"v_mov_b32_e32 v5, s4", {0x7e0a0204}},
                {"global_store_dwordx2 v2, v[4:5], s[0:1]", {0xdc748000, 0x00000402}},
                {"s_endpgm", {0xbf810000}}});
    bench.pass_data_address();
    ASSERT_TRUE(bench.run().done());
    EXPECT_EQ(bench.data(0), 1u);
    EXPECT_EQ(bench.data(1), 3u);
}

}  // namespace
}  // namespace simgpu::gfx9::test
