// What a driver must survive: no memory left, and a GPU that hangs.
#include <cstdlib>
#include <cstring>

#include "tests/guest/vulkan/support.h"

namespace viaduct::vulkan {
namespace {

// Whoever runs the program says what he injects into the GPU: VIADUCT_GUEST_EXPECT=device-lost.
bool expects(const char* trouble) {
    const char* expected = std::getenv("VIADUCT_GUEST_EXPECT");
    return expected != nullptr && std::strcmp(expected, trouble) == 0;
}

testing::AssertionResult fills(const Device& device) {
    const Buffer target(device, 65536);
    Commands(device, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        vkCmdFillBuffer(commands, target.get(), 0, VK_WHOLE_SIZE, 7);
    }).run();
    return same_values(std::vector<uint32_t>(65536 / 4, 7), target.as<uint32_t>());
}

TEST(Trouble, MemoryRunsOutAndComesBack) {
    const Device device;
    if (device.identity().driver_id == VK_DRIVER_ID_MESA_LLVMPIPE)
        GTEST_SKIP() << "a CPU driver's memory is this machine's";
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(device.physical(), &memory);
    VkDeviceSize total = 0;
    for (uint32_t i = 0; i < memory.memoryHeapCount; ++i) total += memory.memoryHeaps[i].size;

    // Nothing touches these buffers, so a simulated GPU's machine need not have the memory.
    constexpr VkDeviceSize kPiece = VkDeviceSize{256} << 20U;
    std::vector<Buffer> pieces;
    VkResult result = VK_SUCCESS;
    try {
        while (pieces.size() <= 2 * total / kPiece)
            pieces.emplace_back(device, BufferOptions{kPiece, Where::kDevice, {}, {}});
    } catch (const Error& error) {
        result = error.result();
    }
    EXPECT_TRUE(result == VK_ERROR_OUT_OF_DEVICE_MEMORY || result == VK_ERROR_OUT_OF_HOST_MEMORY)
        << "VkResult " << result << " after " << pieces.size() << " pieces of " << kPiece
        << " bytes; the heaps have " << total;
    pieces.clear();
    EXPECT_TRUE(fills(device));
}

TEST(Trouble, AHangLosesTheDevice) {
    if (!expects("device-lost")) GTEST_SKIP() << "VIADUCT_GUEST_EXPECT is not device-lost";
    const Device device;
    VkResult result = VK_SUCCESS;
    // The job in flight may end like any other; the next call must say so.
    for (int attempt = 0; attempt < 3 && result == VK_SUCCESS; ++attempt) {
        try {
            static_cast<void>(fills(device));
        } catch (const Error& error) {
            result = error.result();
        }
    }
    EXPECT_EQ(result, VK_ERROR_DEVICE_LOST);
}

}  // namespace
}  // namespace viaduct::vulkan
