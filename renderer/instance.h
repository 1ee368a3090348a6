// The one Renderer of the process, which the C functions speak to.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "renderer/renderer.h"

namespace viaduct {

// Every call of the library asks both.
namespace instance_detail {
inline constinit std::atomic<Renderer*> in_use{nullptr};
/// Points to a number that is not 0 in the process that uses the instance. In a child the kernel
/// clears its page. Null on kernels that do not.
inline constinit std::atomic<const std::atomic<uint32_t>*> mark{nullptr};
Renderer& use();
bool belongs_to_parent();
}  // namespace instance_detail

/// Made at first need, with the default back ends, and never destroyed: threads of a VMM that
/// exits without cleanup may still be about.
inline Renderer& instance() {
    Renderer* const in_use = instance_detail::in_use.load(std::memory_order_acquire);
    return in_use ? *in_use : instance_detail::use();
}

/// True in a child that was forked while its parent used the library. The child has none of its
/// threads, but shares its descriptors: it must leave the instance alone.
inline bool belongs_to_parent() {
    const auto* const mark = instance_detail::mark.load(std::memory_order_acquire);
    if (mark && mark->load(std::memory_order_relaxed) != 0) return false;
    return instance_detail::belongs_to_parent();
}
/// The instance was cleaned up. It belongs to the next process that uses it, which may be a child.
void give_instance_up();

/// Puts another Renderer in its place (tests, with stand-in back ends). Not while calls run.
void replace_instance(std::unique_ptr<Renderer> renderer);

}  // namespace viaduct
