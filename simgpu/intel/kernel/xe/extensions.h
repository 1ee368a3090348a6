// Chains of extensions that set properties (Linux: xe_user_ext.h, xe_exec_queue.c, xe_bo.c).
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "uapi/xe.h"

namespace simgpu::intel::xe {

/// Calls `set(property, value)`, which returns 0 or a negative errno, for each extension from
/// `pointer` on. 0, or the first error.
template <typename Set>
int walk_extensions(uint64_t pointer, Set set) {
    constexpr int kMost = 16;  // MAX_USER_EXTENSIONS
    for (int count = 0; pointer != 0; ++count) {
        if (count == kMost) return -E2BIG;
        uapi::xe::ExtensionSetProperty extension{};
        std::memcpy(&extension, reinterpret_cast<const void*>(pointer), sizeof(extension));
        if (extension.base.pad != 0 || extension.base.name != uapi::xe::kExtensionSetProperty)
            return -EINVAL;
        if (extension.pad != 0) return -EINVAL;
        if (const int error = set(extension.property, extension.value)) return error;
        pointer = extension.base.next_extension;
    }
    return 0;
}

}  // namespace simgpu::intel::xe
