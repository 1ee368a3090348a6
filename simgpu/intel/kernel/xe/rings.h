// The rings of a chip as xe feeds them.
#pragma once

#include <string_view>
#include <vector>

#include "simgpu/intel/chip_info.h"
#include "simgpu/sched/rings.h"

namespace simgpu::intel::xe {

/// As fdinfo names it: "rcs" (Linux: xe_hw_engine_class_to_str()).
std::string_view class_name(EngineClass engine_class);
std::vector<sched::RingDescription> describe_rings(const ChipInfo& chip);
/// Kinds of the chip's rings, for the table of chips: static.
std::vector<std::string_view> ring_kinds(const ChipInfo& chip);
/// How long jobs may execute: Linux's 5 s, and as much less as $VIADUCT_SIMGPU_HANG_MS says.
uint64_t job_timeout_ns();

}  // namespace simgpu::intel::xe
