// How a piece of simulated GPU work ended.
#pragma once

#include <cstdint>
#include <string>

#include "simgpu/engine/gpu_memory.h"

namespace simgpu {

struct JobOutcome {
    enum class Kind {
        kDone,
        kFault,      // VM fault at `fault_va`; the job ends, its context is guilty
        kBadShader,  // the interpreter met an instruction it does not know
        kHang,       // a wait that nothing can satisfy; the watchdog resets the ring
        kStopped,    // asked to stop (reset, file closed)
    };
    Kind kind = Kind::kDone;
    uint64_t fault_va = 0;
    Access fault_access = Access::kRead;
    std::string report;  // one sentence for the log

    bool done() const { return kind == Kind::kDone; }
};

}  // namespace simgpu
