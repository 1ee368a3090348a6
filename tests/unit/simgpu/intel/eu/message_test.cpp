// Messages to the data ports: what they read and write, and where they stop.
#include <gmock/gmock.h>

#include <algorithm>

#include "simgpu/intel/surface/format.h"
#include "tests/unit/simgpu/intel/eu/eu_test.h"

namespace simgpu::intel::eu {

namespace {

using Row8 = std::array<uint32_t, kChannels>;

constexpr uint64_t kTables = 0x20'0000;  // binding table, then surface states
constexpr uint32_t kBufferState = 64;
constexpr uint32_t kImageState = 128;
constexpr uint32_t kBufferBytes = 64;
constexpr Row8 kOffsets = {0, 4, 8, 12, 56, 60, 64, 0xfffffffc};  // the last two are outside

class MessageTest : public EuTest {
  protected:
    MessageTest() {
        memory_.map(kTables, 4096);
        memory_.put<uint32_t>(kTables, kBufferState);
        memory_.put<uint32_t>(kTables + 4, kImageState);
        bases_.surface = kTables;
        // SURFTYPE_BUFFER of bytes.
        put_state(kBufferState, 0, 4u << 29 | 0x1ffu << 18);
        put_state(kBufferState, 2, kBufferBytes - 1);
        put_state(kBufferState, 8, low(kOther));
        put_state(kBufferState, 9, high(kOther));
        for (unsigned i = 0; i < 64; i++) memory_.put<uint32_t>(kOther + 4 * i, 1000 + i);
    }

    void put_state(uint32_t state, unsigned dword, uint32_t value) {
        memory_.put<uint32_t>(kTables + state + 4 * dword, value);
    }
    /// SURFTYPE_2D of 4 by 2 pixels, linear rows of 64 bytes.
    void put_image(uint32_t format) {
        put_state(kImageState, 0, 1u << 29 | format << 18 | 1u << 16 | 1u << 14);
        put_state(kImageState, 2, 3 | 1u << 16);
        put_state(kImageState, 3, 63);
        put_state(kImageState, 7, 4u << 25 | 5u << 22 | 6u << 19 | 7u << 16);
        put_state(kImageState, 8, low(kOther));
        put_state(kImageState, 9, high(kOther));
    }
    uint32_t other(unsigned index) { return dword(kOther + 4 * index); }
};

TEST_F(MessageTest, ReadsOfBuffersAreBounded) {
    const Words read =
        send(r(kResult), {.sfid = 12, .descriptor = data_port(0x01, 0x2e, 0, 1, 1), .payload = 1});
    ASSERT_TRUE(is_done(run_code({read}, concat({kOffsets}))));
    const Row8 expected = {1000, 1001, 1002, 1003, 1014, 1015, 0, 0};
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), expected[i]) << i;
}

TEST_F(MessageTest, WritesOfBuffersAreBounded) {
    const Words write = send(null(), {.sfid = 12,
                                      .descriptor = data_port(0x09, 0x2e, 0, 1, 0),
                                      .payload = 1,
                                      .payload2 = 1,
                                      .length2 = 1});
    ASSERT_TRUE(is_done(run_code({write}, concat({kOffsets}))));
    EXPECT_EQ(other(1), 4u);
    EXPECT_EQ(other(15), 60u);
    EXPECT_EQ(other(16), 1016u) << "beyond the buffer";
}

TEST_F(MessageTest, MisalignedDwordsAreRefused) {
    const Words read =
        send(r(kResult), {.sfid = 12, .descriptor = data_port(0x01, 0x2e, 0, 1, 1), .payload = 1});
    const JobOutcome outcome = run_code({read}, concat({Row8{2}}));
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kBadShader);
    EXPECT_THAT(outcome.report, testing::HasSubstr("not aligned"));
}

TEST_F(MessageTest, BytesAndWordsOfBuffers) {
    for (const unsigned bytes : {1u, 2u}) {
        const unsigned control = (bytes == 1 ? 0u : 1u) << 2;
        const Words read =
            send(r(kResult),
                 {.sfid = 10, .descriptor = data_port(0x04, control, 0, 1, 1), .payload = 1});
        ASSERT_TRUE(is_done(run_code({read}, concat({kOffsets}))));
        EXPECT_EQ(result(0), bytes == 1 ? (1000u & 0xff) : 1000u);
        EXPECT_EQ(result(6), 0u);
    }
}

TEST_F(MessageTest, AddressesReachMemory) {
    const Words read = send(
        r(kResult), {.sfid = 12, .descriptor = data_port(0x11, 0x2e, 253, 2, 1), .payload = 1});
    std::vector<uint32_t> addresses;
    for (unsigned i = 0; i < kChannels; i++) {
        addresses.push_back(low(kOther + 4 * i));
        addresses.push_back(high(kOther + 4 * i));
    }
    ASSERT_TRUE(is_done(run_code({read}, addresses)));
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), 1000 + i);
}

TEST_F(MessageTest, UnmappedAddressesFault) {
    const Words read = send(
        r(kResult), {.sfid = 12, .descriptor = data_port(0x11, 0x2e, 253, 2, 1), .payload = 1});
    std::vector<uint32_t> addresses;
    for (unsigned i = 0; i < kChannels; i++) {
        addresses.push_back(low(kNowhere));
        addresses.push_back(high(kNowhere));
    }
    const JobOutcome outcome = run_code({read}, addresses);
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, kNowhere);
}

struct AtomicCase {
    const char* name;
    unsigned op;
    uint32_t operand;
    uint32_t before;
    uint32_t after;
};
class AtomicTest : public MessageTest, public testing::WithParamInterface<AtomicCase> {};

TEST_P(AtomicTest, ChangesMemoryAndReturnsTheOldValue) {
    const AtomicCase& c = GetParam();
    // 8 channels, returning: bits 4 and 5 of the control.
    const Words atomic = send(r(kResult), {.sfid = 12,
                                           .descriptor = data_port(0x02, c.op | 0x30, 0, 1, 1),
                                           .payload = 1,
                                           .payload2 = 2,
                                           .length2 = 2});
    memory_.put<uint32_t>(kOther, c.before);
    Row8 operands{}, second{};
    operands.fill(c.operand);
    second.fill(77);
    // One channel only: the others are outside of the buffer.
    Row8 offsets;
    offsets.fill(kBufferBytes);
    offsets[0] = 0;
    ASSERT_TRUE(is_done(run_code({atomic}, concat({offsets, operands, second}))));
    EXPECT_EQ(other(0), c.after);
    EXPECT_EQ(result(0), c.op == 15 ? c.after : c.before);
    EXPECT_EQ(result(1), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Eu, AtomicTest,
    testing::Values(AtomicCase{"and", 1, 12, 10, 8}, AtomicCase{"or", 2, 12, 10, 14},
                    AtomicCase{"xor", 3, 12, 10, 6}, AtomicCase{"mov", 4, 12, 10, 12},
                    AtomicCase{"inc", 5, 0, 10, 11}, AtomicCase{"dec", 6, 0, 10, 9},
                    AtomicCase{"add", 7, 5, 10, 15}, AtomicCase{"sub", 8, 4, 10, 6},
                    AtomicCase{"revsub", 9, 15, 10, 5}, AtomicCase{"imax", 10, ~0u, 10, 10},
                    AtomicCase{"imin", 11, ~0u, 10, ~0u}, AtomicCase{"umax", 12, ~0u, 10, ~0u},
                    AtomicCase{"umin", 13, ~0u, 10, 10}, AtomicCase{"cmpwr", 14, 10, 10, 77},
                    AtomicCase{"cmpwr_not", 14, 9, 10, 10}, AtomicCase{"predec", 15, 0, 10, 9}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(MessageTest, TypedWritesConvertAndStayInside) {
    put_image(0x0c7);  // R8G8B8A8_UNORM
    const Words write = send(null(), {.sfid = 12,
                                      .descriptor = data_port(0x0d, 0x10, 1, 2, 0),
                                      .payload = 1,
                                      .payload2 = 20,
                                      .length2 = 4});
    const std::vector<Words> code = {
        mov_imm(r(20, Type::kF), Type::kF, std::bit_cast<uint32_t>(1.0f)),
        mov_imm(r(21, Type::kF), Type::kF, std::bit_cast<uint32_t>(0.5f)),
        mov_imm(r(22, Type::kF), Type::kF, std::bit_cast<uint32_t>(-3.0f)),
        mov_imm(r(23, Type::kF), Type::kF, std::bit_cast<uint32_t>(7.0f)),
        write,
    };
    const Row8 x = {0, 1, 4, 0, 3, 3, 3, 3}, y = {0, 1, 0, 2, 1, 1, 1, 1};
    ASSERT_TRUE(is_done(run_code(code, concat({x, y}))));
    EXPECT_EQ(other(0), 0xff0080ffu);
    EXPECT_EQ(other(16 + 1), 0xff0080ffu);
    EXPECT_EQ(other(4), 1004u) << "right of the image";
    EXPECT_EQ(other(32), 1032u) << "below it";
}

TEST(SurfaceFormat, ZeroIsZeroInHalves) {
    constexpr uint32_t kR16Float = 0x10e;
    std::array<std::byte, 2> pixel{std::byte{0xff}, std::byte{0xff}};
    pack(*find_format(kR16Float), Texel{}, pixel.data());
    EXPECT_EQ(pixel, (std::array<std::byte, 2>{}));
}

TEST_F(MessageTest, SamplerLoadsTexels) {
    put_image(0x0d7);  // R32_UINT
    // ld_lz of 8 channels: type 26, SIMD mode 1, one payload of u and v.
    const Words ld = send(
        r(kResult),
        {.sfid = 2, .descriptor = 1 | 26u << 12 | 1u << 17 | 1u << 20 | 2u << 25, .payload = 1});
    const Row8 x = {0, 1, 2, 3, 4, 0, 0, 3}, y = {0, 0, 0, 0, 0, 1, 2, 1};
    ASSERT_TRUE(is_done(run_code({ld}, concat({x, y}))));
    const Row8 expected = {1000, 1001, 1002, 1003, 0, 1016, 0, 1019};
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), expected[i]) << i;
}

TEST_F(MessageTest, SlmIsBounded) {
    Walker walker;
    walker.slm_bytes = 1024;
    const uint32_t write = data_port(0x09, 0x2e, 254, 1, 0);
    const uint32_t read = data_port(0x01, 0x2e, 254, 1, 1);
    const std::vector<Words> code = {
        send(null(), {.sfid = 12, .descriptor = write, .payload = 1, .payload2 = 1, .length2 = 1}),
        send(r(kResult), {.sfid = 12, .descriptor = read, .payload = 1}),
    };
    const Row8 offsets = {0, 4, 8, 12, 1016, 1020, 1024, 1028};
    ASSERT_TRUE(is_done(run_code(code, concat({offsets}), walker)));
    const Row8 expected = {0, 4, 8, 12, 1016, 1020, 0, 0};
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), expected[i]) << i;
}

}  // namespace

}  // namespace simgpu::intel::eu
