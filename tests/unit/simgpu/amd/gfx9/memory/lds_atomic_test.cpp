// DS: atomics on LDS, each against the model of its name.
#include <gtest/gtest.h>

#include "tests/unit/simgpu/amd/gfx9/memory/atomic_models.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

// Address in v1, data in v[10:11] and v[12:13], result in v[8:9].
struct LdsAtomic {
    Line line;
    const char* operation;
    bool returns;
};

// clang-format off
const LdsAtomic kLdsAtomic32[] = {
    {{"ds_add_u32 v1, v10 offset:16", {0xd8000010, 0x00000a01}}, "add", false},
    {{"ds_add_rtn_u32 v8, v1, v10 offset:16", {0xd8400010, 0x08000a01}}, "add", true},
    {{"ds_sub_u32 v1, v10 offset:16", {0xd8020010, 0x00000a01}}, "sub", false},
    {{"ds_sub_rtn_u32 v8, v1, v10 offset:16", {0xd8420010, 0x08000a01}}, "sub", true},
    {{"ds_rsub_u32 v1, v10 offset:16", {0xd8040010, 0x00000a01}}, "rsub", false},
    {{"ds_rsub_rtn_u32 v8, v1, v10 offset:16", {0xd8440010, 0x08000a01}}, "rsub", true},
    {{"ds_inc_u32 v1, v10 offset:16", {0xd8060010, 0x00000a01}}, "inc", false},
    {{"ds_inc_rtn_u32 v8, v1, v10 offset:16", {0xd8460010, 0x08000a01}}, "inc", true},
    {{"ds_dec_u32 v1, v10 offset:16", {0xd8080010, 0x00000a01}}, "dec", false},
    {{"ds_dec_rtn_u32 v8, v1, v10 offset:16", {0xd8480010, 0x08000a01}}, "dec", true},
    {{"ds_min_i32 v1, v10 offset:16", {0xd80a0010, 0x00000a01}}, "smin", false},
    {{"ds_min_rtn_i32 v8, v1, v10 offset:16", {0xd84a0010, 0x08000a01}}, "smin", true},
    {{"ds_max_i32 v1, v10 offset:16", {0xd80c0010, 0x00000a01}}, "smax", false},
    {{"ds_max_rtn_i32 v8, v1, v10 offset:16", {0xd84c0010, 0x08000a01}}, "smax", true},
    {{"ds_min_u32 v1, v10 offset:16", {0xd80e0010, 0x00000a01}}, "umin", false},
    {{"ds_min_rtn_u32 v8, v1, v10 offset:16", {0xd84e0010, 0x08000a01}}, "umin", true},
    {{"ds_max_u32 v1, v10 offset:16", {0xd8100010, 0x00000a01}}, "umax", false},
    {{"ds_max_rtn_u32 v8, v1, v10 offset:16", {0xd8500010, 0x08000a01}}, "umax", true},
    {{"ds_and_b32 v1, v10 offset:16", {0xd8120010, 0x00000a01}}, "and", false},
    {{"ds_and_rtn_b32 v8, v1, v10 offset:16", {0xd8520010, 0x08000a01}}, "and", true},
    {{"ds_or_b32 v1, v10 offset:16", {0xd8140010, 0x00000a01}}, "or", false},
    {{"ds_or_rtn_b32 v8, v1, v10 offset:16", {0xd8540010, 0x08000a01}}, "or", true},
    {{"ds_xor_b32 v1, v10 offset:16", {0xd8160010, 0x00000a01}}, "xor", false},
    {{"ds_xor_rtn_b32 v8, v1, v10 offset:16", {0xd8560010, 0x08000a01}}, "xor", true},
    {{"ds_mskor_b32 v1, v10, v12 offset:16", {0xd8180010, 0x000c0a01}}, "mskor", false},
    {{"ds_mskor_rtn_b32 v8, v1, v10, v12 offset:16", {0xd8580010, 0x080c0a01}}, "mskor", true},
    {{"ds_cmpst_b32 v1, v10, v12 offset:16", {0xd8200010, 0x000c0a01}}, "cmpst", false},
    {{"ds_cmpst_rtn_b32 v8, v1, v10, v12 offset:16", {0xd8600010, 0x080c0a01}}, "cmpst", true},
    {{"ds_cmpst_f32 v1, v10, v12 offset:16", {0xd8220010, 0x000c0a01}}, "fcmpst", false},
    {{"ds_cmpst_rtn_f32 v8, v1, v10, v12 offset:16", {0xd8620010, 0x080c0a01}}, "fcmpst", true},
    {{"ds_min_f32 v1, v10 offset:16", {0xd8240010, 0x00000a01}}, "fmin", false},
    {{"ds_min_rtn_f32 v8, v1, v10 offset:16", {0xd8640010, 0x08000a01}}, "fmin", true},
    {{"ds_max_f32 v1, v10 offset:16", {0xd8260010, 0x00000a01}}, "fmax", false},
    {{"ds_max_rtn_f32 v8, v1, v10 offset:16", {0xd8660010, 0x08000a01}}, "fmax", true},
    {{"ds_wrxchg_rtn_b32 v8, v1, v10 offset:16", {0xd85a0010, 0x08000a01}}, "swap", true},
    {{"ds_wrap_rtn_b32 v8, v1, v10, v12 offset:16", {0xd8680010, 0x080c0a01}}, "wrap", true},
    {{"ds_add_f32 v1, v10 offset:16", {0xd82a0010, 0x00000a01}}, "fadd", false},
    {{"ds_add_rtn_f32 v8, v1, v10 offset:16", {0xd86a0010, 0x08000a01}}, "fadd", true},
};

const LdsAtomic kLdsAtomic64[] = {
    {{"ds_add_u64 v1, v[10:11] offset:16", {0xd8800010, 0x00000a01}}, "add", false},
    {{"ds_add_rtn_u64 v[8:9], v1, v[10:11] offset:16", {0xd8c00010, 0x08000a01}}, "add", true},
    {{"ds_sub_u64 v1, v[10:11] offset:16", {0xd8820010, 0x00000a01}}, "sub", false},
    {{"ds_sub_rtn_u64 v[8:9], v1, v[10:11] offset:16", {0xd8c20010, 0x08000a01}}, "sub", true},
    {{"ds_rsub_u64 v1, v[10:11] offset:16", {0xd8840010, 0x00000a01}}, "rsub", false},
    {{"ds_rsub_rtn_u64 v[8:9], v1, v[10:11] offset:16", {0xd8c40010, 0x08000a01}}, "rsub", true},
    {{"ds_inc_u64 v1, v[10:11] offset:16", {0xd8860010, 0x00000a01}}, "inc", false},
    {{"ds_inc_rtn_u64 v[8:9], v1, v[10:11] offset:16", {0xd8c60010, 0x08000a01}}, "inc", true},
    {{"ds_dec_u64 v1, v[10:11] offset:16", {0xd8880010, 0x00000a01}}, "dec", false},
    {{"ds_dec_rtn_u64 v[8:9], v1, v[10:11] offset:16", {0xd8c80010, 0x08000a01}}, "dec", true},
    {{"ds_min_i64 v1, v[10:11] offset:16", {0xd88a0010, 0x00000a01}}, "smin", false},
    {{"ds_min_rtn_i64 v[8:9], v1, v[10:11] offset:16", {0xd8ca0010, 0x08000a01}}, "smin", true},
    {{"ds_max_i64 v1, v[10:11] offset:16", {0xd88c0010, 0x00000a01}}, "smax", false},
    {{"ds_max_rtn_i64 v[8:9], v1, v[10:11] offset:16", {0xd8cc0010, 0x08000a01}}, "smax", true},
    {{"ds_min_u64 v1, v[10:11] offset:16", {0xd88e0010, 0x00000a01}}, "umin", false},
    {{"ds_min_rtn_u64 v[8:9], v1, v[10:11] offset:16", {0xd8ce0010, 0x08000a01}}, "umin", true},
    {{"ds_max_u64 v1, v[10:11] offset:16", {0xd8900010, 0x00000a01}}, "umax", false},
    {{"ds_max_rtn_u64 v[8:9], v1, v[10:11] offset:16", {0xd8d00010, 0x08000a01}}, "umax", true},
    {{"ds_and_b64 v1, v[10:11] offset:16", {0xd8920010, 0x00000a01}}, "and", false},
    {{"ds_and_rtn_b64 v[8:9], v1, v[10:11] offset:16", {0xd8d20010, 0x08000a01}}, "and", true},
    {{"ds_or_b64 v1, v[10:11] offset:16", {0xd8940010, 0x00000a01}}, "or", false},
    {{"ds_or_rtn_b64 v[8:9], v1, v[10:11] offset:16", {0xd8d40010, 0x08000a01}}, "or", true},
    {{"ds_xor_b64 v1, v[10:11] offset:16", {0xd8960010, 0x00000a01}}, "xor", false},
    {{"ds_xor_rtn_b64 v[8:9], v1, v[10:11] offset:16", {0xd8d60010, 0x08000a01}}, "xor", true},
    {{"ds_mskor_b64 v1, v[10:11], v[12:13] offset:16", {0xd8980010, 0x000c0a01}}, "mskor", false},
    {{"ds_mskor_rtn_b64 v[8:9], v1, v[10:11], v[12:13] offset:16", {0xd8d80010, 0x080c0a01}}, "mskor", true},
    {{"ds_cmpst_b64 v1, v[10:11], v[12:13] offset:16", {0xd8a00010, 0x000c0a01}}, "cmpst", false},
    {{"ds_cmpst_rtn_b64 v[8:9], v1, v[10:11], v[12:13] offset:16", {0xd8e00010, 0x080c0a01}}, "cmpst", true},
    {{"ds_cmpst_f64 v1, v[10:11], v[12:13] offset:16", {0xd8a20010, 0x000c0a01}}, "fcmpst", false},
    {{"ds_cmpst_rtn_f64 v[8:9], v1, v[10:11], v[12:13] offset:16", {0xd8e20010, 0x080c0a01}}, "fcmpst", true},
    {{"ds_min_f64 v1, v[10:11] offset:16", {0xd8a40010, 0x00000a01}}, "fmin", false},
    {{"ds_min_rtn_f64 v[8:9], v1, v[10:11] offset:16", {0xd8e40010, 0x08000a01}}, "fmin", true},
    {{"ds_max_f64 v1, v[10:11] offset:16", {0xd8a60010, 0x00000a01}}, "fmax", false},
    {{"ds_max_rtn_f64 v[8:9], v1, v[10:11] offset:16", {0xd8e60010, 0x08000a01}}, "fmax", true},
    {{"ds_wrxchg_rtn_b64 v[8:9], v1, v[10:11] offset:16", {0xd8da0010, 0x08000a01}}, "swap", true},
};
// clang-format on

constexpr uint32_t kOffset = 16;
constexpr uint64_t kLdsExec = 0xffff'fffe'f0ff'ffff;

template <class T>
class LdsAtomicBench : public WaveBench {
  public:
    T& word(unsigned lane) { return *reinterpret_cast<T*>(group.lds_data() + kOffset + lane * 8); }
    T result(unsigned lane) const { return static_cast<T>(lane64(8, lane)); }
    void set(unsigned vgpr, unsigned lane, T value) {
        wave->v[vgpr].lane[lane] = static_cast<uint32_t>(value);
        if constexpr (sizeof(T) == 8)
            wave->v[vgpr + 1].lane[lane] = static_cast<uint32_t>(value >> 32);
    }
};

// Lane i * 8 + j has operand i in LDS and operand j as data.
template <class T>
void check(const LdsAtomic& c) {
    LdsAtomicBench<T> bench;
    bench.fill64(8, kOldMemory);
    bench.wave->set_exec(kLdsExec);
    const auto operand = [&](unsigned i) { return atomic_operand<T>(c.operation, i); };
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const unsigned i = lane / kAtomicOperands, j = lane % kAtomicOperands;
        bench.wave->v[1].lane[lane] = lane * 8;
        bench.word(lane) = operand(i);
        bench.set(10, lane, operand(j));
        bench.set(12, lane, operand(i + j));
    }
    bench.run(c.line);
    const AtomicModel<T> model = atomic_models<T>().at(c.operation);
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const unsigned i = lane / kAtomicOperands, j = lane % kAtomicOperands;
        const bool active = kLdsExec >> lane & 1;
        const T after = active ? model(operand(i), operand(j), operand(i + j)) : operand(i);
        const T result = active && c.returns ? operand(i) : static_cast<T>(kOldMemory);
        ASSERT_EQ(bench.word(lane), after) << c.line.text << std::hex << " of " << operand(i)
                                           << ", " << operand(j) << ", " << operand(i + j);
        ASSERT_EQ(bench.result(lane), result) << c.line.text << " lane " << lane;
    }
}

TEST(LdsAtomic, Narrow) {
    for (const LdsAtomic& c : kLdsAtomic32) check<uint32_t>(c);
}

TEST(LdsAtomic, Wide) {
    for (const LdsAtomic& c : kLdsAtomic64) check<uint64_t>(c);
}

// The exchange is of one half if the top bit of its data is set; that bit is not written.
TEST(LdsAtomic, ConditionalExchange) {
    LdsAtomicBench<uint64_t> bench;
    bench.wave->set_exec(0xf);
    const uint64_t data[] = {0x0000'0001'0000'0002, 0x8000'0001'0000'0002, 0x0000'0001'8000'0002,
                             0x8000'0001'8000'0002};
    const uint64_t after[] = {0xaaaa'aaaa'bbbb'bbbb, 0x0000'0001'bbbb'bbbb, 0xaaaa'aaaa'0000'0002,
                              0x0000'0001'0000'0002};
    for (unsigned lane = 0; lane < 4; lane++) {
        bench.wave->v[1].lane[lane] = lane * 8;
        bench.word(lane) = 0xaaaa'aaaa'bbbb'bbbb;
        bench.set(10, lane, data[lane]);
    }
    bench.run({"ds_condxchg32_rtn_b64 v[8:9], v1, v[10:11] offset:16", {0xd8fc0010, 0x08000a01}});
    for (unsigned lane = 0; lane < 4; lane++) {
        EXPECT_EQ(bench.word(lane), after[lane]) << "lane " << lane;
        EXPECT_EQ(bench.result(lane), 0xaaaa'aaaa'bbbb'bbbbu) << "lane " << lane;
    }
}

// Two elements at once, at offsets counted in elements or in 64 of them.
TEST(LdsAtomic, ExchangesOfTwo) {
    const struct {
        Line line;
        unsigned dwords, stride;  // of an element; between the offsets' units, in dwords
    } cases[] = {
        {{"ds_wrxchg2_rtn_b32 v[14:15], v1, v10, v12 offset0:1 offset1:3",
          {0xd85c0301, 0x0e0c0a01}},
         1,
         1},
        {{"ds_wrxchg2st64_rtn_b32 v[14:15], v1, v10, v12 offset0:1 offset1:3",
          {0xd85e0301, 0x0e0c0a01}},
         1,
         64},
        {{"ds_wrxchg2_rtn_b64 v[14:17], v1, v[10:11], v[12:13] offset0:1 offset1:3",
          {0xd8dc0301, 0x0e0c0a01}},
         2,
         2},
        {{"ds_wrxchg2st64_rtn_b64 v[14:17], v1, v[10:11], v[12:13] offset0:1 offset1:3",
          {0xd8de0301, 0x0e0c0a01}},
         2,
         128},
    };
    for (const auto& c : cases) {
        WaveBench bench;
        for (unsigned i = 0; i < 1024; i++) bench.group.lds[i] = 0x1000 + i;
        bench.wave->set_exec(1);
        bench.fill(1, 8);
        for (unsigned vgpr = 10; vgpr < 14; vgpr++) bench.fill(vgpr, vgpr);
        bench.run(c.line);
        for (const unsigned element : {0u, 1u})
            for (unsigned i = 0; i < c.dwords; i++) {
                const unsigned at = 2 + (element ? 3 : 1) * c.stride + i;
                EXPECT_EQ(bench.group.lds[at], 10 + 2 * element + i) << c.line.text;
                EXPECT_EQ(bench.lane(14 + element * c.dwords + i, 0), 0x1000 + at) << c.line.text;
            }
    }
}

}  // namespace
}  // namespace simgpu::gfx9::test
