// Atomics on memory, vector and scalar, each against the model of its name.
#include <gtest/gtest.h>

#include "tests/unit/simgpu/amd/gfx9/memory/atomic_models.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

// Address in v[2:3] (memory) or offset in v1 (buffer s[8:11]), data in v[10:13].
struct VectorAtomic {
    Line line;
    const char* operation;
    unsigned result;  // VGPR, or 0
};

// clang-format off
const VectorAtomic kVector32[] = {
    {{"global_atomic_swap v[2:3], v10, off", {0xdd008000, 0x007f0a02}}, "swap", 0},
    {{"global_atomic_swap v8, v[2:3], v10, off glc", {0xdd018000, 0x087f0a02}}, "swap", 8},
    {{"buffer_atomic_swap v10, v1, s[8:11], 0 offen glc", {0xe1005000, 0x80020a01}}, "swap", 10},
    {{"flat_atomic_swap v8, v[2:3], v10 glc", {0xdd010000, 0x08000a02}}, "swap", 8},
    {{"global_atomic_cmpswap v[2:3], v[10:11], off", {0xdd048000, 0x007f0a02}}, "cmpswap", 0},
    {{"global_atomic_cmpswap v8, v[2:3], v[10:11], off glc", {0xdd058000, 0x087f0a02}}, "cmpswap", 8},
    {{"buffer_atomic_cmpswap v[10:11], v1, s[8:11], 0 offen glc", {0xe1045000, 0x80020a01}}, "cmpswap", 10},
    {{"flat_atomic_cmpswap v8, v[2:3], v[10:11] glc", {0xdd050000, 0x08000a02}}, "cmpswap", 8},
    {{"global_atomic_add v[2:3], v10, off", {0xdd088000, 0x007f0a02}}, "add", 0},
    {{"global_atomic_add v8, v[2:3], v10, off glc", {0xdd098000, 0x087f0a02}}, "add", 8},
    {{"buffer_atomic_add v10, v1, s[8:11], 0 offen glc", {0xe1085000, 0x80020a01}}, "add", 10},
    {{"flat_atomic_add v8, v[2:3], v10 glc", {0xdd090000, 0x08000a02}}, "add", 8},
    {{"global_atomic_sub v[2:3], v10, off", {0xdd0c8000, 0x007f0a02}}, "sub", 0},
    {{"global_atomic_sub v8, v[2:3], v10, off glc", {0xdd0d8000, 0x087f0a02}}, "sub", 8},
    {{"buffer_atomic_sub v10, v1, s[8:11], 0 offen glc", {0xe10c5000, 0x80020a01}}, "sub", 10},
    {{"flat_atomic_sub v8, v[2:3], v10 glc", {0xdd0d0000, 0x08000a02}}, "sub", 8},
    {{"global_atomic_smin v[2:3], v10, off", {0xdd108000, 0x007f0a02}}, "smin", 0},
    {{"global_atomic_smin v8, v[2:3], v10, off glc", {0xdd118000, 0x087f0a02}}, "smin", 8},
    {{"buffer_atomic_smin v10, v1, s[8:11], 0 offen glc", {0xe1105000, 0x80020a01}}, "smin", 10},
    {{"flat_atomic_smin v8, v[2:3], v10 glc", {0xdd110000, 0x08000a02}}, "smin", 8},
    {{"global_atomic_umin v[2:3], v10, off", {0xdd148000, 0x007f0a02}}, "umin", 0},
    {{"global_atomic_umin v8, v[2:3], v10, off glc", {0xdd158000, 0x087f0a02}}, "umin", 8},
    {{"buffer_atomic_umin v10, v1, s[8:11], 0 offen glc", {0xe1145000, 0x80020a01}}, "umin", 10},
    {{"flat_atomic_umin v8, v[2:3], v10 glc", {0xdd150000, 0x08000a02}}, "umin", 8},
    {{"global_atomic_smax v[2:3], v10, off", {0xdd188000, 0x007f0a02}}, "smax", 0},
    {{"global_atomic_smax v8, v[2:3], v10, off glc", {0xdd198000, 0x087f0a02}}, "smax", 8},
    {{"buffer_atomic_smax v10, v1, s[8:11], 0 offen glc", {0xe1185000, 0x80020a01}}, "smax", 10},
    {{"flat_atomic_smax v8, v[2:3], v10 glc", {0xdd190000, 0x08000a02}}, "smax", 8},
    {{"global_atomic_umax v[2:3], v10, off", {0xdd1c8000, 0x007f0a02}}, "umax", 0},
    {{"global_atomic_umax v8, v[2:3], v10, off glc", {0xdd1d8000, 0x087f0a02}}, "umax", 8},
    {{"buffer_atomic_umax v10, v1, s[8:11], 0 offen glc", {0xe11c5000, 0x80020a01}}, "umax", 10},
    {{"flat_atomic_umax v8, v[2:3], v10 glc", {0xdd1d0000, 0x08000a02}}, "umax", 8},
    {{"global_atomic_and v[2:3], v10, off", {0xdd208000, 0x007f0a02}}, "and", 0},
    {{"global_atomic_and v8, v[2:3], v10, off glc", {0xdd218000, 0x087f0a02}}, "and", 8},
    {{"buffer_atomic_and v10, v1, s[8:11], 0 offen glc", {0xe1205000, 0x80020a01}}, "and", 10},
    {{"flat_atomic_and v8, v[2:3], v10 glc", {0xdd210000, 0x08000a02}}, "and", 8},
    {{"global_atomic_or v[2:3], v10, off", {0xdd248000, 0x007f0a02}}, "or", 0},
    {{"global_atomic_or v8, v[2:3], v10, off glc", {0xdd258000, 0x087f0a02}}, "or", 8},
    {{"buffer_atomic_or v10, v1, s[8:11], 0 offen glc", {0xe1245000, 0x80020a01}}, "or", 10},
    {{"flat_atomic_or v8, v[2:3], v10 glc", {0xdd250000, 0x08000a02}}, "or", 8},
    {{"global_atomic_xor v[2:3], v10, off", {0xdd288000, 0x007f0a02}}, "xor", 0},
    {{"global_atomic_xor v8, v[2:3], v10, off glc", {0xdd298000, 0x087f0a02}}, "xor", 8},
    {{"buffer_atomic_xor v10, v1, s[8:11], 0 offen glc", {0xe1285000, 0x80020a01}}, "xor", 10},
    {{"flat_atomic_xor v8, v[2:3], v10 glc", {0xdd290000, 0x08000a02}}, "xor", 8},
    {{"global_atomic_inc v[2:3], v10, off", {0xdd2c8000, 0x007f0a02}}, "inc", 0},
    {{"global_atomic_inc v8, v[2:3], v10, off glc", {0xdd2d8000, 0x087f0a02}}, "inc", 8},
    {{"buffer_atomic_inc v10, v1, s[8:11], 0 offen glc", {0xe12c5000, 0x80020a01}}, "inc", 10},
    {{"flat_atomic_inc v8, v[2:3], v10 glc", {0xdd2d0000, 0x08000a02}}, "inc", 8},
    {{"global_atomic_dec v[2:3], v10, off", {0xdd308000, 0x007f0a02}}, "dec", 0},
    {{"global_atomic_dec v8, v[2:3], v10, off glc", {0xdd318000, 0x087f0a02}}, "dec", 8},
    {{"buffer_atomic_dec v10, v1, s[8:11], 0 offen glc", {0xe1305000, 0x80020a01}}, "dec", 10},
    {{"flat_atomic_dec v8, v[2:3], v10 glc", {0xdd310000, 0x08000a02}}, "dec", 8},
};

const VectorAtomic kVector64[] = {
    {{"global_atomic_swap_x2 v[2:3], v[10:11], off", {0xdd808000, 0x007f0a02}}, "swap", 0},
    {{"global_atomic_swap_x2 v[8:9], v[2:3], v[10:11], off glc", {0xdd818000, 0x087f0a02}}, "swap", 8},
    {{"buffer_atomic_swap_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe1805000, 0x80020a01}}, "swap", 10},
    {{"flat_atomic_swap_x2 v[8:9], v[2:3], v[10:11] glc", {0xdd810000, 0x08000a02}}, "swap", 8},
    {{"global_atomic_cmpswap_x2 v[2:3], v[10:13], off", {0xdd848000, 0x007f0a02}}, "cmpswap", 0},
    {{"global_atomic_cmpswap_x2 v[8:9], v[2:3], v[10:13], off glc", {0xdd858000, 0x087f0a02}}, "cmpswap", 8},
    {{"buffer_atomic_cmpswap_x2 v[10:13], v1, s[8:11], 0 offen glc", {0xe1845000, 0x80020a01}}, "cmpswap", 10},
    {{"flat_atomic_cmpswap_x2 v[8:9], v[2:3], v[10:13] glc", {0xdd850000, 0x08000a02}}, "cmpswap", 8},
    {{"global_atomic_add_x2 v[2:3], v[10:11], off", {0xdd888000, 0x007f0a02}}, "add", 0},
    {{"global_atomic_add_x2 v[8:9], v[2:3], v[10:11], off glc", {0xdd898000, 0x087f0a02}}, "add", 8},
    {{"buffer_atomic_add_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe1885000, 0x80020a01}}, "add", 10},
    {{"flat_atomic_add_x2 v[8:9], v[2:3], v[10:11] glc", {0xdd890000, 0x08000a02}}, "add", 8},
    {{"global_atomic_sub_x2 v[2:3], v[10:11], off", {0xdd8c8000, 0x007f0a02}}, "sub", 0},
    {{"global_atomic_sub_x2 v[8:9], v[2:3], v[10:11], off glc", {0xdd8d8000, 0x087f0a02}}, "sub", 8},
    {{"buffer_atomic_sub_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe18c5000, 0x80020a01}}, "sub", 10},
    {{"flat_atomic_sub_x2 v[8:9], v[2:3], v[10:11] glc", {0xdd8d0000, 0x08000a02}}, "sub", 8},
    {{"global_atomic_smin_x2 v[2:3], v[10:11], off", {0xdd908000, 0x007f0a02}}, "smin", 0},
    {{"global_atomic_smin_x2 v[8:9], v[2:3], v[10:11], off glc", {0xdd918000, 0x087f0a02}}, "smin", 8},
    {{"buffer_atomic_smin_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe1905000, 0x80020a01}}, "smin", 10},
    {{"flat_atomic_smin_x2 v[8:9], v[2:3], v[10:11] glc", {0xdd910000, 0x08000a02}}, "smin", 8},
    {{"global_atomic_umin_x2 v[2:3], v[10:11], off", {0xdd948000, 0x007f0a02}}, "umin", 0},
    {{"global_atomic_umin_x2 v[8:9], v[2:3], v[10:11], off glc", {0xdd958000, 0x087f0a02}}, "umin", 8},
    {{"buffer_atomic_umin_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe1945000, 0x80020a01}}, "umin", 10},
    {{"flat_atomic_umin_x2 v[8:9], v[2:3], v[10:11] glc", {0xdd950000, 0x08000a02}}, "umin", 8},
    {{"global_atomic_smax_x2 v[2:3], v[10:11], off", {0xdd988000, 0x007f0a02}}, "smax", 0},
    {{"global_atomic_smax_x2 v[8:9], v[2:3], v[10:11], off glc", {0xdd998000, 0x087f0a02}}, "smax", 8},
    {{"buffer_atomic_smax_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe1985000, 0x80020a01}}, "smax", 10},
    {{"flat_atomic_smax_x2 v[8:9], v[2:3], v[10:11] glc", {0xdd990000, 0x08000a02}}, "smax", 8},
    {{"global_atomic_umax_x2 v[2:3], v[10:11], off", {0xdd9c8000, 0x007f0a02}}, "umax", 0},
    {{"global_atomic_umax_x2 v[8:9], v[2:3], v[10:11], off glc", {0xdd9d8000, 0x087f0a02}}, "umax", 8},
    {{"buffer_atomic_umax_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe19c5000, 0x80020a01}}, "umax", 10},
    {{"flat_atomic_umax_x2 v[8:9], v[2:3], v[10:11] glc", {0xdd9d0000, 0x08000a02}}, "umax", 8},
    {{"global_atomic_and_x2 v[2:3], v[10:11], off", {0xdda08000, 0x007f0a02}}, "and", 0},
    {{"global_atomic_and_x2 v[8:9], v[2:3], v[10:11], off glc", {0xdda18000, 0x087f0a02}}, "and", 8},
    {{"buffer_atomic_and_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe1a05000, 0x80020a01}}, "and", 10},
    {{"flat_atomic_and_x2 v[8:9], v[2:3], v[10:11] glc", {0xdda10000, 0x08000a02}}, "and", 8},
    {{"global_atomic_or_x2 v[2:3], v[10:11], off", {0xdda48000, 0x007f0a02}}, "or", 0},
    {{"global_atomic_or_x2 v[8:9], v[2:3], v[10:11], off glc", {0xdda58000, 0x087f0a02}}, "or", 8},
    {{"buffer_atomic_or_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe1a45000, 0x80020a01}}, "or", 10},
    {{"flat_atomic_or_x2 v[8:9], v[2:3], v[10:11] glc", {0xdda50000, 0x08000a02}}, "or", 8},
    {{"global_atomic_xor_x2 v[2:3], v[10:11], off", {0xdda88000, 0x007f0a02}}, "xor", 0},
    {{"global_atomic_xor_x2 v[8:9], v[2:3], v[10:11], off glc", {0xdda98000, 0x087f0a02}}, "xor", 8},
    {{"buffer_atomic_xor_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe1a85000, 0x80020a01}}, "xor", 10},
    {{"flat_atomic_xor_x2 v[8:9], v[2:3], v[10:11] glc", {0xdda90000, 0x08000a02}}, "xor", 8},
    {{"global_atomic_inc_x2 v[2:3], v[10:11], off", {0xddac8000, 0x007f0a02}}, "inc", 0},
    {{"global_atomic_inc_x2 v[8:9], v[2:3], v[10:11], off glc", {0xddad8000, 0x087f0a02}}, "inc", 8},
    {{"buffer_atomic_inc_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe1ac5000, 0x80020a01}}, "inc", 10},
    {{"flat_atomic_inc_x2 v[8:9], v[2:3], v[10:11] glc", {0xddad0000, 0x08000a02}}, "inc", 8},
    {{"global_atomic_dec_x2 v[2:3], v[10:11], off", {0xddb08000, 0x007f0a02}}, "dec", 0},
    {{"global_atomic_dec_x2 v[8:9], v[2:3], v[10:11], off glc", {0xddb18000, 0x087f0a02}}, "dec", 8},
    {{"buffer_atomic_dec_x2 v[10:11], v1, s[8:11], 0 offen glc", {0xe1b05000, 0x80020a01}}, "dec", 10},
    {{"flat_atomic_dec_x2 v[8:9], v[2:3], v[10:11] glc", {0xddb10000, 0x08000a02}}, "dec", 8},
};

// Address in s[0:1] or buffer in s[8:11], data in s[16:19]; the result replaces the data.
struct ScalarAtomic {
    Line line;
    const char* operation;
    bool returns;
};

const ScalarAtomic kScalar32[] = {
    {{"s_atomic_swap s16, s[0:1], 0x8", {0xc2020400, 0x00000008}}, "swap", false},
    {{"s_atomic_swap s16, s[0:1], 0x8 glc", {0xc2030400, 0x00000008}}, "swap", true},
    {{"s_buffer_atomic_swap s16, s[8:11], 0x8 glc", {0xc1030404, 0x00000008}}, "swap", true},
    {{"s_atomic_cmpswap s[16:17], s[0:1], 0x8", {0xc2060400, 0x00000008}}, "cmpswap", false},
    {{"s_atomic_cmpswap s[16:17], s[0:1], 0x8 glc", {0xc2070400, 0x00000008}}, "cmpswap", true},
    {{"s_buffer_atomic_cmpswap s[16:17], s[8:11], 0x8 glc", {0xc1070404, 0x00000008}}, "cmpswap", true},
    {{"s_atomic_add s16, s[0:1], 0x8", {0xc20a0400, 0x00000008}}, "add", false},
    {{"s_atomic_add s16, s[0:1], 0x8 glc", {0xc20b0400, 0x00000008}}, "add", true},
    {{"s_buffer_atomic_add s16, s[8:11], 0x8 glc", {0xc10b0404, 0x00000008}}, "add", true},
    {{"s_atomic_sub s16, s[0:1], 0x8", {0xc20e0400, 0x00000008}}, "sub", false},
    {{"s_atomic_sub s16, s[0:1], 0x8 glc", {0xc20f0400, 0x00000008}}, "sub", true},
    {{"s_buffer_atomic_sub s16, s[8:11], 0x8 glc", {0xc10f0404, 0x00000008}}, "sub", true},
    {{"s_atomic_smin s16, s[0:1], 0x8", {0xc2120400, 0x00000008}}, "smin", false},
    {{"s_atomic_smin s16, s[0:1], 0x8 glc", {0xc2130400, 0x00000008}}, "smin", true},
    {{"s_buffer_atomic_smin s16, s[8:11], 0x8 glc", {0xc1130404, 0x00000008}}, "smin", true},
    {{"s_atomic_umin s16, s[0:1], 0x8", {0xc2160400, 0x00000008}}, "umin", false},
    {{"s_atomic_umin s16, s[0:1], 0x8 glc", {0xc2170400, 0x00000008}}, "umin", true},
    {{"s_buffer_atomic_umin s16, s[8:11], 0x8 glc", {0xc1170404, 0x00000008}}, "umin", true},
    {{"s_atomic_smax s16, s[0:1], 0x8", {0xc21a0400, 0x00000008}}, "smax", false},
    {{"s_atomic_smax s16, s[0:1], 0x8 glc", {0xc21b0400, 0x00000008}}, "smax", true},
    {{"s_buffer_atomic_smax s16, s[8:11], 0x8 glc", {0xc11b0404, 0x00000008}}, "smax", true},
    {{"s_atomic_umax s16, s[0:1], 0x8", {0xc21e0400, 0x00000008}}, "umax", false},
    {{"s_atomic_umax s16, s[0:1], 0x8 glc", {0xc21f0400, 0x00000008}}, "umax", true},
    {{"s_buffer_atomic_umax s16, s[8:11], 0x8 glc", {0xc11f0404, 0x00000008}}, "umax", true},
    {{"s_atomic_and s16, s[0:1], 0x8", {0xc2220400, 0x00000008}}, "and", false},
    {{"s_atomic_and s16, s[0:1], 0x8 glc", {0xc2230400, 0x00000008}}, "and", true},
    {{"s_buffer_atomic_and s16, s[8:11], 0x8 glc", {0xc1230404, 0x00000008}}, "and", true},
    {{"s_atomic_or s16, s[0:1], 0x8", {0xc2260400, 0x00000008}}, "or", false},
    {{"s_atomic_or s16, s[0:1], 0x8 glc", {0xc2270400, 0x00000008}}, "or", true},
    {{"s_buffer_atomic_or s16, s[8:11], 0x8 glc", {0xc1270404, 0x00000008}}, "or", true},
    {{"s_atomic_xor s16, s[0:1], 0x8", {0xc22a0400, 0x00000008}}, "xor", false},
    {{"s_atomic_xor s16, s[0:1], 0x8 glc", {0xc22b0400, 0x00000008}}, "xor", true},
    {{"s_buffer_atomic_xor s16, s[8:11], 0x8 glc", {0xc12b0404, 0x00000008}}, "xor", true},
    {{"s_atomic_inc s16, s[0:1], 0x8", {0xc22e0400, 0x00000008}}, "inc", false},
    {{"s_atomic_inc s16, s[0:1], 0x8 glc", {0xc22f0400, 0x00000008}}, "inc", true},
    {{"s_buffer_atomic_inc s16, s[8:11], 0x8 glc", {0xc12f0404, 0x00000008}}, "inc", true},
    {{"s_atomic_dec s16, s[0:1], 0x8", {0xc2320400, 0x00000008}}, "dec", false},
    {{"s_atomic_dec s16, s[0:1], 0x8 glc", {0xc2330400, 0x00000008}}, "dec", true},
    {{"s_buffer_atomic_dec s16, s[8:11], 0x8 glc", {0xc1330404, 0x00000008}}, "dec", true},
};

const ScalarAtomic kScalar64[] = {
    {{"s_atomic_swap_x2 s[16:17], s[0:1], 0x8", {0xc2820400, 0x00000008}}, "swap", false},
    {{"s_atomic_swap_x2 s[16:17], s[0:1], 0x8 glc", {0xc2830400, 0x00000008}}, "swap", true},
    {{"s_buffer_atomic_swap_x2 s[16:17], s[8:11], 0x8 glc", {0xc1830404, 0x00000008}}, "swap", true},
    {{"s_atomic_cmpswap_x2 s[16:19], s[0:1], 0x8", {0xc2860400, 0x00000008}}, "cmpswap", false},
    {{"s_atomic_cmpswap_x2 s[16:19], s[0:1], 0x8 glc", {0xc2870400, 0x00000008}}, "cmpswap", true},
    {{"s_buffer_atomic_cmpswap_x2 s[16:19], s[8:11], 0x8 glc", {0xc1870404, 0x00000008}}, "cmpswap", true},
    {{"s_atomic_add_x2 s[16:17], s[0:1], 0x8", {0xc28a0400, 0x00000008}}, "add", false},
    {{"s_atomic_add_x2 s[16:17], s[0:1], 0x8 glc", {0xc28b0400, 0x00000008}}, "add", true},
    {{"s_buffer_atomic_add_x2 s[16:17], s[8:11], 0x8 glc", {0xc18b0404, 0x00000008}}, "add", true},
    {{"s_atomic_sub_x2 s[16:17], s[0:1], 0x8", {0xc28e0400, 0x00000008}}, "sub", false},
    {{"s_atomic_sub_x2 s[16:17], s[0:1], 0x8 glc", {0xc28f0400, 0x00000008}}, "sub", true},
    {{"s_buffer_atomic_sub_x2 s[16:17], s[8:11], 0x8 glc", {0xc18f0404, 0x00000008}}, "sub", true},
    {{"s_atomic_smin_x2 s[16:17], s[0:1], 0x8", {0xc2920400, 0x00000008}}, "smin", false},
    {{"s_atomic_smin_x2 s[16:17], s[0:1], 0x8 glc", {0xc2930400, 0x00000008}}, "smin", true},
    {{"s_buffer_atomic_smin_x2 s[16:17], s[8:11], 0x8 glc", {0xc1930404, 0x00000008}}, "smin", true},
    {{"s_atomic_umin_x2 s[16:17], s[0:1], 0x8", {0xc2960400, 0x00000008}}, "umin", false},
    {{"s_atomic_umin_x2 s[16:17], s[0:1], 0x8 glc", {0xc2970400, 0x00000008}}, "umin", true},
    {{"s_buffer_atomic_umin_x2 s[16:17], s[8:11], 0x8 glc", {0xc1970404, 0x00000008}}, "umin", true},
    {{"s_atomic_smax_x2 s[16:17], s[0:1], 0x8", {0xc29a0400, 0x00000008}}, "smax", false},
    {{"s_atomic_smax_x2 s[16:17], s[0:1], 0x8 glc", {0xc29b0400, 0x00000008}}, "smax", true},
    {{"s_buffer_atomic_smax_x2 s[16:17], s[8:11], 0x8 glc", {0xc19b0404, 0x00000008}}, "smax", true},
    {{"s_atomic_umax_x2 s[16:17], s[0:1], 0x8", {0xc29e0400, 0x00000008}}, "umax", false},
    {{"s_atomic_umax_x2 s[16:17], s[0:1], 0x8 glc", {0xc29f0400, 0x00000008}}, "umax", true},
    {{"s_buffer_atomic_umax_x2 s[16:17], s[8:11], 0x8 glc", {0xc19f0404, 0x00000008}}, "umax", true},
    {{"s_atomic_and_x2 s[16:17], s[0:1], 0x8", {0xc2a20400, 0x00000008}}, "and", false},
    {{"s_atomic_and_x2 s[16:17], s[0:1], 0x8 glc", {0xc2a30400, 0x00000008}}, "and", true},
    {{"s_buffer_atomic_and_x2 s[16:17], s[8:11], 0x8 glc", {0xc1a30404, 0x00000008}}, "and", true},
    {{"s_atomic_or_x2 s[16:17], s[0:1], 0x8", {0xc2a60400, 0x00000008}}, "or", false},
    {{"s_atomic_or_x2 s[16:17], s[0:1], 0x8 glc", {0xc2a70400, 0x00000008}}, "or", true},
    {{"s_buffer_atomic_or_x2 s[16:17], s[8:11], 0x8 glc", {0xc1a70404, 0x00000008}}, "or", true},
    {{"s_atomic_xor_x2 s[16:17], s[0:1], 0x8", {0xc2aa0400, 0x00000008}}, "xor", false},
    {{"s_atomic_xor_x2 s[16:17], s[0:1], 0x8 glc", {0xc2ab0400, 0x00000008}}, "xor", true},
    {{"s_buffer_atomic_xor_x2 s[16:17], s[8:11], 0x8 glc", {0xc1ab0404, 0x00000008}}, "xor", true},
    {{"s_atomic_inc_x2 s[16:17], s[0:1], 0x8", {0xc2ae0400, 0x00000008}}, "inc", false},
    {{"s_atomic_inc_x2 s[16:17], s[0:1], 0x8 glc", {0xc2af0400, 0x00000008}}, "inc", true},
    {{"s_buffer_atomic_inc_x2 s[16:17], s[8:11], 0x8 glc", {0xc1af0404, 0x00000008}}, "inc", true},
    {{"s_atomic_dec_x2 s[16:17], s[0:1], 0x8", {0xc2b20400, 0x00000008}}, "dec", false},
    {{"s_atomic_dec_x2 s[16:17], s[0:1], 0x8 glc", {0xc2b30400, 0x00000008}}, "dec", true},
    {{"s_buffer_atomic_dec_x2 s[16:17], s[8:11], 0x8 glc", {0xc1b30404, 0x00000008}}, "dec", true},
};
// clang-format on

template <class T>
class MemoryAtomicBench : public WaveBench {
  public:
    MemoryAtomicBench() {
        fake.map(kVa, 64 * 8);
        wave->set_s64(0, kVa);
        wave->set_s64(8, kVa);  // no stride
        wave->s[10] = 64 * 8;
    }
    T& word(unsigned lane) { return *reinterpret_cast<T*>(fake.at(kVa + lane * 8)); }
    T lane_value(unsigned vgpr, unsigned lane) const { return static_cast<T>(lane64(vgpr, lane)); }
    void set(unsigned vgpr, unsigned lane, T value) {
        wave->v[vgpr].lane[lane] = static_cast<uint32_t>(value);
        if constexpr (sizeof(T) == 8)
            wave->v[vgpr + 1].lane[lane] = static_cast<uint32_t>(value >> 32);
    }
    void set_address(unsigned lane) {
        const uint64_t va = kVa + lane * 8;
        wave->v[1].lane[lane] = lane * 8;
        wave->v[2].lane[lane] = static_cast<uint32_t>(va);
        wave->v[3].lane[lane] = static_cast<uint32_t>(va >> 32);
    }
};

// Lane i * 8 + j has operand i in memory and operand j as data; the comparand follows the data.
template <class T>
void check(const VectorAtomic& c) {
    constexpr uint64_t kExec = 0xffff'fffe'f0ff'ffff;
    MemoryAtomicBench<T> bench;
    bench.wave->set_exec(kExec);
    bench.fill64(8, kOldMemory);
    const auto operand = [&](unsigned i) { return atomic_operand<T>(c.operation, i); };
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const unsigned i = lane / kAtomicOperands, j = lane % kAtomicOperands;
        bench.set_address(lane);
        bench.word(lane) = operand(i);
        bench.set(10, lane, operand(j));
        bench.set(10 + sizeof(T) / 4, lane, operand(i + j));
    }
    bench.run(c.line);
    ASSERT_EQ(bench.wave->status, Wave::Status::kRunning) << c.line.text;
    const AtomicModel<T> model = atomic_models<T>().at(c.operation);
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const unsigned i = lane / kAtomicOperands, j = lane % kAtomicOperands;
        const bool active = kExec >> lane & 1;
        const T after = active ? model(operand(i), operand(j), operand(i + j)) : operand(i);
        ASSERT_EQ(bench.word(lane), after) << c.line.text << std::hex << " of " << operand(i)
                                           << ", " << operand(j) << ", " << operand(i + j);
        if (c.result != 8) {
            ASSERT_EQ(bench.lane64(8, lane), kOldMemory) << c.line.text << " lane " << lane;
        }
        if (c.result && active) {
            ASSERT_EQ(bench.lane_value(c.result, lane), operand(i)) << c.line.text;
        }
    }
}

TEST(MemoryAtomic, VectorNarrow) {
    for (const VectorAtomic& c : kVector32) check<uint32_t>(c);
}

TEST(MemoryAtomic, VectorWide) {
    for (const VectorAtomic& c : kVector64) check<uint64_t>(c);
}

template <class T>
void check(const ScalarAtomic& c) {
    const AtomicModel<T> model = atomic_models<T>().at(c.operation);
    for (unsigned pair = 0; pair < kAtomicOperands * kAtomicOperands; pair++) {
        const unsigned i = pair / kAtomicOperands, j = pair % kAtomicOperands;
        const T old = atomic_operand<T>(c.operation, i), data = atomic_operand<T>(c.operation, j),
                second = atomic_operand<T>(c.operation, i + j);
        MemoryAtomicBench<T> bench;
        bench.word(1) = old;
        std::memcpy(&bench.wave->s[16], &data, sizeof data);
        std::memcpy(&bench.wave->s[16 + sizeof(T) / 4], &second, sizeof second);
        bench.run(c.line);
        ASSERT_EQ(bench.word(1), model(old, data, second))
            << c.line.text << std::hex << " of " << old << ", " << data << ", " << second;
        ASSERT_EQ(static_cast<T>(bench.wave->s64(16)), c.returns ? old : data) << c.line.text;
        ASSERT_EQ(bench.word(0), 0u);
        ASSERT_EQ(bench.word(2), 0u);
    }
}

TEST(MemoryAtomic, ScalarNarrow) {
    for (const ScalarAtomic& c : kScalar32) check<uint32_t>(c);
}

TEST(MemoryAtomic, ScalarWide) {
    for (const ScalarAtomic& c : kScalar64) check<uint64_t>(c);
}

}  // namespace
}  // namespace simgpu::gfx9::test
