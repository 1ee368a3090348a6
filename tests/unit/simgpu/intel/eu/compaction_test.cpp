// Compacted instructions that Mesa 25.0.7 makes for Tiger Lake, and what it writes without
// compaction.
#include <gtest/gtest.h>

#include "simgpu/intel/eu/isa/compaction.h"

namespace simgpu::intel::eu {

namespace {

struct Compacted {
    const char* text;
    uint64_t compact;
    uint64_t low;
    uint64_t high;
};

constexpr Compacted kInstructions[] = {
    {"add(8) g10<1>D g59<0,1,0>D g1<0,1,0>D", 0x01113b02a40a0240, 0x0a05066080030240,
     0x0000010406003b04},
    {"add(8) g6.8<1>UW g6<8,8,1>UW 0x0008UW", 0x0080069564060240, 0x0685811080030240,
     0x0008000801460605},
    {"and(16) g9<1>UD g7<8,8,1>UD 0x0000003fUD", 0x03f00703e0090165, 0x0905822000040165,
     0x0000003f02460705},
    {"add(16) g20<1>F g16<8,8,1>F g18<8,8,1>F", 0x1200100020142040, 0x14050aa000042040,
     0x004612050a461005},
    {"mul(16) g22<1>F g16<8,8,1>F g18<8,8,1>F", 0x1200100020160041, 0x16050aa000040041,
     0x004612050a461005},
    {"sel.ge(16) g43<1>F g16<8,8,1>F g18<8,8,1>F", 0x12001000252b0062, 0x2b050aa000040062,
     0x004612054a461005},
    {"cmp.l.f0.0(16) g47<1>F g16<8,8,1>F g18<8,8,1>F", 0x12001000272f0070, 0x2f050aa000040070,
     0x004612055a461005},
    {"add(16) g24<1>F g22<8,8,1>F -g20<8,8,1>F", 0x1420160020180440, 0x18050aa000040440,
     0x024614050a461605},
    {"mov(16) g45<1>D g43<8,8,1>F", 0x00102b05e02d0461, 0x2d050a6000040461, 0x0000000000462b05},
    {"mul(16) g26<1>F (abs)g24<8,8,1>F 0x3a800000F /* 0.000976562F */", 0x3a831800e01a0341,
     0x1a059aa000040341, 0x3a8000000a461805},
    {"add(16) g49<1>D g45<8,8,1>D -g47<8,8,1>D", 0x2f202d02a0310340, 0x3105066000040340,
     0x02462f0506462d05},
    {"rndd(16) g28<1>F g26<8,8,1>F", 0x00101a00601c0245, 0x1c050aa000040245, 0x0000000000461a05},
    {"add(16) g32<1>F (abs)g24<8,8,1>F g30<8,8,1>F", 0x1e03180020200140, 0x20051aa000040140,
     0x00461e050a461805},
    {"sel.ge(16) g34<1>F g32<8,8,1>F 0x0F /* 0F */", 0x00002000e5220162, 0x22058aa000040162,
     0x000000004a462005},
    {"xor(16) g42<1>UD g24<8,8,1>UD g40<8,8,1>UD", 0x28001803202a0167, 0x2a05022000040167,
     0x0046280502461805},
    {"and(16) g23<1>UD g21<8,8,1>UD 0x00000001UD", 0x00101503e0170065, 0x1705822000040065,
     0x0000000102461505},
    {"cmp.nz.f0.0(16) g25<1>D g23<8,8,1>D 0D", 0x00001703ae190370, 0x1905866000040370,
     0x0000000026461705},
    {"add(8) g6<1>D g5.7<0,1,0>D g6<8,8,1>D", 0x06010582a4060340, 0x0605066080030340,
     0x00460605060005e4},
    {"xor(16) g28<1>UD g3<8,8,1>UD 0x00000001UD", 0x00100303e01c0067, 0x1c05822000040067,
     0x0000000102460305},
    {"mul(16) g30<1>D g17<8,8,1>D 24W", 0x01801102601e0041, 0x1e05866000040041, 0x0018001805461105},
    {"mov(16) g37<1>UD g[a0]<VxH,1,0>UD", 0x001f0004e0250161, 0x2505022000040161,
     0x0000000000f10000},
    {"add(16) g32<1>D g30<8,8,1>D 16D", 0x01001e03a0203140, 0x2005866000043140, 0x0000001006461e05},
};

/// Bits 15:8, the dependencies that the hardware is to wait for. Expansion leaves them out; they do
/// not change an instruction's effect.
constexpr uint64_t kScoreboard = 0xff00;

TEST(Compaction, ExpandsToWhatTheCompilerWrote) {
    for (const Compacted& each : kInstructions) {
        ASSERT_TRUE(is_compacted(each.compact)) << each.text;
        const Words full = expand(each.compact, Generation::kGen12);
        EXPECT_EQ(full.low & ~kScoreboard, each.low & ~kScoreboard) << each.text;
        EXPECT_EQ(full.high, each.high) << each.text;
    }
}

}  // namespace

}  // namespace simgpu::intel::eu
