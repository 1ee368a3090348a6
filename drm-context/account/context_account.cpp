#include "drm-context/account/context_account.h"

#include "blob/memfd.h"
#include "drm-context/account/token_bucket.h"

namespace viaduct {

MemoryCharge::~MemoryCharge() {
    if (account_) account_->give_back(place_, bytes_);
}

Result<std::unique_ptr<ContextAccount>> ContextAccount::attach(UniqueFd memory, uint32_t slot,
                                                               const ContextLimits& limits) {
    if (!memory) {
        auto own = create_sealed_memfd("viaduct-account", sizeof(account::Page));
        if (!own) return tl::unexpected(own.error());
        memory = *std::move(own);
        slot = 0;
    }
    if (slot >= account::kSlots) return fail(EINVAL, "there is no slot {} in an account", slot);
    auto mapping = Mapping::map_shared(memory.get(), 0, sizeof(account::Page));
    if (!mapping) return tl::unexpected(mapping.error());
    return std::unique_ptr<ContextAccount>(new ContextAccount(*std::move(mapping), slot, limits));
}

// Booked first and checked then: of two workers that ask at the same time for the last bytes,
// neither may get them, but never both.
Result<MemoryCharge> ContextAccount::charge(MemoryPlace place, uint64_t bytes) {
    // Sums of what is booked must not wrap; no GPU has as much.
    if (bytes > UINT64_MAX / account::kSlots / 4)
        return fail(EINVAL, "a buffer of {} bytes is larger than any GPU", bytes);
    (place == MemoryPlace::kLocal ? own().local : own().system) += bytes;
    ++own().buffers;
    MemoryCharge charge(*this, place, bytes);
    if (auto status = check_limits(); !status) {
        ++counters().refusals;
        return fail(status.error().code, "a buffer of {} bytes is refused: {}", bytes,
                    status.error().message);
    }
    return charge;
}

Status ContextAccount::charge_tables(uint64_t bytes) {
    own().local += bytes;
    if (auto status = check_limits(); !status) {
        give_back_tables(bytes);
        ++counters().refusals;
        return fail(status.error().code, "{} bytes of page tables are refused: {}", bytes,
                    status.error().message);
    }
    return {};
}

Status ContextAccount::check_limits() const {
    if (limits_.buffers != 0 && own().buffers > limits_.buffers)
        return fail(ENOMEM, "the context has the {} buffers it may have", limits_.buffers);
    const uint64_t context = memory_of(own()).total();
    if (limits_.context_memory != 0 && context > limits_.context_memory)
        return fail(ENOMEM, "the context's GPU memory would come to {} of {} bytes", context,
                    limits_.context_memory);
    if (limits_.vm_memory == 0) return {};
    const uint64_t vm = memory_of_vm(page()).total();
    if (vm > limits_.vm_memory)
        return fail(ENOMEM, "the VM's GPU memory would come to {} of {} bytes", vm,
                    limits_.vm_memory);
    return {};
}

void ContextAccount::give_back(MemoryPlace place, uint64_t bytes) {
    (place == MemoryPlace::kLocal ? own().local : own().system) -= bytes;
    --own().buffers;
}

void ContextAccount::book_busy(QueueClass which, uint64_t ns) {
    counters().busy_ns[static_cast<size_t>(which)].fetch_add(ns, std::memory_order_relaxed);
}

void ContextAccount::pay(QueueClass which, uint64_t ns) {
    take_tokens(page().buckets[static_cast<size_t>(which)], ns, limits_);
}

int64_t ContextAccount::exchange_finish(uint32_t ring, int64_t finished_ns) {
    if (ring < 1 || ring > account::kMaxRings) return 0;
    std::atomic<int64_t>& newest = page().finished_ns[ring - 1];
    int64_t before = newest.load(std::memory_order_relaxed);
    // Workers report in any order: the newest stays.
    while (before < finished_ns && !newest.compare_exchange_weak(before, finished_ns)) {
    }
    return before;
}

int64_t ContextAccount::hold_time(QueueClass which, int64_t now_ns) {
    return viaduct::hold_time(page().buckets[static_cast<size_t>(which)], now_ns, limits_);
}

uint64_t ContextAccount::memory_limit() const {
    const uint64_t vm = limits_.vm_memory, context = limits_.context_memory;
    if (vm == 0 || context == 0) return vm + context;
    return vm < context ? vm : context;
}

MemoryUse ContextAccount::memory_use() const {
    if (memory_limit() == 0) return memory_of_vm(page());
    const bool by_context = limits_.vm_memory == 0 || memory_limit() != limits_.vm_memory;
    return by_context ? memory_of(own()) : memory_of_vm(page());
}

}  // namespace viaduct
