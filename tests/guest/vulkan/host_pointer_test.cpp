// The program's own pages as memory of the device (VK_EXT_external_memory_host).
#include <sys/mman.h>

#include <algorithm>

#include "blob/mapping.h"
#include "tests/guest/vulkan/support.h"

namespace viaduct::vulkan {
namespace {

constexpr VkDeviceSize kHostSize = 1 << 20;
constexpr auto kType = VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;

Mapping own_pages() {
    void* const pages =
        ::mmap(nullptr, kHostSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(pages, MAP_FAILED);
    return Mapping(pages, kHostSize);
}

VkMemoryHostPointerPropertiesEXT properties_of(const Device& device, void* pages) {
    const auto query = reinterpret_cast<PFN_vkGetMemoryHostPointerPropertiesEXT>(
        vkGetDeviceProcAddr(device.get(), "vkGetMemoryHostPointerPropertiesEXT"));
    VkMemoryHostPointerPropertiesEXT properties{
        VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT};
    EXPECT_EQ(query(device.get(), kType, pages, &properties), VK_SUCCESS);
    return properties;
}

OwnedBuffer make_buffer(const Device& device) {
    VkExternalMemoryBufferCreateInfo external{VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO};
    external.handleTypes = kType;
    VkBufferCreateInfo create{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, &external};
    create.size = kHostSize;
    create.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    VkBuffer buffer = VK_NULL_HANDLE;
    EXPECT_EQ(vkCreateBuffer(device.get(), &create, nullptr, &buffer), VK_SUCCESS);
    return OwnedBuffer(device.get(), buffer);
}

VkResult import(const Device& device, VkBuffer buffer, void* pages, OwnedMemory& memory) {
    VkMemoryRequirements needs{};
    vkGetBufferMemoryRequirements(device.get(), buffer, &needs);
    VkImportMemoryHostPointerInfoEXT from{VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT};
    from.handleType = kType;
    from.pHostPointer = pages;
    VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &from};
    allocate.allocationSize = kHostSize;
    allocate.memoryTypeIndex =
        device.memory_type(needs.memoryTypeBits & properties_of(device, pages).memoryTypeBits, 0);
    VkDeviceMemory imported = VK_NULL_HANDLE;
    const VkResult result = vkAllocateMemory(device.get(), &allocate, nullptr, &imported);
    if (result == VK_SUCCESS) memory = OwnedMemory(device.get(), imported);
    return result;
}

// Where the pages cannot be had, programs read so from the one error that the extension names for
// it, and copy.
TEST(HostPointer, IsWrittenByTheGpuOrRefused) {
    const Device& device = shared_device();
    if (!device.has_extension(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME))
        GTEST_SKIP() << "not offered";
    const Mapping pages = own_pages();
    const OwnedBuffer buffer = make_buffer(device);
    OwnedMemory memory;
    const VkResult imported = import(device, buffer.get(), pages.data(), memory);
    // With xe, anv takes any pages, and has another error when it cannot bind them.
    if (imported == VK_ERROR_INVALID_EXTERNAL_HANDLE ||
        (is_intel(device) && imported == VK_ERROR_OUT_OF_HOST_MEMORY))
        GTEST_SKIP() << "refused";
    ASSERT_EQ(imported, VK_SUCCESS);
    ASSERT_EQ(vkBindBufferMemory(device.get(), buffer.get(), memory.get(), 0), VK_SUCCESS);
    constexpr uint32_t kWord = 0xfeedbeef;
    Commands(device, copying_queue(device), [&](VkCommandBuffer commands) {
        vkCmdFillBuffer(commands, buffer.get(), 0, kHostSize, kWord);
    }).run();
    const std::vector<uint32_t> expected(kHostSize / sizeof(uint32_t), kWord);
    EXPECT_TRUE(same_bytes(std::as_bytes(std::span(expected)), pages.bytes()));
}

}  // namespace
}  // namespace viaduct::vulkan
