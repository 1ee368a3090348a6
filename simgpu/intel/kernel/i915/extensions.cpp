#include "simgpu/intel/kernel/i915/extensions.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "simgpu/intel/kernel/i915/uapi.h"
#include "simgpu/intel/kernel/i915/user_memory.h"

namespace simgpu::intel::i915 {

int walk_extensions(unsigned long long first, std::span<const ExtensionHandler> handlers) {
    unsigned stack_depth = 512;
    for (uint64_t at = first; at != 0;) {
        if (--stack_depth == 0) return -E2BIG;
        i915_user_extension extension{};
        if (const int error = get_user(&extension, at)) return error;
        if (extension.flags != 0) return -EINVAL;
        if (std::ranges::any_of(extension.rsvd, [](uint32_t word) { return word != 0; }))
            return -EINVAL;
        if (extension.name >= handlers.size() || !handlers[extension.name]) return -EINVAL;
        if (const int error = handlers[extension.name](at)) return error;
        at = extension.next_extension;
    }
    return 0;
}

}  // namespace simgpu::intel::i915
