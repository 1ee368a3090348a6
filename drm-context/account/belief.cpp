#include "drm-context/account/belief.h"

#include <algorithm>
#include <bit>

namespace viaduct {

namespace {

// No GPU and its host have as much together; and sums over all slots do not wrap.
constexpr uint64_t kMostMemory = uint64_t{1} << 46;  // bytes

template <typename Visit>
void for_each_taken(const account::Books& books, Visit visit) {
    for (uint32_t word = 0; word < books.roster.taken.size(); ++word)
        for (uint64_t left = books.roster.taken[word].load(); left != 0; left &= left - 1) {
            const uint32_t slot = word * 64 + static_cast<uint32_t>(std::countr_zero(left));
            visit(slot, books.slots[slot]);
        }
}

}  // namespace

uint64_t most_memory(const ContextLimits& limits) {
    uint64_t most = kMostMemory;
    for (const uint64_t limit : {limits.vm_memory, limits.context_memory})
        if (limit != 0) most = std::min(most, limit);
    return most;
}

// Each figure by itself: the two are not read in one moment, and their sum may never have been.
bool is_possible(const account::Charge& charge, uint64_t most) {
    return charge.local.load() <= most && charge.system.load() <= most;
}

MemoryUse believed(const account::Charge& charge, uint64_t most) {
    MemoryUse use{charge.local.load(), charge.system.load()};
    if (use.local > most || use.system > most) return {};
    use.system = std::min(use.system, most - use.local);
    return use;
}

MemoryUse memory_of_vm(const account::Books& books, const ContextLimits& limits, uint32_t but_for) {
    MemoryUse sum{0, books.roster.host_bytes.load()};
    for_each_taken(books, [&](uint32_t slot, const account::Slot& of) {
        if (slot == but_for) return;
        const MemoryUse use = believed(of.charge, most_memory(limits));
        sum.local += use.local;
        sum.system += use.system;
    });
    return sum;
}

uint64_t believed_busy(uint64_t busy_ns, int64_t lifetime_ns) {
    const auto lifetime = static_cast<uint64_t>(std::max<int64_t>(lifetime_ns, 0));
    return std::min(busy_ns, lifetime * account::kMaxRings);
}

int64_t newest_finish(const account::Books& books, RingIndex ring, int64_t finished_ns) {
    int64_t newest = 0;
    for_each_taken(books, [&](uint32_t, const account::Slot& of) {
        const int64_t end = of.finished_ns[ring.value()].load(std::memory_order_relaxed);
        if (end < finished_ns) newest = std::max(newest, end);
    });
    return newest;
}

uint32_t count_contexts(const account::Books& books) {
    int count = 0;
    for (const auto& word : books.roster.taken) count += std::popcount(word.load());
    return static_cast<uint32_t>(count);
}

}  // namespace viaduct
