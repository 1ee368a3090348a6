// Makes SDMA packet processors.
#pragma once

#include <memory>

#include "simgpu/engine/engine.h"

namespace simgpu {

std::unique_ptr<Engine> create_sdma_engine();

}  // namespace simgpu
