#include "simgpu/amd/pm4/create.h"

#include "simgpu/amd/pm4/pm4_engine.h"

namespace simgpu {

std::unique_ptr<Engine> create_pm4_engine(const Pm4Options& options) {
    return std::make_unique<pm4::Pm4Engine>(options, gfx9::run_dispatch, gfx9::draw::run_draw);
}

}  // namespace simgpu
