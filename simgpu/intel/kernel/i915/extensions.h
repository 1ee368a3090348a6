// Chains of i915_user_extension (Linux: i915_user_extensions.c).
#pragma once

#include <functional>
#include <span>

namespace simgpu::intel::i915 {

/// On the whole extension at a user's address. 0 or a negative errno.
using ExtensionHandler = std::function<int(unsigned long long address)>;

/// Walks the chain at the user's address `first` (0: empty); an extension's name is an index into
/// `handlers`, and an empty handler refuses it. -EINVAL for unknown names, flags and reserved
/// fields; -E2BIG for more than 512.
int walk_extensions(unsigned long long first, std::span<const ExtensionHandler> handlers);

}  // namespace simgpu::intel::i915
