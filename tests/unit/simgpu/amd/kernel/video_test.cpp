// The video rings: jobs are accepted, retired and not carried out.
#include <cerrno>

#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {
namespace {

constexpr uint64_t kVideoVa = 0x10000000;

class VideoRing : public ::testing::TestWithParam<std::pair<const char*, uint32_t>> {};

TEST_P(VideoRing, RetiresJobsAndTakesNoUserFence) {
    const auto [model, ip] = GetParam();
    TestFile file(model);
    const uint32_t context = file.context();
    const TestBuffer commands = file.buffer(kVideoVa);
    Chunks chunks;
    chunks.ib(kVideoVa, 256, ip);
    uint64_t sequence = 0;
    ASSERT_EQ(file.submit(context, chunks, &sequence), 0);
    EXPECT_EQ(file.wait(context, sequence, kLong, ip), 0);
    chunks.with(AMDGPU_CHUNK_ID_FENCE, drm_amdgpu_cs_chunk_fence{commands.handle, 0});
    EXPECT_EQ(file.submit(context, chunks), -EINVAL) << "no_user_fence";
    Chunks second_ring;
    second_ring.ib(kVideoVa, 256, ip, 1);
    EXPECT_EQ(file.submit(context, second_ring), -EINVAL) << "one entity per context";
}

TEST_P(VideoRing, FetchesItsCommands) {
    const auto [model, ip] = GetParam();
    TestFile file(model);
    const uint32_t context = file.context();
    const TestBuffer commands = file.buffer(kVideoVa);
    Chunks chunks;
    chunks.ib(kVideoVa, 8192, ip);
    uint64_t sequence = 0;
    ASSERT_EQ(file.submit(context, chunks, &sequence), 0);
    EXPECT_LT(file.wait(context, sequence, kLong, ip), 0) << "the second page is not mapped";
}

INSTANTIATE_TEST_SUITE_P(Chips, VideoRing,
                         ::testing::Values(std::pair("renoir", uint32_t{AMDGPU_HW_IP_VCN_DEC}),
                                           std::pair("renoir", uint32_t{AMDGPU_HW_IP_VCN_ENC}),
                                           std::pair("renoir", uint32_t{AMDGPU_HW_IP_VCN_JPEG}),
                                           std::pair("vega10", uint32_t{AMDGPU_HW_IP_UVD}),
                                           std::pair("vega10", uint32_t{AMDGPU_HW_IP_VCE}),
                                           std::pair("vega10", uint32_t{AMDGPU_HW_IP_UVD_ENC})));

TEST(MaxIbs, FollowTheRing) {
    TestFile file;
    uint32_t most[10] = {};
    ASSERT_EQ(file.info(amdgpu::kInfoMaxIbs, &most), 0);
    EXPECT_EQ(most[AMDGPU_HW_IP_GFX], 192u);
    EXPECT_EQ(most[AMDGPU_HW_IP_COMPUTE], 125u);
    EXPECT_EQ(most[AMDGPU_HW_IP_VCN_JPEG], 16u);
    EXPECT_EQ(most[AMDGPU_HW_IP_VCN_DEC], 49u);
}

}  // namespace
}  // namespace simgpu::test
