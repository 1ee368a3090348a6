// Speed of the shader interpreter in lane instructions per second (the counter "lanes").
#include <benchmark/benchmark.h>

#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

// The body between a counter's start and its branch back, `rounds` times in each wave.
std::vector<Line> loop(std::vector<Line> body, uint32_t rounds) {
    uint32_t dwords = 0;
    for (const Line& line : body) dwords += static_cast<uint32_t>(line.words.size());
    std::vector<Line> program = {{"(s_mov_b32 s8, rounds)", {0xbe8800ff, rounds}}};
    program.insert(program.end(), body.begin(), body.end());
    program.push_back({"s_sub_u32 s8, s8, 1", {0x80888108}});
    program.push_back({"s_cmp_lg_u32 s8, 0", {0xbf078008}});
    program.push_back({"(s_cbranch_scc1 body)", {0xbf850000 | ((0 - dwords - 3) & 0xffff)}});
    program.push_back({"s_endpgm", {0xbf810000}});
    return program;
}

void run(benchmark::State& state, const std::vector<Line>& body, uint32_t threads = 64) {
    ShaderBench bench;
    bench.load(loop(body, 1000));
    bench.pass_data_address();
    bench.enable_group_ids();
    bench.set_threads(threads);
    bench.set_lds_bytes(4096);
    bench.dispatch.groups[0] = 4;
    for (auto _ : state) {
        const JobOutcome outcome = bench.run();
        if (!outcome.done()) state.SkipWithError(outcome.report.c_str());
    }
    state.counters["lanes"] = benchmark::Counter(
        static_cast<double>(bench.counters.lane_instructions), benchmark::Counter::kIsRate);
}

void integer_alu(benchmark::State& state) {
    run(state, {
                   {"v_add_u32_e32 v2, v1, v0", {0x68040101}},
                   {"v_lshlrev_b32_e32 v3, 3, v2", {0x24060483}},
                   {"v_xor_b32_e32 v1, v3, v1", {0x2a020303}},
                   {"v_mul_lo_u32 v4, v1, v2", {0xd2850004, 0x00020501}},
                   {"v_and_or_b32 v5, v4, v3, v2", {0xd2010005, 0x040a0704}},
                   {"v_cmp_gt_u32_e32 vcc, v4, v3", {0x7d980704}},
                   {"v_cndmask_b32_e32 v1, v1, v5, vcc", {0x00020b01}},
                   {"v_bfe_u32 v6, v1, 4, 8", {0xd1c80006, 0x02210901}},
               });
}
BENCHMARK(integer_alu);

void float_alu(benchmark::State& state) {
    run(state, {
                   {"v_add_f32_e32 v2, 1.0, v0", {0x020400f2}},
                   {"v_mul_f32_e32 v3, v2, v1", {0x0a060302}},
                   {"v_mac_f32_e32 v4, v3, v2", {0x2c080503}},
                   {"v_fma_f32 v1, -v3, v2, v4", {0xd1cb0001, 0x24120503}},
                   {"v_max_f32_e32 v5, v1, v2", {0x160a0501}},
                   {"v_rcp_f32_e32 v6, v5", {0x7e0c4505}},
                   {"v_cvt_u32_f32_e32 v7, v6", {0x7e0e0f06}},
                   {"v_cvt_f32_u32_e32 v1, v7", {0x7e020d07}},
               });
}
BENCHMARK(float_alu);

void transcendental(benchmark::State& state) {
    run(state, {
                   {"v_exp_f32_e32 v2, v1", {0x7e044101}},
                   {"v_log_f32_e32 v3, v2", {0x7e064302}},
                   {"v_sin_f32_e32 v1, v3", {0x7e025303}},
                   {"v_sqrt_f32_e32 v4, v1", {0x7e084f01}},
               });
}
BENCHMARK(transcendental);

void half_and_packed(benchmark::State& state) {
    run(state, {
                   {"v_add_f16_e32 v2, v1, v0", {0x3e040101}},
                   {"v_pk_mul_f16 v3, v2, v1", {0xd3904003, 0x18020302}},
                   {"v_cvt_f32_f16_e32 v4, v3", {0x7e081703}},
                   {"v_cvt_f16_f32_e32 v1, v4", {0x7e021504}},
                   {"v_pk_add_u16 v5, v1, v0", {0xd38a4005, 0x18020101}},
               });
}
BENCHMARK(half_and_packed);

void memory_copy(benchmark::State& state) {
    run(state,
        {
            {"v_lshlrev_b32_e32 v1, 4, v0", {0x24020084}},
            {"global_load_dwordx4 v[4:7], v1, s[0:1]", {0xdc5c8000, 0x04000001}},
            {"global_store_dwordx4 v1, v[4:7], s[0:1] offset:2048", {0xdc7c8800, 0x00000401}},
            {"global_load_dword v8, v1, s[0:1]", {0xdc508000, 0x08000001}},
            {"global_store_dword v1, v8, s[0:1] offset:1024", {0xdc708400, 0x00000801}},
        });
}
BENCHMARK(memory_copy);

void scattered_loads(benchmark::State& state) {
    run(state, {
                   {"v_mul_u32_u24_e32 v1, 0x3ff4, v0", {0x100200ff, 0x00003ff4}},
                   {"v_and_b32_e32 v1, 0xffffc, v1", {0x260202ff, 0x000ffffc}},
                   {"global_load_dword v2, v1, s[0:1]", {0xdc508000, 0x02000001}},
               });
}
BENCHMARK(scattered_loads);

void lds(benchmark::State& state) {
    run(state,
        {
            {"v_lshlrev_b32_e32 v1, 2, v0", {0x24020082}},
            {"ds_write_b32 v1, v0", {0xd81a0000, 0x00000001}},
            {"s_barrier", {0xbf8a0000}},
            {"ds_read2_b32 v[2:3], v1 offset1:1", {0xd86e0100, 0x02000001}},
            {"ds_add_u32 v1, v2", {0xd8000000, 0x00000201}},
            {"s_barrier", {0xbf8a0000}},
        },
        256);
}
BENCHMARK(lds);

void cross_lane(benchmark::State& state) {
    run(state, {
                   {"v_add_u32_dpp v1, v0, v1 row_shr:1 row_mask:0xf bank_mask:0xf",
                    {0x680202fa, 0xff011100}},
                   {"v_add_u32_sdwa v2, v1, v0 dst_sel:DWORD src0_sel:WORD_1 src1_sel:BYTE_0",
                    {0x680400f9, 0x00051601}},
                   {"ds_swizzle_b32 v3, v1 offset:0x401f", {0xd87a401f, 0x03000001}},
                   {"v_readlane_b32 s4, v1, 63", {0xd2890004, 0x00017f01}},
               });
}
BENCHMARK(cross_lane);

void divergent(benchmark::State& state) {
    run(state, {
                   {"v_cmp_gt_u32_e32 vcc, 32, v0", {0x7d9800a0}},
                   {"s_and_saveexec_b64 s[4:5], vcc", {0xbe84206a}},
                   {"v_add_u32_e32 v1, 1, v1", {0x68020281}},
                   {"s_xor_b64 exec, exec, s[4:5]", {0x88fe047e}},
                   {"v_add_u32_e32 v1, 2, v1", {0x68020282}},
                   {"s_mov_b64 exec, s[4:5]", {0xbefe0104}},
               });
}
BENCHMARK(divergent);

}  // namespace
}  // namespace simgpu::gfx9::test

BENCHMARK_MAIN();
