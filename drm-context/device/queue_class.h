// QueueClass: kinds of hardware queues.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace viaduct {

/// Kinds of hardware queues, whatever each kernel driver calls them: queues are offered, and GPU
/// time is shared out, per class.
enum class QueueClass : uint32_t { kGraphics, kCompute, kCopy, kVideo };
inline constexpr size_t kQueueClasses = 4;
inline constexpr std::array<std::string_view, kQueueClasses> kQueueClassNames = {"gfx", "compute",
                                                                                 "copy", "video"};

}  // namespace viaduct
