#include "simgpu/amd/sdma/create.h"

#include "simgpu/amd/sdma/sdma_engine.h"

namespace simgpu {

std::unique_ptr<Engine> create_sdma_engine() {
    return std::make_unique<sdma::SdmaEngine>();
}

}  // namespace simgpu
