#include "simgpu/intel/kernel/i915/busy.h"

#include <cerrno>
#include <map>

#include "base/mutex.h"
#include "simgpu/intel/kernel/i915/drm_file.h"

namespace simgpu::intel::i915 {

namespace {

struct Engines {
    viaduct::Mutex mutex;
    std::map<const drm::Fence*, EngineClass> by_fence VIADUCT_GUARDED_BY(mutex);
};

Engines& engines() {
    static auto* const the_engines = new Engines;  // fences signal after static objects are gone
    return *the_engines;
}

/// __busy_read_flag(), __busy_write_id()
uint32_t read_flag(EngineClass engine_class) {
    constexpr uint32_t kFirstReader = 0x10000;
    return kFirstReader << static_cast<unsigned>(engine_class);
}
uint32_t write_id(EngineClass engine_class) {
    return (static_cast<uint32_t>(engine_class) + 1) | read_flag(engine_class);
}

}  // namespace

void note_engine(const drm::FencePtr& fence, EngineClass engine_class) {
    const auto* key = fence.get();
    {
        const viaduct::LockGuard lock(engines().mutex);
        engines().by_fence[key] = engine_class;
    }
    fence->on_signal([key](int) {
        const viaduct::LockGuard lock(engines().mutex);
        engines().by_fence.erase(key);
    });
}

std::optional<EngineClass> engine_of(const drm::FencePtr& fence) {
    const viaduct::LockGuard lock(engines().mutex);
    const auto found = engines().by_fence.find(fence.get());
    if (found == engines().by_fence.end()) return std::nullopt;
    return found->second;
}

int gem::busy(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_busy*>(argument);
    const BufferPtr buffer = file.buffers().find(args.handle);
    if (!buffer) return -ENOENT;
    args.busy = 0;
    // Fences that are not i915's are not looked at.
    for (const drm::FencePtr& fence : buffer->reservation().pending())
        if (const auto engine = engine_of(fence)) args.busy |= read_flag(*engine);
    for (const drm::FencePtr& fence : buffer->reservation().pending_writes())
        if (const auto engine = engine_of(fence)) args.busy |= write_id(*engine);
    return 0;
}

}  // namespace simgpu::intel::i915
