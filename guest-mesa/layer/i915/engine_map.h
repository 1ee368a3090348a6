// The engine map of a GEM context, as the wire has it.
#pragma once

#include <i915_drm.h>

#include <cstddef>
#include <vector>

namespace viaduct::guest::i915 {

/// Appends the map of CONTEXT_PARAM_ENGINES, whose structures are the program's, to `map`, without
/// extensions: the wire has none. An engine that is balanced over several is the first of them,
/// which for one is the same (Linux: set_proto_ctx_engines_balance()). 0 or a negative errno: for
/// bonded and parallel engines -ENODEV, as on hosts that cannot have them.
int pack_engine_map(const drm_i915_gem_context_param& param, std::vector<std::byte>& map);

}  // namespace viaduct::guest::i915
