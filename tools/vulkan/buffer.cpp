#include "tools/vulkan/buffer.h"

namespace viaduct::vulkan {
namespace {

OwnedBuffer make_buffer(const Device& device, const BufferOptions& options) {
    VkExternalMemoryBufferCreateInfo external{VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO};
    external.handleTypes = static_cast<VkExternalMemoryHandleTypeFlags>(options.share_as);
    VkBufferCreateInfo create{VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO};
    if (options.share_as != 0) create.pNext = &external;
    create.size = options.size;
    create.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT |
                   VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_INDIRECT_BUFFER_BIT |
                   options.usage;
    if (device.features().buffer_device_address)
        create.usage |= VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;
    VkBuffer buffer = VK_NULL_HANDLE;
    check(vkCreateBuffer(device.get(), &create, nullptr, &buffer), "vkCreateBuffer");
    return {device.get(), buffer};
}

OwnedMemory make_memory(const Device& device, VkBuffer buffer, BufferOptions& options) {
    VkMemoryRequirements needs;
    vkGetBufferMemoryRequirements(device.get(), buffer, &needs);

    VkMemoryAllocateFlagsInfo flags{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO};
    if (device.features().buffer_device_address)
        flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
    VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, &flags, needs.size, 0};
    VkExportMemoryAllocateInfo exported{VK_STRUCTURE_TYPE_EXPORT_MEMORY_ALLOCATE_INFO};
    exported.handleTypes = static_cast<VkExternalMemoryHandleTypeFlags>(options.share_as);
    VkImportMemoryFdInfoKHR imported{VK_STRUCTURE_TYPE_IMPORT_MEMORY_FD_INFO_KHR};
    imported.handleType = options.share_as;
    imported.fd = options.import_fd.get();
    if (options.import_fd.valid()) {
        flags.pNext = &imported;
    } else if (options.share_as != 0) {
        flags.pNext = &exported;
    }
    allocate.memoryTypeIndex =
        device.memory_type(needs.memoryTypeBits, options.where == Where::kHost
                                                     ? VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                                           VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
                                                     : VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    VkDeviceMemory memory = VK_NULL_HANDLE;
    check(vkAllocateMemory(device.get(), &allocate, nullptr, &memory), "vkAllocateMemory");
    // A successful import took the descriptor over.
    if (options.import_fd.valid()) static_cast<void>(options.import_fd.release());
    return {device.get(), memory};
}

}  // namespace

Buffer::Buffer(const Device& device, BufferOptions options)
    : device_(device),
      size_(options.size),
      share_as_(options.share_as),
      buffer_(make_buffer(device, options)),
      memory_(make_memory(device, buffer_.get(), options)) {
    check(vkBindBufferMemory(device.get(), buffer_.get(), memory_.get(), 0), "vkBindBufferMemory");
    if (options.where == Where::kDevice) return;
    void* address = nullptr;
    check(vkMapMemory(device.get(), memory_.get(), 0, VK_WHOLE_SIZE, 0, &address), "vkMapMemory");
    bytes_ = {static_cast<std::byte*>(address), static_cast<size_t>(size_)};
}

VkDeviceAddress Buffer::address() const {
    VkBufferDeviceAddressInfo info{VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO};
    info.buffer = buffer_.get();
    return vkGetBufferDeviceAddress(device_.get(), &info);
}

UniqueFd Buffer::export_fd() const {
    const auto get_memory_fd = reinterpret_cast<PFN_vkGetMemoryFdKHR>(
        vkGetDeviceProcAddr(device_.get(), "vkGetMemoryFdKHR"));
    if (get_memory_fd == nullptr)
        throw Error(VK_ERROR_EXTENSION_NOT_PRESENT, "looking for vkGetMemoryFdKHR");
    VkMemoryGetFdInfoKHR info{VK_STRUCTURE_TYPE_MEMORY_GET_FD_INFO_KHR};
    info.memory = memory_.get();
    info.handleType = share_as_;
    int fd = -1;
    check(get_memory_fd(device_.get(), &info, &fd), "vkGetMemoryFdKHR");
    return UniqueFd(fd);
}

}  // namespace viaduct::vulkan
