#include "simgpu/intel/kernel/i915/context.h"

#include <algorithm>
#include <cerrno>

#include "simgpu/clock.h"

namespace simgpu::intel::i915 {

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kContextFastHang = 120 * kSecond;  // CONTEXT_FAST_HANG_JIFFIES
// i915_file_private.h: I915_CLIENT_FAST_HANG_JIFFIES and I915_CLIENT_SCORE_*.
constexpr uint64_t kClientFastHang = 60 * kSecond;
constexpr uint32_t kScoreFastHang = 1;
constexpr uint32_t kScoreContextBan = 3;
constexpr uint32_t kScoreBanned = 9;

}  // namespace

/// client_mark_guilty()
void ClientRecord::note_hang(bool banned, uint64_t now_ns) {
    uint32_t score = banned ? kScoreContextBan : 0;
    const uint64_t before_ns = last_hang_ns_.exchange(now_ns);
    if (before_ns != 0 && now_ns - before_ns < kClientFastHang) score += kScoreFastHang;
    score_ += score;
}

bool ClientRecord::banned() const {
    return score_ >= kScoreBanned;
}

GemContext::GemContext(uint32_t id, const ContextSettings& settings, std::vector<EngineSlot> slots,
                       std::shared_ptr<ClientRecord> client)
    : sched::Context(id, settings.priority, slots.size()),
      vm_(settings.vm),
      has_user_engines_(settings.engines.has_value()),
      slots_(std::move(slots)),
      client_(std::move(client)),
      settings_(settings),
      banned_(slots_.size()) {}

EngineSlot GemContext::slot(uint32_t index) const {
    return index < slots_.size() ? slots_[index] : std::nullopt;
}

ContextSettings GemContext::settings() const {
    const viaduct::LockGuard lock(mutex_);
    return settings_;
}

void GemContext::change(const ContextSettings& settings) {
    set_priority(settings.priority);
    const viaduct::LockGuard lock(mutex_);
    settings_ = settings;
}

size_t GemContext::index_of(const sched::Entity& entity) const {
    return static_cast<size_t>(&entity - &const_cast<GemContext*>(this)->entity(0));
}

/// __i915_request_submit() skips the jobs of a banned context.
int GemContext::refusal(const sched::Entity& entity) const {
    return banned_[index_of(entity)] ? -EIO : 0;
}

/// mark_guilty() of intel_reset.c
void GemContext::job_failed(const sched::Entity& entity, bool) {
    const uint64_t now_ns = monotonic_ns();
    ++guilty_count_;
    const viaduct::LockGuard lock(mutex_);
    // "Cool contexts are too cool to be banned! (Used for reset testing.)"
    if (!settings_.bannable) return;
    // A second hang in rapid succession is a ban, and the first one of a context that cannot
    // recover.
    const uint64_t before_ns = hangs_ns_[0];
    hangs_ns_ = {hangs_ns_[1], now_ns};
    const bool fast = before_ns != 0 && now_ns - before_ns < kContextFastHang;
    const bool ban = !settings_.recoverable || fast;
    if (ban) banned_[index_of(entity)] = true;
    client_->note_hang(ban, now_ns);
}

/// mark_innocent()
void GemContext::job_lost(const sched::Entity&) {
    ++active_count_;
}

std::vector<EngineSlot> legacy_slots(const ChipInfo& chip) {
    const auto first = [&](EngineClass engine_class) {
        return find_engine(chip, static_cast<uint16_t>(engine_class), 0);
    };
    // user_ring_map of i915_gem_execbuffer.c, by I915_EXEC_*.
    return {first(EngineClass::kRender),
            first(EngineClass::kRender),
            first(EngineClass::kVideo),
            first(EngineClass::kCopy),
            first(EngineClass::kVideoEnhance),
            find_engine(chip, static_cast<uint16_t>(EngineClass::kVideo), 1)};
}

std::optional<uint32_t> find_engine(const ChipInfo& chip, uint16_t engine_class,
                                    uint16_t instance) {
    for (uint32_t ring = 0; ring < chip.engines.size(); ++ring)
        if (static_cast<uint16_t>(chip.engines[ring]) == engine_class && instance-- == 0)
            return ring;
    return std::nullopt;
}

uint16_t instance_of(const ChipInfo& chip, uint32_t ring) {
    const auto before = chip.engines.first(ring);
    return static_cast<uint16_t>(std::ranges::count(before, chip.engines[ring]));
}

}  // namespace simgpu::intel::i915
