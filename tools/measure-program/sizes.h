// The sizes of the buffers that are measured with.
#pragma once

#include <vulkan/vulkan.h>

namespace viaduct::measure {

inline constexpr VkDeviceSize kSmall = 4096;
inline constexpr VkDeviceSize kLarge = 1 << 20;

}  // namespace viaduct::measure
