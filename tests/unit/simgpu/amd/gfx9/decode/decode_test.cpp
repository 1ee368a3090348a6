#include "simgpu/amd/gfx9/decode/decode.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "tests/unit/simgpu/amd/gfx9/decode/mnemonics.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

Instruction decode_line(const Line& line, unsigned vgprs = 256) {
    const uint32_t words[2] = {line.words[0], line.words.size() > 1 ? line.words[1] : 0};
    return decode(words, vgprs);
}

Instruction decode_line(const Mnemonic& line) {
    const uint32_t words[2] = {line.words.first, static_cast<uint32_t>(line.words.second)};
    return decode(words, 256);
}

// The assembler's name for an instruction.
std::string name_of(const Mnemonic& line) {
    std::string name = line.text;
    return name.substr(0, name.find(' '));
}

TEST(Decode, KnowsEveryMnemonic) {
    for (const Mnemonic& line : kMnemonics) {
        const Instruction in = decode_line(line);
        EXPECT_NE(in.handler, &handle_unknown) << line.text;
    }
}

TEST(Decode, NamesAgreeWithTheAssembler) {
    for (const Mnemonic& line : kMnemonics) {
        const Instruction in = decode_line(line);
        if (!in.name) continue;  // the test above tells
        const std::string name = in.name, expected = name_of(line);
        // Tables name all typed buffer accesses alike.
        if (expected.find("_format") != std::string::npos) continue;
        // And LDS atomics with and without a result.
        std::string stripped = expected;
        if (const auto rtn = stripped.find("_rtn"); rtn != std::string::npos)
            stripped.erase(rtn, 4);
        EXPECT_TRUE(expected.find(name) != std::string::npos ||
                    stripped.find(name) != std::string::npos)
            << name << " for " << line.text;
    }
}

TEST(Decode, SizesAgreeWithTheAssembler) {
    for (const Mnemonic& line : kMnemonics)
        EXPECT_EQ(decode_line(line).size, line.bytes()) << line.text;
}

TEST(Decode, EveryWordDecodes) {
    // Opcodes are in the upper bits: all of them, with a few patterns below.
    for (uint32_t high = 0; high <= 0xffff; high++)
        for (uint32_t low : {0x0000u, 0xffffu, 0x04f9u, 0x04fau, 0x04ffu}) {
            const uint32_t words[2] = {high << 16 | low, 0xa5a5a5a5};
            const Instruction in = decode(words, 8);
            ASSERT_NE(in.handler, nullptr);
            ASSERT_EQ(in.size, has_second_word(words[0]) ? 8 : 4);
            ASSERT_LE(in.dst, kVgprs);
        }
}

TEST(Decode, RegistersOutOfTheAllocationAreRedirected) {
    const Line line = {"v_add_u32_e32 v9, v10, v11", {0x6812170a}};
    const Instruction in = decode_line(line, 8);
    EXPECT_EQ(in.src[0].index, 0);
    EXPECT_EQ(in.src[1].index, 0);
    EXPECT_EQ(in.dst, kVgprs);
    EXPECT_EQ(decode_line(line, 12).src[0].index, 10);
}

struct ConstantCase {
    Line line;
    uint64_t value;
};

TEST(Decode, InlineConstantsWidenByType) {
    const ConstantCase cases[] = {
        {{"v_mov_b32_e32 v0, 64", {0x7e0002c0}}, 64},
        {{"v_mov_b32_e32 v0, -16", {0x7e0002d0}}, 0xfffffff0},
        {{"v_mov_b32_e32 v0, 0.5", {0x7e0002f0}}, 0x3f000000},
        {{"v_mov_b32_e32 v0, 0.15915494", {0x7e0002f8}}, 0x3e22f983},
        {{"v_mov_b32_e32 v0, 0x12345678", {0x7e0002ff, 0x12345678}}, 0x12345678},
        {{"v_add_f16_e32 v0, 1.0, v1", {0x3e0002f2}}, 0x3c00},
        {{"v_add_f16_e32 v0, -4.0, v1", {0x3e0002f7}}, 0xc400},
        {{"v_add_f64 v[0:1], 2.0, v[2:3]", {0xd2800000, 0x000204f4}}, 0x4000000000000000},
        {{"v_add_f64 v[0:1], -0.5, v[2:3]", {0xd2800000, 0x000204f1}}, 0xbfe0000000000000},
        {{"v_cvt_f32_f64_e32 v0, 0x40091eb8", {0x7e001eff, 0x40091eb8}}, 0x40091eb800000000},
        {{"s_mov_b64 s[0:1], -1", {0xbe8001c1}}, ~uint64_t{0}},
        {{"s_mov_b64 s[0:1], 0x7fffffff", {0xbe8001ff, 0x7fffffff}}, 0x7fffffff},
        {{"s_mov_b64 s[0:1], src_shared_base", {0xbe8001eb}}, 0x6000000000000000},
    };
    for (const ConstantCase& c : cases) {
        const Instruction in = decode_line(c.line);
        EXPECT_EQ(in.src[0].kind, Operand::Kind::kConstant) << c.line.text;
        EXPECT_EQ(in.src[0].value, c.value) << c.line.text;
    }
}

}  // namespace
}  // namespace simgpu::gfx9::test
