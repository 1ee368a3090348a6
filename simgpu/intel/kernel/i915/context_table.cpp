#include "simgpu/intel/kernel/i915/context_table.h"

#include <cerrno>

namespace simgpu::intel::i915 {

namespace {

constexpr size_t kMost = 65536;  // bounded; the kernel's bound is its memory

}  // namespace

ContextTable::ContextTable(const ChipInfo& chip, std::shared_ptr<ClientRecord> client)
    : chip_(chip), client_(std::move(client)) {
    contexts_.emplace(0, make(0, {}));
}

GemContextPtr ContextTable::make(uint32_t id, ContextSettings settings) const {
    if (!settings.vm) settings.vm = std::make_shared<Vm>();
    auto slots = settings.engines ? *settings.engines : legacy_slots(chip_);
    return std::make_shared<GemContext>(id, settings, std::move(slots), client_);
}

tl::expected<uint32_t, int> ContextTable::add(const ContextSettings& settings) {
    const viaduct::LockGuard lock(mutex_);
    if (contexts_.size() >= kMost) return tl::unexpected(-ENOSPC);
    uint32_t id = 0;
    for (auto at = contexts_.begin(); at != contexts_.end() && at->first == id; ++at) ++id;
    contexts_.emplace(id, settings);
    return id;
}

GemContextPtr ContextTable::find(uint32_t id) {
    const viaduct::LockGuard lock(mutex_);
    const auto found = contexts_.find(id);
    if (found == contexts_.end()) return nullptr;
    if (const auto* settings = std::get_if<ContextSettings>(&found->second))
        found->second = make(id, *settings);
    return std::get<GemContextPtr>(found->second);
}

bool ContextTable::remove(uint32_t id) {
    const viaduct::LockGuard lock(mutex_);
    return id != 0 && contexts_.erase(id) != 0;
}

}  // namespace simgpu::intel::i915
