// The real packet processors behind the real ioctls: hand-written packets, bytes compared.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {
namespace {

constexpr uint64_t kIbVa = 0xffff800100000000;
constexpr uint64_t kPm4DataVa = 0xffff800100100000;
constexpr uint32_t kLow = static_cast<uint32_t>(kPm4DataVa);
constexpr uint32_t kHigh = static_cast<uint32_t>(kPm4DataVa >> 32);

/// PM4 type 3 header: opcode, and the count of dwords that follow (GFX9 packet format).
constexpr uint32_t pm4(uint32_t opcode, uint32_t dwords) {
    return 3u << 30 | (dwords - 1) << 16 | opcode << 8;
}

class Packets : public ::testing::TestWithParam<const char*> {
  protected:
    int run(uint32_t ip, std::initializer_list<uint32_t> words, uint32_t ring = 0) {
        std::ranges::copy(words, ib.words());
        Chunks chunks;
        chunks.ib(kIbVa, static_cast<uint32_t>(words.size() * 4), ip, ring);
        chunks.with(AMDGPU_CHUNK_ID_FENCE, drm_amdgpu_cs_chunk_fence{user_fence.handle, 0});
        uint64_t sequence = 0;
        if (const int error = file.submit(context, chunks, &sequence)) return error;
        const int result = file.wait(context, sequence, kLong, ip, ring);
        if (result == 0) {
            EXPECT_EQ(user_fence.words()[0], sequence);
        }
        return result;
    }

    TestFile file{GetParam()};
    TestBuffer ib = file.buffer(kIbVa, 4096, AMDGPU_GEM_DOMAIN_GTT);
    TestBuffer data = file.buffer(kPm4DataVa, 8192, AMDGPU_GEM_DOMAIN_VRAM);
    TestBuffer user_fence = file.buffer(kPm4DataVa + 0x100000);
    uint32_t context = file.context();
};

TEST_P(Packets, WriteDataWritesOnGfxAndCompute) {
    constexpr uint32_t kWriteData = 0x37, kNop = 0x10;
    constexpr uint32_t kToMemoryConfirmed = 5u << 8 | 1u << 20;  // DST_SEL memory, WR_CONFIRM
    for (const uint32_t ip : {AMDGPU_HW_IP_GFX, AMDGPU_HW_IP_COMPUTE}) {
        ASSERT_EQ(run(ip, {pm4(kNop, 1), 0, pm4(kWriteData, 6), kToMemoryConfirmed, kLow + 16,
                           kHigh, 0x11111111, 0x22222222, ip + 5}),
                  0);
        EXPECT_EQ(data.words()[4], 0x11111111u);
        EXPECT_EQ(data.words()[5], 0x22222222u);
        EXPECT_EQ(data.words()[6], ip + 5);
        EXPECT_EQ(data.words()[7], 0u);
    }
}

TEST_P(Packets, SdmaFillsAndCopies) {
    constexpr uint32_t kCopyLinear = 1, kConstantFill = 11;  // SDMA v4 opcodes
    ASSERT_EQ(run(AMDGPU_HW_IP_DMA, {kConstantFill | 2u << 30, kLow, kHigh, 0xabcd1234, 256 - 1,
                                     kCopyLinear, 128 - 1, 0, kLow, kHigh, kLow + 4096, kHigh}),
              0);
    for (size_t word = 0; word < 64; ++word) ASSERT_EQ(data.words()[word], 0xabcd1234u) << word;
    EXPECT_EQ(data.words()[64], 0u);
    for (size_t word = 0; word < 32; ++word) ASSERT_EQ(data.words()[1024 + word], 0xabcd1234u);
    EXPECT_EQ(data.words()[1024 + 32], 0u);
}

INSTANTIATE_TEST_SUITE_P(Models, Packets, ::testing::Values("renoir", "vega10"),
                         [](const auto& model) { return std::string(model.param); });

}  // namespace
}  // namespace simgpu::test
