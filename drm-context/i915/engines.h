// Engines: which of a GPU's engines a VM is offered.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>

#include "drm-context/account/limits.h"

namespace viaduct::i915 {

/// Which class of queues an engine belongs to (I915_ENGINE_CLASS_*).
QueueClass class_of(uint16_t engine_class);

/// The first engines of each class, as many as the limits have.
class Engines {
  public:
    Engines() = default;
    explicit Engines(const ContextLimits& limits) : limits_(limits) {}

    /// The kernel has this engine. True if the VM is offered it.
    bool add(uint16_t engine_class, uint16_t instance);
    bool offers(uint16_t engine_class, uint16_t instance) const;
    bool empty() const { return offered_.empty(); }

  private:
    ContextLimits limits_;
    std::set<uint32_t> offered_;  // by class << 16 | instance
    std::map<QueueClass, uint32_t> counted_;
};

/// An index of the map that contexts without one of their own have: I915_EXEC_RENDER, ...
struct LegacyEngine {
    uint16_t engine_class = 0;
    uint16_t instance = 0;
};
std::span<const LegacyEngine> legacy_engines();

}  // namespace viaduct::i915
