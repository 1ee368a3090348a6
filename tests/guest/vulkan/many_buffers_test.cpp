// Thousands of allocations that live at the same time.
#include <cstdlib>

#include "tests/guest/vulkan/support.h"

namespace viaduct::vulkan {
namespace {

constexpr VkDeviceSize kSize = 4096;

/// How many; VIADUCT_GUEST_BUFFERS asks for more.
unsigned wanted() {
    const char* const text = std::getenv("VIADUCT_GUEST_BUFFERS");
    return text ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : 1200;
}

VkResult allocate(const Device& device, OwnedMemory& memory) {
    VkMemoryAllocateInfo info{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    info.allocationSize = kSize;
    info.memoryTypeIndex = device.memory_type(~0u, VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT);
    VkDeviceMemory made = VK_NULL_HANDLE;
    const VkResult result = vkAllocateMemory(device.get(), &info, nullptr, &made);
    if (result == VK_SUCCESS) memory = OwnedMemory(device.get(), made);
    return result;
}

VkResult write(const Device& device, const OwnedMemory& memory, uint32_t word) {
    void* address = nullptr;
    const VkResult result = vkMapMemory(device.get(), memory.get(), 0, kSize, 0, &address);
    if (result != VK_SUCCESS) return result;
    *static_cast<uint32_t*>(address) = word;
    vkUnmapMemory(device.get(), memory.get());
    return VK_SUCCESS;
}

bool is_refusal(VkResult result) {
    return result == VK_ERROR_OUT_OF_HOST_MEMORY || result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
           result == VK_ERROR_MEMORY_MAP_FAILED || result == VK_ERROR_TOO_MANY_OBJECTS;
}

// Each is given and can be written, or refused in words that a program understands.
TEST(ManyBuffers, LiveTogetherAndTheDeviceLivesOn) {
    const Device& device = shared_device();
    std::vector<OwnedMemory> memories;
    VkResult result = VK_SUCCESS;
    while (memories.size() < wanted() && result == VK_SUCCESS) {
        OwnedMemory memory;
        result = allocate(device, memory);
        if (result == VK_SUCCESS)
            result = write(device, memory, static_cast<uint32_t>(memories.size()));
        if (result == VK_SUCCESS) memories.push_back(std::move(memory));
    }
    EXPECT_TRUE(result == VK_SUCCESS || is_refusal(result)) << result;
    RecordProperty("buffers", static_cast<int>(memories.size()));
    memories.clear();

    constexpr uint32_t kWord = 0x600dcafe;
    const Buffer buffer(device, kSize);
    Commands(device, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        vkCmdFillBuffer(commands, buffer.get(), 0, kSize, kWord);
    }).run();
    EXPECT_TRUE(same_values(std::vector<uint32_t>(kSize / sizeof(uint32_t), kWord),
                            buffer.as<const uint32_t>()));
}

}  // namespace
}  // namespace viaduct::vulkan
