#include "simgpu/chips.h"

#include <vector>

#include "simgpu/amd/kernel/chips.h"
#include "simgpu/intel/kernel/i915/chips.h"
#include "simgpu/intel/kernel/xe/chips.h"

namespace simgpu {

namespace {

std::vector<Chip> join(std::initializer_list<std::span<const Chip>> families) {
    std::vector<Chip> all;
    for (const std::span<const Chip> family : families)
        all.insert(all.end(), family.begin(), family.end());
    return all;
}

}  // namespace

std::span<const Chip> chips() {
    static const auto* const table = new std::vector(join({
        amdgpu::chips(),
        intel::i915::chips(),
        intel::xe::chips(),
    }));  // ring threads may outlive static objects
    return *table;
}

}  // namespace simgpu
