// CONTEXT_PARAM_*: what they change (Linux: set_proto_ctx_param(), ctx_setparam()).
#pragma once

#include "simgpu/intel/kernel/i915/drm_file.h"

namespace simgpu::intel::i915 {

/// Applies one parameter. `made`: the context exists already, so that its address space and
/// engines cannot change any more. 0 or a negative errno.
int apply_param(DrmFile& file, const drm_i915_gem_context_param& param, ContextSettings& settings,
                bool made);

/// CONTEXT_PARAM_ENGINES, whose user structure is at param.value.
int parse_engines(const ChipInfo& chip, const drm_i915_gem_context_param& param,
                  std::vector<EngineSlot>* slots);

}  // namespace simgpu::intel::i915
