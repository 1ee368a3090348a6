#include "simgpu/amd/gfx9/decode/disassembly.h"

#include <gtest/gtest.h>

#include <string>

#include "simgpu/amd/gfx9/exec/shader_listing.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

std::string text_of(std::vector<uint32_t> words) {
    words.resize(2);
    return disassemble(decode(words.data(), 256));
}

TEST(Disassembly, NamesOperands) {
    EXPECT_EQ(text_of({0x020400f2}), "v_add_f32 v2, 1, v0");
    EXPECT_EQ(text_of({0xd1cb0001, 0x24120503}), "v_fma_f32 v1, -v3, v2, v4");
    EXPECT_EQ(text_of({0x8e038602}), "s_lshl_b32 s3, s2, 6");
    EXPECT_EQ(text_of({0xbf810000}), "s_endpgm");
    EXPECT_EQ(text_of({0xbe84206a}), "s_and_saveexec_b64 s4, vcc");
    EXPECT_EQ(text_of({0x7d9800a0}), "v_cmp_gt vcc, 0x20, v0");
    EXPECT_EQ(text_of({0xc400180f, 0x02020200}), "exp mrt0, v0, v2, v2, v2 done vm");
    EXPECT_EQ(text_of({0xd4040101}), "v_interp_p1_f32 v1, v1, attr0.y");
    EXPECT_EQ(text_of({0xffffffff, 0x12345678}).substr(0, 7), "unknown");
}

TEST(Disassembly, ListsUpToTheLastEnd) {
    FakeMemory memory;
    memory.map(0x1000, 64);
    memory.dword(0x1000) = 0xbf840001;  // s_cbranch_scc0 over the first end
    memory.dword(0x1004) = 0xbf810000;
    memory.dword(0x1008) = 0xbe800080;  // s_mov_b32 s0, 0
    memory.dword(0x100c) = 0xbf810000;
    const ShaderListing listing = list_shader(memory, 0x1000);
    ASSERT_EQ(listing.lines.size(), 4u);
    EXPECT_NE(listing.lines[0].find("s_cbranch_scc0 1 -> 0x1008"), std::string::npos)
        << listing.lines[0];
    EXPECT_NE(listing.lines[2].find("be800080"), std::string::npos);
    memory.dword(0x1008) = 0xbe800081;
    EXPECT_NE(list_shader(memory, 0x1000).hash, listing.hash);
}

// A program of any length ends, in memory or by its number of instructions.
TEST(Disassembly, EndsWithoutAnEnd) {
    FakeMemory memory;
    memory.map(0x10000, 1 << 16);
    EXPECT_LE(list_shader(memory, 0x10000).lines.size(), 4096u);
    memory.map(0x10000, 8);
    EXPECT_NE(list_shader(memory, 0x10000).lines.back().find("not mapped"), std::string::npos);
}

}  // namespace
}  // namespace simgpu::gfx9::test
