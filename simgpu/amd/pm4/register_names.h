// Names of the registers that drivers set.
#pragma once

#include <cstdint>
#include <string>

namespace simgpu::pm4 {

/// "CB_COLOR0_BASE" for its byte address; of a register without a row the address itself.
std::string register_name(uint32_t byte_address);

}  // namespace simgpu::pm4
