#include "drm-context/i915/engines.h"

#include <array>

#include "drm-context/i915/uapi.h"

namespace viaduct::i915 {

namespace {

constexpr uint16_t kCompute = 4;  // I915_ENGINE_CLASS_COMPUTE, Linux 6.0

constexpr uint32_t key_of(uint16_t engine_class, uint16_t instance) {
    return uint32_t{engine_class} << 16 | instance;
}

}  // namespace

QueueClass class_of(uint16_t engine_class) {
    switch (engine_class) {
        case I915_ENGINE_CLASS_RENDER:
            return QueueClass::kGraphics;
        case I915_ENGINE_CLASS_COPY:
            return QueueClass::kCopy;
        case kCompute:
            return QueueClass::kCompute;
        default:
            return QueueClass::kVideo;
    }
}

bool Engines::add(uint16_t engine_class, uint16_t instance) {
    const QueueClass which = class_of(engine_class);
    if (counted_[which]++ >= limits_.queues_of(which)) return false;
    offered_.insert(key_of(engine_class, instance));
    return true;
}

bool Engines::offers(uint16_t engine_class, uint16_t instance) const {
    return offered_.contains(key_of(engine_class, instance));
}

std::span<const LegacyEngine> legacy_engines() {
    // Linux: user_ring_map of i915_gem_execbuffer.c, by I915_EXEC_*. Which of two video engines BSD
    // means is chosen per file; both are of one class.
    static constexpr std::array kEngines = {
        LegacyEngine{I915_ENGINE_CLASS_RENDER, 0}, LegacyEngine{I915_ENGINE_CLASS_RENDER, 0},
        LegacyEngine{I915_ENGINE_CLASS_VIDEO, 0}, LegacyEngine{I915_ENGINE_CLASS_COPY, 0},
        LegacyEngine{I915_ENGINE_CLASS_VIDEO_ENHANCE, 0}};
    return kEngines;
}

}  // namespace viaduct::i915
