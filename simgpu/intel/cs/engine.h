// Makes the engines of an Intel GPU.
#pragma once

#include <memory>

#include "simgpu/engine/engine.h"
#include "simgpu/intel/chip_info.h"

namespace simgpu::intel {

/// A command streamer of the class, with the state of one hardware context (Linux: a logical ring
/// context; one for each engine of a GEM context, or for each exec queue). `chip` is a row of
/// chip_infos().
///
/// execute() runs the batch at `IndirectBuffer::va` as the ring's MI_BATCH_BUFFER_START would:
/// until its MI_BATCH_BUFFER_END. `size_bytes` and `flags` are not looked at, as the hardware has
/// no such bound: a batch without an end runs into a VM fault. Commands, instructions and messages
/// that are not implemented end the job with a report. Execution is synchronous: when execute()
/// returns, all writes have been made.
///
/// Video engines have the commands that all engines share (MI_*); any other ends their job.
std::unique_ptr<Engine> create_engine(const ChipInfo& chip, EngineClass engine_class);

}  // namespace simgpu::intel
