// The one Renderer of the process, which the C functions speak to.
#pragma once

#include <memory>

#include "renderer/renderer.h"

namespace viaduct {

/// Made at first need, with the default back ends, and never destroyed: threads of a VMM that
/// exits without cleanup may still be about.
Renderer& instance();

/// True in a child that was forked while its parent used the library. The child has none of its
/// threads, but shares its descriptors: it must leave the instance alone.
bool belongs_to_parent();
/// The instance was cleaned up. It belongs to the next process that uses it, which may be a child.
void give_instance_up();

/// Puts another Renderer in its place (tests, with stand-in back ends). Not while calls run.
void replace_instance(std::unique_ptr<Renderer> renderer);

}  // namespace viaduct
