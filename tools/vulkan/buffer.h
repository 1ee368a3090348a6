// A buffer with memory of its own, mapped where the CPU may read it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/unique_fd.h"
#include "tools/vulkan/device.h"

namespace viaduct::vulkan {

/// Host: the CPU reads and writes it, coherently. Device: the GPU's own memory, never mapped.
enum class Where { kHost, kDevice };

struct BufferOptions {
    VkDeviceSize size = 0;  // bytes
    Where where = Where::kHost;
    /// Handle type that the memory can be exported as, or is imported from; 0: not shared.
    VkExternalMemoryHandleTypeFlagBits share_as{};
    /// With a valid descriptor the memory is that of the descriptor, which is consumed.
    UniqueFd import_fd;
    /// Beside those that every buffer has.
    VkBufferUsageFlags usage = 0;
};

/// Usable as a transfer source and destination, and as storage. The device must outlive it.
class Buffer {
  public:
    Buffer(const Device& device, BufferOptions options);
    /// Host-visible memory of `size` bytes.
    Buffer(const Device& device, VkDeviceSize size)
        : Buffer(device, BufferOptions{.size = size, .import_fd = {}}) {}

    VkBuffer get() const { return buffer_.get(); }
    VkDeviceSize size() const { return size_; }
    /// The CPU's view. Empty unless Where::kHost.
    std::span<std::byte> bytes() const { return bytes_; }
    template <typename T>
    std::span<T> as() const {
        return {reinterpret_cast<T*>(bytes_.data()), bytes_.size() / sizeof(T)};
    }
    /// Where shaders find it (needs Features::buffer_device_address).
    VkDeviceAddress address() const;
    /// A new descriptor of the memory. Needs `share_as` in the options.
    UniqueFd export_fd() const;

  private:
    const Device& device_;
    VkDeviceSize size_;
    VkExternalMemoryHandleTypeFlagBits share_as_;
    OwnedBuffer buffer_;
    OwnedMemory memory_;
    std::span<std::byte> bytes_;
};

}  // namespace viaduct::vulkan
