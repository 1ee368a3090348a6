// GemContext: a GEM context, its engine map and its record of hangs (Linux: i915_gem_context.c).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/kernel/i915/vm.h"
#include "simgpu/sched/context.h"

namespace simgpu::intel::i915 {

/// An index of a context's engine map: the ring behind it; nothing: a hole.
using EngineSlot = std::optional<uint32_t>;

/// A context's settings by CONTEXT_CREATE and SETPARAM (Linux: struct i915_gem_proto_context).
struct ContextSettings {
    VmPtr vm;
    /// CONTEXT_PARAM_ENGINES; without it there is the legacy map.
    std::optional<std::vector<EngineSlot>> engines;
    int32_t priority = I915_CONTEXT_DEFAULT_PRIORITY;
    bool no_error_capture = false;
    bool bannable = true;
    bool recoverable = true;
    bool persistent = true;
    bool single_timeline = false;
};

/// How often the contexts of one open file have hung (Linux: i915_drm_client ban_score).
class ClientRecord {
  public:
    void note_hang(bool banned, uint64_t now_ns);
    /// The file cannot make contexts any more.
    bool banned() const;

  private:
    std::atomic<uint32_t> score_ = 0;
    std::atomic<uint64_t> last_hang_ns_ = 0;
};

/// Thread-safe.
class GemContext final : public sched::Context {
  public:
    GemContext(uint32_t id, const ContextSettings& settings, std::vector<EngineSlot> slots,
               std::shared_ptr<ClientRecord> client);

    const VmPtr& vm() const { return vm_; }
    bool has_user_engines() const { return has_user_engines_; }
    /// Nothing for a hole and beyond the map.
    EngineSlot slot(uint32_t index) const;
    size_t slots() const { return slots_.size(); }
    bool banned(uint32_t slot) const { return banned_[slot]; }

    /// The settings that SETPARAM can still change.
    ContextSettings settings() const;
    void change(const ContextSettings& settings);

    uint32_t batches_active() const { return guilty_count_; }
    uint32_t batches_pending() const { return active_count_; }

    /// CONTEXT_CREATE_FLAGS_SINGLE_TIMELINE: the fence of the last job, which the next one waits
    /// for; with submission_mutex() held.
    drm::FencePtr last_fence;

    // sched::Context
    int refusal(const sched::Entity& entity) const override;
    void job_failed(const sched::Entity& entity, bool full) override;
    void job_lost(const sched::Entity& entity) override;

  private:
    size_t index_of(const sched::Entity& entity) const;

    const VmPtr vm_;
    const bool has_user_engines_;
    const std::vector<EngineSlot> slots_;
    const std::shared_ptr<ClientRecord> client_;
    mutable viaduct::Mutex mutex_;
    ContextSettings settings_ VIADUCT_GUARDED_BY(mutex_);
    std::array<uint64_t, 2> hangs_ns_ VIADUCT_GUARDED_BY(mutex_){};
    std::vector<std::atomic<bool>> banned_;  // by slot
    std::atomic<uint32_t> guilty_count_ = 0;
    std::atomic<uint32_t> active_count_ = 0;
};
using GemContextPtr = std::shared_ptr<GemContext>;

/// The legacy map: I915_EXEC_DEFAULT, RENDER, BSD, BLT and VEBOX as indices; behind them
/// the second video engine, to which flags lead.
std::vector<EngineSlot> legacy_slots(const ChipInfo& chip);
inline constexpr uint32_t kSecondVideoSlot = I915_EXEC_VEBOX + 1;

/// Index among ChipInfo::engines of an engine; nothing if the chip lacks it.
std::optional<uint32_t> find_engine(const ChipInfo& chip, uint16_t engine_class, uint16_t instance);
/// The number of an engine among those of its class.
uint16_t instance_of(const ChipInfo& chip, uint32_t ring);

}  // namespace simgpu::intel::i915
