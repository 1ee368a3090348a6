#include "tests/guest/vulkan/support.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace viaduct::vulkan {

Device& shared_device() {
    static Device device;
    return device;
}

bool may_lack_features() {
    return std::getenv("VIADUCT_GUEST_DEVICE") == nullptr;
}

bool predates_transfer_queues(const Device& device) {
    unsigned version = 0;
    return std::sscanf(device.identity().version.c_str(), "Mesa %u", &version) == 1 && version < 24;
}

bool is_intel(const Device& device) {
    return device.identity().driver_id == VK_DRIVER_ID_INTEL_OPEN_SOURCE_MESA;
}

QueueKind copying_queue(const Device& device) {
    const bool copies_apart = is_intel(device) && device.has_queue(QueueKind::kTransfer);
    return copies_apart ? QueueKind::kTransfer : QueueKind::kGraphics;
}

void copy(const Device& device, const Buffer& from, const Buffer& to, VkDeviceSize size) {
    Commands(device, copying_queue(device), [&](VkCommandBuffer commands) {
        const VkBufferCopy region{0, 0, size};
        vkCmdCopyBuffer(commands, from.get(), to.get(), 1, &region);
    }).run();
}

void fill_pattern(std::span<std::byte> bytes, uint32_t seed) {
    uint32_t state = seed * 2654435761U + 1;
    for (std::byte& byte : bytes) {
        // Numerical Recipes' linear congruential generator; its high bits are the random ones.
        state = state * 1664525U + 1013904223U;
        byte = static_cast<std::byte>(state >> 24U);
    }
}

std::vector<std::byte> pattern(size_t bytes, uint32_t seed) {
    std::vector<std::byte> result(bytes);
    fill_pattern(result, seed);
    return result;
}

testing::AssertionResult same_bytes(std::span<const std::byte> expected,
                                    std::span<const std::byte> actual) {
    if (expected.size() != actual.size())
        return testing::AssertionFailure()
               << actual.size() << " bytes instead of " << expected.size();
    // Out of mapped memory once: it may be slow to read.
    const std::vector<std::byte> got(actual.begin(), actual.end());
    size_t first = got.size();
    size_t wrong = 0;
    for (size_t i = 0; i < got.size(); ++i) {
        if (got[i] == expected[i]) continue;
        first = std::min(first, i);
        ++wrong;
    }
    if (wrong == 0) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << wrong << " of " << got.size() << " bytes are wrong, the first at offset " << first
           << ": " << std::to_integer<int>(got[first]) << " instead of "
           << std::to_integer<int>(expected[first]);
}

}  // namespace viaduct::vulkan
