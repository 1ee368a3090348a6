// The one Renderer of the process, which the C functions speak to.
#pragma once

#include <memory>

#include "renderer/renderer.h"

namespace viaduct {

/// Made at first need, with the default back ends, and never destroyed: threads of a VMM that
/// exits without cleanup may still be about.
Renderer& instance();

/// Puts another Renderer in its place (tests, with stand-in back ends). Not while calls run.
void replace_instance(std::unique_ptr<Renderer> renderer);

}  // namespace viaduct
