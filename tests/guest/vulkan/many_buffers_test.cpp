// Many buffers that other processes may get, in a VM that may hold few descriptors.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tests/guest/vulkan/support.h"

namespace viaduct::vulkan {
namespace {

constexpr VkDeviceSize kSmall = 4096;
constexpr auto kDmaBuf = VK_EXTERNAL_MEMORY_HANDLE_TYPE_DMA_BUF_BIT_EXT;

// The caller has set the host's VIADUCT_DESCRIPTORS far below kCount.
TEST(ManyBuffers, SmallOnesNeedNoDescriptorUntilTheyAreShared) {
    const char* const expected = std::getenv("VIADUCT_GUEST_EXPECT");
    if (!expected || std::strcmp(expected, "few-descriptors") != 0)
        GTEST_SKIP() << "VIADUCT_GUEST_EXPECT is not few-descriptors";
    constexpr size_t kCount = 150;
    const Device device;
    std::vector<Buffer> buffers;
    for (size_t i = 0; i < kCount; ++i)
        buffers.emplace_back(device, BufferOptions{kSmall, Where::kDevice, kDmaBuf, {}});

    const Buffer staging(device, kSmall);
    fill_pattern(staging.bytes(), 1);
    copy(device, staging, buffers.back(), kSmall);
    const UniqueFd dmabuf = buffers.back().export_fd();
    ASSERT_TRUE(dmabuf.valid());
    const Device other;
    const Buffer imported(other, {kSmall, Where::kDevice, kDmaBuf, dmabuf.duplicate()});
    const Buffer received(other, kSmall);
    copy(other, imported, received, kSmall);
    EXPECT_TRUE(same_bytes(pattern(kSmall, 1), received.bytes()));
}

}  // namespace
}  // namespace viaduct::vulkan
