// ContextTable: the contexts of one open file, and those that are not made yet.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "simgpu/intel/kernel/i915/context.h"

namespace simgpu::intel::i915 {

/// A context that CONTEXT_CREATE has made is a list of settings until it is first used; only then
/// its address space and engines are fixed (Linux: i915_gem_context_lookup()). Context 0 always
/// exists. Thread-safe.
class ContextTable {
  public:
    ContextTable(const ChipInfo& chip, std::shared_ptr<ClientRecord> client);

    /// The lowest free number. -ENOSPC.
    tl::expected<uint32_t, int> add(const ContextSettings& settings);
    /// Makes the context if it is not made yet. Null: there is none.
    GemContextPtr find(uint32_t id);
    /// Drops it; false if there is none. Jobs keep what they use.
    bool remove(uint32_t id);
    /// Calls `change(settings, made)` and keeps what it leaves in the settings, if it returns 0.
    /// `made`: the context exists already. -ENOENT.
    template <typename Change>
    int update(uint32_t id, Change change) {
        const viaduct::LockGuard lock(mutex_);
        const auto found = contexts_.find(id);
        if (found == contexts_.end()) return -ENOENT;
        const auto made = std::get_if<GemContextPtr>(&found->second);
        ContextSettings settings =
            made ? (*made)->settings() : std::get<ContextSettings>(found->second);
        if (const int error = change(settings, made != nullptr)) return error;
        if (made)
            (*made)->change(settings);
        else
            found->second = settings;
        return 0;
    }

  private:
    using Entry = std::variant<ContextSettings, GemContextPtr>;

    GemContextPtr make(uint32_t id, ContextSettings settings) const;

    const ChipInfo& chip_;
    const std::shared_ptr<ClientRecord> client_;
    viaduct::Mutex mutex_;
    std::map<uint32_t, Entry> contexts_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace simgpu::intel::i915
