// $VIADUCT_SIMGPU: which simulated devices a process is to see.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "simgpu/simgpu.h"

namespace simgpu::node {

/// Names of chips, "vega10,renoir"; empty: the first one of the table. The second device of a model
/// is instance
/// "<instance>.2", as two of one model and instance would be one device.
/// Error: one sentence that says what is wrong and what is right.
tl::expected<std::vector<OpenOptions>, std::string> parse_model_list(std::string_view list,
                                                                     std::string_view instance);

}  // namespace simgpu::node
