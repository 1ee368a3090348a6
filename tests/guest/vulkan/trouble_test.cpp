// Trouble that a driver must survive: no memory left, and a GPU that hangs.
#include <cstdlib>
#include <cstring>

#include "tests/guest/vulkan/support.h"

namespace viaduct::vulkan {
namespace {

// The caller names the fault it injects into the GPU: VIADUCT_GUEST_EXPECT=device-lost.
bool expects(const char* trouble) {
    const char* expected = std::getenv("VIADUCT_GUEST_EXPECT");
    return expected != nullptr && std::strcmp(expected, trouble) == 0;
}

testing::AssertionResult fills(const Device& device) {
    const Buffer target(device, 65536);
    Commands(device, copying_queue(device), [&](VkCommandBuffer commands) {
        vkCmdFillBuffer(commands, target.get(), 0, VK_WHOLE_SIZE, 7);
    }).run();
    return same_values(std::vector<uint32_t>(65536 / 4, 7), target.as<uint32_t>());
}

VkDeviceSize heaps_total(const Device& device) {
    VkPhysicalDeviceMemoryProperties memory;
    vkGetPhysicalDeviceMemoryProperties(device.physical(), &memory);
    VkDeviceSize total = 0;
    for (uint32_t i = 0; i < memory.memoryHeapCount; ++i) total += memory.memoryHeaps[i].size;
    return total;
}

// Takes and uses one piece of memory after the other until that fails or `limit` bytes are taken.
VkResult take_memory(const Device& device, VkDeviceSize limit,
                     VkDeviceSize piece = VkDeviceSize{256} << 20U) {
    // Only a corner of each piece is touched: a simulated GPU's machine need not have the rest.
    constexpr VkDeviceSize kCorner = 256;
    std::vector<Buffer> pieces;
    try {
        while (pieces.size() * piece < limit) {
            pieces.emplace_back(device, BufferOptions{piece, Where::kDevice, {}, {}});
            Commands(device, copying_queue(device), [&](VkCommandBuffer commands) {
                vkCmdFillBuffer(commands, pieces.back().get(), 0, kCorner, 1);
            }).run();
        }
    } catch (const Error& error) {
        return error.result();
    }
    return VK_SUCCESS;
}

// A virtio driver allocates without waiting for the host's answer: it may learn only from the
// submission that uses the memory that there is none, and then its context is lost.
TEST(Trouble, MemoryRunsOutAndComesBack) {
    {
        const Device device;
        if (device.identity().driver_id == VK_DRIVER_ID_MESA_LLVMPIPE)
            GTEST_SKIP() << "a CPU driver's memory is this machine's";
        const VkResult result = take_memory(device, 2 * heaps_total(device));
        EXPECT_TRUE(result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
                    result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_DEVICE_LOST)
            << "VkResult " << result;
    }
    EXPECT_TRUE(fills(Device()));
}

TEST(Trouble, ABudgetOfMemoryDoesNotCostTheDevice) {
    if (!expects("memory-limit")) GTEST_SKIP() << "VIADUCT_GUEST_EXPECT is not memory-limit";
    const Device device;
    const VkDeviceSize limit = VkDeviceSize{256} << 20U;
    const VkDeviceSize total = heaps_total(device);
    // With i915, anv takes a small machine's memory for shared, and leaves half of it to the
    // others.
    EXPECT_TRUE(total == limit || (is_intel(device) && total == limit / 2)) << total;
    for (int attempt = 0; attempt < 2; ++attempt) {
        const VkResult result =
            take_memory(device, VkDeviceSize{1} << 30U, VkDeviceSize{16} << 20U);
        // With xe, the answer comes when anv binds the buffer.
        EXPECT_TRUE(result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
                    (is_intel(device) && result == VK_ERROR_OUT_OF_HOST_MEMORY))
            << "VkResult " << result;
        EXPECT_TRUE(fills(device)) << "what was taken is free again";
    }
}

// A window for mappings that is much smaller than the GPU's memory. 1 MiB pieces: drivers keep some
// of it for themselves.
TEST(Trouble, AFullWindowCostsWhatDoesNotFit) {
    if (!expects("small-window")) GTEST_SKIP() << "VIADUCT_GUEST_EXPECT is not small-window";
    constexpr VkDeviceSize kPiece = VkDeviceSize{1} << 20U;
    constexpr size_t kWindowPieces = 16;
    const Device device;
    for (int round = 0; round < 3; ++round) {
        std::vector<Buffer> pieces;
        VkResult refused = VK_SUCCESS;
        try {
            while (pieces.size() <= kWindowPieces) {
                pieces.emplace_back(device, kPiece);
                fill_pattern(pieces.back().bytes(), static_cast<uint32_t>(pieces.size()));
            }
        } catch (const Error& error) {
            refused = error.result();
        }
        EXPECT_TRUE(refused == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
                    refused == VK_ERROR_OUT_OF_HOST_MEMORY || refused == VK_ERROR_MEMORY_MAP_FAILED)
            << "VkResult " << refused;
        EXPECT_GE(pieces.size(), kWindowPieces / (is_intel(device) ? 4 : 2)) << "round " << round;
        for (size_t i = 0; i < pieces.size(); ++i)
            EXPECT_TRUE(
                same_bytes(pattern(kPiece, static_cast<uint32_t>(i) + 1), pieces[i].bytes()));
    }
    EXPECT_TRUE(fills(device));
}

// A buffer that only the GPU uses: nobody would notice before a submission does.
TEST(Trouble, ASmallBufferThatFailsCostsNothingElse) {
    if (!expects("no-memory")) GTEST_SKIP() << "VIADUCT_GUEST_EXPECT is not no-memory";
    constexpr VkDeviceSize kSmall = 65536;
    constexpr int kAttempts = 20;
    const Device device;
    int refused = 0;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        const VkResult result = take_memory(device, kSmall, kSmall);
        if (result == VK_SUCCESS) continue;
        EXPECT_EQ(result, VK_ERROR_OUT_OF_DEVICE_MEMORY);
        ++refused;
    }
    EXPECT_GT(refused, 0);
    EXPECT_LT(refused, kAttempts);
}

// The job in flight may end like any other; the next call must say that the device is lost.
VkResult use_until_lost(const Device& device) {
    VkResult result = VK_SUCCESS;
    for (int attempt = 0; attempt < 3 && result == VK_SUCCESS; ++attempt) {
        try {
            static_cast<void>(fills(device));
        } catch (const Error& error) {
            result = error.result();
        }
    }
    return result;
}

// The control for the tests of hangs: the same work on a GPU that does not hang.
TEST(Trouble, WithoutAHangTheDeviceIsKept) {
    if (std::getenv("VIADUCT_GUEST_EXPECT")) GTEST_SKIP() << "VIADUCT_GUEST_EXPECT is set";
    const Device device;
    EXPECT_EQ(use_until_lost(device), VK_SUCCESS);
    EXPECT_TRUE(fills(device));
}

TEST(Trouble, AHangLosesTheDevice) {
    if (!expects("device-lost")) GTEST_SKIP() << "VIADUCT_GUEST_EXPECT is not device-lost";
    EXPECT_EQ(use_until_lost(Device()), VK_ERROR_DEVICE_LOST);
}

// Devices of one process are GPU contexts of one open file.
TEST(Trouble, OneDeviceThatHangsLeavesTheOthers) {
    if (!expects("device-lost")) GTEST_SKIP() << "VIADUCT_GUEST_EXPECT is not device-lost";
    const Device doomed;
    const Device other;
    EXPECT_EQ(use_until_lost(doomed), VK_ERROR_DEVICE_LOST);
    EXPECT_EQ(use_until_lost(other), VK_SUCCESS);
    EXPECT_TRUE(fills(other));
    EXPECT_TRUE(fills(Device()));
}

}  // namespace
}  // namespace viaduct::vulkan
