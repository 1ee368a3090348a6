#include "drm-context/account/context_account.h"

#include <algorithm>

#include "base/clock.h"
#include "blob/memfd.h"
#include "drm-context/account/token_bucket.h"

namespace viaduct {

void ChargedMemory::give_back() {
    account->give_back(place, bytes);
}

Result<std::unique_ptr<ContextAccount>> ContextAccount::attach(AccountMemory memory,
                                                               const ContextLimits& limits) {
    if (!memory.fd) {
        auto own = create_sealed_memfd("viaduct-account", sizeof(account::Books));
        if (!own) return tl::unexpected(own.error());
        memory = {own->duplicate(), *std::move(own), 0};
    }
    if (memory.slot >= account::kSlots)
        return fail(EINVAL, "slot {} is outside the account", memory.slot);
    auto slot =
        Mapping::map_shared(memory.fd.get(), account::slot_at(memory.slot), sizeof(account::Slot));
    auto shares = Mapping::map_shared(memory.fd.get(), account::kSharesAt, sizeof(account::Shares));
    auto books = Mapping::map_read_only(memory.view.get(), sizeof(account::Books));
    for (const auto* mapping : {&slot, &shares, &books})
        if (!*mapping) return tl::unexpected(mapping->error());
    return std::unique_ptr<ContextAccount>(new ContextAccount(
        {*std::move(slot), *std::move(shares), *std::move(books)}, memory.slot, limits));
}

// A part of the share begins in debt: a guest that makes contexts anew gains nothing by it.
ContextAccount::ContextAccount(Parts parts, uint32_t slot, const ContextLimits& limits)
    : parts_(std::move(parts)), index_(slot), limits_(limits) {
    for (account::TokenBucket& bucket : own_buckets_) {
        bucket.tokens = INT64_MIN;
        bucket.refilled_ns = monotonic_ns();
    }
}

Result<MemoryCharge> ContextAccount::charge(MemoryPlace place, uint64_t bytes) {
    // Sums must not wrap.
    if (bytes > UINT64_MAX / 4)
        return fail(EINVAL, "a buffer of {} bytes is larger than any GPU", bytes);
    Held held = held_;
    (place == MemoryPlace::kLocal ? held.memory.local : held.memory.system) += bytes;
    ++held.buffers;
    if (auto status = hold(held); !status)
        return fail(status.error().code, "refused a buffer of {} bytes: {}", bytes,
                    status.error().message);
    return MemoryCharge({this, place, bytes});
}

Status ContextAccount::charge_tables(uint64_t bytes) {
    Held held = held_;
    held.memory.local += bytes;
    if (auto status = hold(held); !status)
        return fail(status.error().code, "refused {} bytes of page tables: {}", bytes,
                    status.error().message);
    return {};
}

// Never more than the context may have by itself, not for a moment: others believe no such figure.
// With them it is booked first and checked then: of two workers that ask at the same time for the
// last bytes, neither may get them, but never both.
Status ContextAccount::hold(const Held& held) {
    const Held before = held_;
    auto status = check_alone(held);
    if (status) {
        publish(held);
        status = check_together();
        if (!status) publish(before);
    }
    if (!status) ++counters().refusals;
    return status;
}

void ContextAccount::publish(const Held& held) {
    held_ = held;
    account::Charge& charge = slot().charge;
    charge.local = held.memory.local;
    charge.system = held.memory.system;
    charge.buffers = held.buffers;
}

Status ContextAccount::check_alone(const Held& held) const {
    if (limits_.buffers != 0 && held.buffers > limits_.buffers)
        return fail(ENOMEM, "the context already has {} buffers, the maximum", limits_.buffers);
    const uint64_t context = held.memory.total();
    if (limits_.context_memory != 0 && context > limits_.context_memory)
        return fail(ENOMEM, "the context's GPU memory would reach {} bytes; the limit is {}",
                    context, limits_.context_memory);
    if (context > most_memory(limits_))
        return fail(ENOMEM, "the VM's GPU memory would reach {} bytes; the limit is {}", context,
                    most_memory(limits_));
    return {};
}

Status ContextAccount::check_together() const {
    const uint64_t vm = limits_.vm_memory == 0 ? 0 : use_of_vm().total();
    if (vm <= limits_.vm_memory) return {};
    return fail(ENOMEM, "the VM's GPU memory would reach {} bytes; the limit is {}", vm,
                limits_.vm_memory);
}

MemoryUse ContextAccount::use_of_vm() const {
    MemoryUse use = memory_of_vm(books(), limits_, index_);
    use.local += held_.memory.local;
    use.system += held_.memory.system;
    return use;
}

void ContextAccount::give_back_tables(uint64_t bytes) {
    Held held = held_;
    held.memory.local -= bytes;
    publish(held);
}

void ContextAccount::give_back(MemoryPlace place, uint64_t bytes) {
    Held held = held_;
    (place == MemoryPlace::kLocal ? held.memory.local : held.memory.system) -= bytes;
    --held.buffers;
    publish(held);
}

void ContextAccount::book_busy(QueueClass which, uint64_t ns) {
    counters().busy_ns[static_cast<size_t>(which)].fetch_add(ns, std::memory_order_relaxed);
}

account::TokenBucket& ContextAccount::bucket(QueueClass which) {
    auto& shares = *reinterpret_cast<account::Shares*>(parts_.shares.data());
    return shares.buckets[static_cast<size_t>(which)];
}

uint32_t ContextAccount::contexts() const {
    return std::max(count_contexts(books()), 1u);
}

void ContextAccount::pay(QueueClass which, uint64_t ns) {
    take_tokens(bucket(which), ns, limits_);
    take_tokens(own_buckets_[static_cast<size_t>(which)], ns, limits_, contexts());
}

int64_t ContextAccount::hold_time(QueueClass which, int64_t now_ns) {
    const int64_t together = viaduct::hold_time(bucket(which), now_ns, limits_);
    if (together == 0) return 0;
    return std::min(together, viaduct::hold_time(own_buckets_[static_cast<size_t>(which)], now_ns,
                                                 limits_, contexts()));
}

// Workers report in any order: the newest stays.
int64_t ContextAccount::exchange_finish(RingIndex ring, int64_t finished_ns) {
    if (ring.value() >= account::kMaxRings) return 0;
    const int64_t before = newest_finish(books(), ring, finished_ns);
    std::atomic<int64_t>& own = slot().finished_ns[ring.value()];
    own = std::max(own.load(), finished_ns);
    return before;
}

uint64_t ContextAccount::memory_limit() const {
    const uint64_t vm = limits_.vm_memory, context = limits_.context_memory;
    if (vm == 0 || context == 0) return vm + context;
    return vm < context ? vm : context;
}

MemoryUse ContextAccount::memory_use() const {
    const bool of_vm = memory_limit() == 0 || memory_limit() == limits_.vm_memory;
    return of_vm ? use_of_vm() : held_.memory;
}

}  // namespace viaduct
