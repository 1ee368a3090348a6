// How a piece of simulated GPU work ended.
#pragma once

#include <cstdint>
#include <string>

#include "simgpu/engine/gpu_memory.h"

namespace simgpu {

struct JobOutcome {
    enum class Kind {
        kDone,
        kFault,      // VM fault at `fault_va`
        kBadShader,  // the interpreter met an instruction it does not know
        kHang,       // a wait that nothing can satisfy, until the time-out
        kReset,      // the device is reset while it runs
        kStopped,    // asked to stop, for a recovery from another job
    };
    Kind kind = Kind::kDone;
    uint64_t fault_va = 0;
    Access fault_access = Access::kRead;
    std::string report;  // one sentence for the log
    /// It happened in shader waves, which can be killed; else the packet processor is stuck.
    bool in_shader = false;

    bool done() const { return kind == Kind::kDone; }
};

}  // namespace simgpu
