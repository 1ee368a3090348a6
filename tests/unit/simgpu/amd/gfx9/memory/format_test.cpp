// Typed buffer accesses of one to four components, of 32 and of 16 bits. The formats themselves
// are in memory_test.cpp.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/memory/buffer_format.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

// MUBUF takes the format from the descriptor, MTBUF from the instruction.
struct FormatCase {
    Line load, store;
    unsigned components;
    bool d16, high;
};

// clang-format off
const FormatCase kFormatCases[] = {
    {{"buffer_load_format_x v8, v1, s[8:11], 0 offen", {0xe0001000, 0x80020801}}, {"buffer_store_format_x v8, v1, s[8:11], 0 offen", {0xe0101000, 0x80020801}}, 1, false, false},
    {{"buffer_load_format_xy v[8:9], v1, s[8:11], 0 offen", {0xe0041000, 0x80020801}}, {"buffer_store_format_xy v[8:9], v1, s[8:11], 0 offen", {0xe0141000, 0x80020801}}, 2, false, false},
    {{"buffer_load_format_xyz v[8:10], v1, s[8:11], 0 offen", {0xe0081000, 0x80020801}}, {"buffer_store_format_xyz v[8:10], v1, s[8:11], 0 offen", {0xe0181000, 0x80020801}}, 3, false, false},
    {{"buffer_load_format_xyzw v[8:11], v1, s[8:11], 0 offen", {0xe00c1000, 0x80020801}}, {"buffer_store_format_xyzw v[8:11], v1, s[8:11], 0 offen", {0xe01c1000, 0x80020801}}, 4, false, false},
    {{"buffer_load_format_d16_x v8, v1, s[8:11], 0 offen", {0xe0201000, 0x80020801}}, {"buffer_store_format_d16_x v8, v1, s[8:11], 0 offen", {0xe0301000, 0x80020801}}, 1, true, false},
    {{"buffer_load_format_d16_xy v8, v1, s[8:11], 0 offen", {0xe0241000, 0x80020801}}, {"buffer_store_format_d16_xy v8, v1, s[8:11], 0 offen", {0xe0341000, 0x80020801}}, 2, true, false},
    {{"buffer_load_format_d16_xyz v[8:9], v1, s[8:11], 0 offen", {0xe0281000, 0x80020801}}, {"buffer_store_format_d16_xyz v[8:9], v1, s[8:11], 0 offen", {0xe0381000, 0x80020801}}, 3, true, false},
    {{"buffer_load_format_d16_xyzw v[8:9], v1, s[8:11], 0 offen", {0xe02c1000, 0x80020801}}, {"buffer_store_format_d16_xyzw v[8:9], v1, s[8:11], 0 offen", {0xe03c1000, 0x80020801}}, 4, true, false},
    {{"buffer_load_format_d16_hi_x v8, v1, s[8:11], 0 offen", {0xe0981000, 0x80020801}}, {"buffer_store_format_d16_hi_x v8, v1, s[8:11], 0 offen", {0xe09c1000, 0x80020801}}, 1, true, true},
    {{"tbuffer_load_format_x v8, v1, s[8:11], dfmt:14, nfmt:7, 0 offen", {0xebf01000, 0x80020801}}, {"tbuffer_store_format_x v8, v1, s[8:11], dfmt:4, nfmt:7, 0 offen", {0xeba21000, 0x80020801}}, 1, false, false},
    {{"tbuffer_load_format_xy v[8:9], v1, s[8:11], dfmt:14, nfmt:7, 0 offen", {0xebf09000, 0x80020801}}, {"tbuffer_store_format_xy v[8:9], v1, s[8:11], dfmt:11, nfmt:7, 0 offen", {0xebda9000, 0x80020801}}, 2, false, false},
    {{"tbuffer_load_format_xyz v[8:10], v1, s[8:11], dfmt:14, nfmt:7, 0 offen", {0xebf11000, 0x80020801}}, {"tbuffer_store_format_xyz v[8:10], v1, s[8:11], dfmt:13, nfmt:7, 0 offen", {0xebeb1000, 0x80020801}}, 3, false, false},
    {{"tbuffer_load_format_xyzw v[8:11], v1, s[8:11], dfmt:14, nfmt:7, 0 offen", {0xebf19000, 0x80020801}}, {"tbuffer_store_format_xyzw v[8:11], v1, s[8:11], dfmt:14, nfmt:7, 0 offen", {0xebf39000, 0x80020801}}, 4, false, false},
    {{"tbuffer_load_format_d16_x v8, v1, s[8:11], dfmt:12, nfmt:7, 0 offen", {0xebe41000, 0x80020801}}, {"tbuffer_store_format_d16_x v8, v1, s[8:11], dfmt:2, nfmt:7, 0 offen", {0xeb961000, 0x80020801}}, 1, true, false},
    {{"tbuffer_load_format_d16_xy v8, v1, s[8:11], dfmt:12, nfmt:7, 0 offen", {0xebe49000, 0x80020801}}, {"tbuffer_store_format_d16_xy v8, v1, s[8:11], dfmt:5, nfmt:7, 0 offen", {0xebae9000, 0x80020801}}, 2, true, false},
    {{"tbuffer_load_format_d16_xyz v[8:9], v1, s[8:11], dfmt:12, nfmt:7, 0 offen", {0xebe51000, 0x80020801}}, {"tbuffer_store_format_d16_xyz v[8:9], v1, s[8:11], dfmt:12, nfmt:7, 0 offen", {0xebe71000, 0x80020801}}, 3, true, false},
    {{"tbuffer_load_format_d16_xyzw v[8:9], v1, s[8:11], dfmt:12, nfmt:7, 0 offen", {0xebe59000, 0x80020801}}, {"tbuffer_store_format_d16_xyzw v[8:9], v1, s[8:11], dfmt:12, nfmt:7, 0 offen", {0xebe79000, 0x80020801}}, 4, true, false},
};
// clang-format on

constexpr float kSingles[] = {1.0f, -2.0f, 0.5f, 3.0f};
constexpr uint16_t kHalves[] = {0x3c00, 0xc000, 0x3800, 0x4200};

// BUF_DATA_FORMAT with 1 to 4 components of 32 and 16 bits; there is no 16_16_16.
constexpr uint32_t kFormats32[] = {4, 11, 13, 14};
constexpr uint32_t kFormats16[] = {2, 5, 12, 12};

class Formats : public testing::Test {
  protected:
    Formats() {
        bench.fake.map(kVa, 64);
        bench.wave->set_exec(2);
        bench.wave->set_s64(8, kVa);
        bench.wave->s[10] = 64;
        bench.fill(1, 16);
    }
    void set_format(uint32_t data_format) {
        constexpr uint32_t kSelects = 4 | 5 << 3 | 6 << 6 | 7 << 9, kFloat = 7;
        bench.wave->s[11] = kSelects | kFloat << 12 | data_format << 15;
    }
    std::byte* element() { return bench.fake.at(kVa + 16); }
    // Register i of the components as a d16 instruction packs them, with what is not of it.
    static uint32_t packed(const FormatCase& c, unsigned i, uint32_t old) {
        if (c.high) return (old & 0xffff) | uint32_t{kHalves[0]} << 16;
        if (2 * i < c.components) old = (old & 0xffff0000) | kHalves[2 * i];
        if (2 * i + 1 < c.components) old = (old & 0xffff) | uint32_t{kHalves[2 * i + 1]} << 16;
        return old;
    }
    WaveBench bench;
};

TEST_F(Formats, Loads) {
    for (const FormatCase& c : kFormatCases) {
        set_format(c.d16 ? 12 : 14);
        if (c.d16)
            std::memcpy(element(), kHalves, sizeof kHalves);
        else
            std::memcpy(element(), kSingles, sizeof kSingles);
        for (unsigned i = 0; i < 4; i++) bench.fill(8 + i, 0xdeadbeef);
        bench.run(c.load);
        for (unsigned i = 0; i < 4; i++) {
            uint32_t expected = 0xdeadbeef;
            if (c.d16)
                expected = packed(c, i, expected);
            else if (i < c.components)
                expected = std::bit_cast<uint32_t>(kSingles[i]);
            if (c.high && i) expected = 0xdeadbeef;
            EXPECT_EQ(bench.lane(8 + i, 1), expected) << c.load.text << " register " << i;
            EXPECT_EQ(bench.lane(8 + i, 0), 0xdeadbeef) << c.load.text << " inactive";
        }
    }
}

TEST_F(Formats, Stores) {
    for (const FormatCase& c : kFormatCases) {
        set_format(c.d16 ? kFormats16[c.components - 1] : kFormats32[c.components - 1]);
        std::memset(bench.fake.at(kVa), 0x55, 64);
        for (unsigned i = 0; i < 4; i++)
            bench.fill(8 + i,
                       c.d16 ? packed(c, i, 0x77777777) : std::bit_cast<uint32_t>(kSingles[i]));
        bench.run(c.store);
        const size_t bytes = c.components * (c.d16 ? 2 : 4);
        const void* expected = c.d16 ? static_cast<const void*>(kHalves) : kSingles;
        EXPECT_EQ(std::memcmp(element(), expected, bytes), 0) << c.store.text;
        EXPECT_EQ(element()[-1], std::byte{0x55}) << c.store.text;
        const size_t element_bytes = c.d16 && c.components == 3 ? 8 : bytes;
        EXPECT_EQ(element()[element_bytes], std::byte{0x55}) << c.store.text;
    }
}

// 8_8_8_8 has a path of its own.
TEST(Formats8888, HaveTheBytesAndNumbersOfOneComponent) {
    constexpr BufferFormat kFour{10, 0}, kOne{1, 0};
    std::vector<float> values = {0.0f, -0.0f, 1.0f, 0.5f, -1.0f, 2.0f, INFINITY, -INFINITY, NAN};
    for (int i = 0; i <= 2 * 255; i++) {
        const float middle = static_cast<float>(i) / 510.0f;
        values.insert(values.end(),
                      {middle, std::nextafter(middle, 2.0f), std::nextafter(middle, -2.0f)});
    }
    for (int exponent = -149; exponent < 2; exponent++)
        values.push_back(std::ldexp(1.0f, exponent));
    for (const float value : values) {
        const uint32_t components[4] = {as_word(value), 0, as_word(1.0f), as_word(value)};
        uint8_t four[4], one;
        pack_texel(kFour, components, four);
        pack_texel(kOne, components, &one);
        EXPECT_EQ(four[0], one) << value;
        EXPECT_EQ(four[1], 0);
        EXPECT_EQ(four[2], 255);
        EXPECT_EQ(four[3], one) << value;
    }
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t four[4] = {static_cast<uint8_t>(byte), 0, 255, static_cast<uint8_t>(byte)};
        uint32_t unpacked[4], single[4];
        unpack_texel(kFour, four, unpacked);
        unpack_texel(kOne, four, single);
        EXPECT_EQ(unpacked[0], single[0]);
        EXPECT_EQ(unpacked[0], as_word(static_cast<float>(byte) / 255.0f));
        EXPECT_EQ(unpacked[1], 0u);
        EXPECT_EQ(unpacked[2], as_word(1.0f));
        EXPECT_EQ(unpacked[3], single[0]);
    }
}

}  // namespace
}  // namespace simgpu::gfx9::test
