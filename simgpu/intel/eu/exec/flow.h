// Instructions that decide which channels run what: branches, loops, barriers.
#pragma once

#include <span>

#include "simgpu/intel/eu/exec/thread.h"

namespace simgpu::intel::eu {

struct FlowOp {
    uint8_t opcode;
    const char* name;
    Handler handler;
};
std::span<const FlowOp> flow_ops();

/// Makes channels active again that wait for the instruction at `thread.ip`.
void wake_channels(Thread& thread);

}  // namespace simgpu::intel::eu
