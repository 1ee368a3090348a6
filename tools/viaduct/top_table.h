// The table of `viaduct top`.
#pragma once

#include <string>

#include "tools/viaduct/figures.h"

namespace viaduct::tool {

enum class SortKey { kGpu, kMemory, kCommands, kName };

/// The changes between two samples, `seconds` apart. Rows beyond `most_rows` are left out (0: none
/// is). Control characters never come out of it.
std::string top_table(const Figures& before, const Figures& now, double seconds, SortKey sort,
                      size_t most_rows);

}  // namespace viaduct::tool
