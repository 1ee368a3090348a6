// GFX9 shaders: a dispatch of one or two waves.
#include "simgpu/amd/gfx9/exec/compute.h"
#include "tests/fuzz/simgpu/space.h"
#include "tests/fuzz/target.h"

namespace viaduct::fuzz {

namespace {

/// The fixed bits of an encoding (Vega ISA, "Microcode formats").
struct Encoding {
    uint32_t bits;
    uint32_t mask;
    unsigned dwords;
};
constexpr Encoding kEncodings[] = {
    {0x80000000, 0xc0000000, 1},  // SOP2
    {0xb0000000, 0xf0000000, 1},  // SOPK
    {0xbe800000, 0xff800000, 1},  // SOP1
    {0xbf000000, 0xff800000, 1},  // SOPC
    {0xbf800000, 0xff800000, 1},  // SOPP
    {0xc0000000, 0xfc000000, 2},  // SMEM
    {0x00000000, 0x80000000, 1},  // VOP2
    {0x7c000000, 0xfe000000, 1},  // VOPC
    {0x7e000000, 0xfe000000, 1},  // VOP1
    {0xd0000000, 0xfc000000, 2},  // VOP3
    {0xd3800000, 0xff800000, 2},  // VOP3P
    {0xd4000000, 0xfc000000, 1},  // VINTRP
    {0xd8000000, 0xfc000000, 2},  // DS
    {0xdc000000, 0xfc000000, 2},  // FLAT
    {0xe0000000, 0xfc000000, 2},  // MUBUF
    {0xe8000000, 0xfc000000, 2},  // MTBUF
    {0xf0000000, 0xfc000000, 2},  // MIMG
    {0xc4000000, 0xfc000000, 2},  // EXP
};

class ShaderGrammar final : public CodeGrammar {
  protected:
    Dwords make_code(Random& random) const override {
        const Encoding& encoding = random.of(std::span<const Encoding>(kEncodings));
        Dwords words(encoding.dwords);
        for (uint32_t& word : words) word = static_cast<uint32_t>(random.any());
        words[0] = (words[0] & ~encoding.mask) | encoding.bits;
        // Few registers, so that what one instruction writes the next one reads.
        if (words.size() == 2 && !random.once(4)) words[1] &= 0x07070707;
        return words;
    }
    /// s[0:1] is an address, s[4:7] a buffer and s[8:15] an image, of any format.
    Dwords make_state(Random& random) const override {
        Dwords state(18);
        for (uint32_t& word : state) word = static_cast<uint32_t>(random.any());
        state[0] = static_cast<uint32_t>(kData);
        state[1] = 0;
        state[4] = static_cast<uint32_t>(kData);
        state[5] &= 0x3fff0000;  // stride, and the swizzle
        state[6] = static_cast<uint32_t>(random.below(kDataBytes));
        state[8] = static_cast<uint32_t>(kData >> 8);
        state[9] &= 0xffffff00;
        state[10] &= 0x003f003f;  // width and height
        return state;
    }
    void change_code(Dwords& code, Random& random) const override {
        code[random.below(code.size())] ^= 1u << random.below(32);
    }
};

}  // namespace

const Grammar& grammar() {
    static const ShaderGrammar the_grammar;
    return the_grammar;
}

void start() {}

void run(std::span<const uint8_t> input) {
    constexpr uint32_t kEnd = 0xbf810000;  // s_endpgm
    Space space(parse_program(input), {kEnd, kEnd});
    simgpu::gfx9::Dispatch dispatch;
    dispatch.program_va = kCode;
    constexpr uint32_t kFloatMode = 0xc0u << 12, kDx10Clamp = 1u << 21;
    dispatch.pgm_rsrc1 = (space.state(16) & 63) | kFloatMode | kDx10Clamp;
    constexpr uint32_t kUserSgprs = 16u << 1, kGroupIds = 7u << 7, kLds = 2u << 15;
    dispatch.pgm_rsrc2 = kUserSgprs | kGroupIds | kLds | (space.state(16) >> 8 & 1);
    dispatch.tmpring_size = space.state(17);
    dispatch.initiator = 1;
    for (size_t i = 0; i < std::size(dispatch.user_data); ++i)
        dispatch.user_data[i] = space.state(i);
    for (uint32_t& count : dispatch.groups) count = 1;
    for (uint32_t& count : dispatch.threads) count = 1;
    dispatch.threads[0] = 1 + space.state(16) / 512 % 128;
    simgpu::JobEnvironment environment = space.environment();
    simgpu::EngineCounters counters;
    (void)simgpu::gfx9::run_dispatch(dispatch, environment, counters);
}

}  // namespace viaduct::fuzz
