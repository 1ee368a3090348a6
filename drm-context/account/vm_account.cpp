#include "drm-context/account/vm_account.h"

#include <algorithm>
#include <cstring>

#include "blob/memfd.h"
#include "drm-context/account/clock.h"

namespace viaduct {

namespace {

uint64_t add(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void raise_to(std::atomic<uint32_t>& value, uint32_t least) {
    uint32_t now = value.load();
    while (now < least && !value.compare_exchange_weak(now, least)) {
    }
}

}  // namespace

Result<std::shared_ptr<VmAccount>> VmAccount::create(std::shared_ptr<VmCounters> counters) {
    if (!counters) counters = std::make_shared<VmCounters>();
    // Zero is the right beginning for all of it. Only the pages of contexts that were there cost
    // memory.
    auto fd = create_sealed_memfd("viaduct-account", sizeof(account::Page));
    if (!fd) return tl::unexpected(fd.error());
    auto mapping = Mapping::map_shared(fd->get(), 0, sizeof(account::Page));
    if (!mapping) return tl::unexpected(mapping.error());
    return std::shared_ptr<VmAccount>(
        new VmAccount(*std::move(fd), *std::move(mapping), std::move(counters)));
}

Result<uint32_t> VmAccount::take_slot(uint32_t ctx_id, std::string_view name) {
    for (uint32_t slot = 0; slot < account::kSlots; ++slot) {
        account::ContextCounters& counters = page().contexts[slot];
        uint32_t free = account::kFree;
        if (!counters.state.compare_exchange_strong(free, account::kBeginning)) continue;
        counters.ctx_id = ctx_id;
        const size_t length = std::min(name.size(), sizeof(counters.name) - 1);
        std::memcpy(counters.name, name.data(), length);
        counters.name[length] = 0;
        counters.started_ns = monotonic_ns();
        counters.state.store(account::kTaken, std::memory_order_release);
        raise_to(page().slots_used, slot + 1);
        ++counters_->contexts_started;
        return slot;
    }
    return fail(ENOSPC, "{} contexts of this VM are alive, that is all there can be",
                account::kSlots);
}

void VmAccount::free_slot(uint32_t slot) {
    account::ContextCounters& counters = page().contexts[slot];
    for (size_t i = 0; i < kQueueClasses; ++i)
        counters_->past_busy_ns[i] += counters.busy_ns[i].load();
    clear_charge(slot);
    // All but the state, which gives the slot free.
    const auto bytes = std::as_writable_bytes(std::span(&counters, 1));
    std::memset(static_cast<void*>(bytes.data() + sizeof(counters.state)), 0,
                bytes.size() - sizeof(counters.state));
    counters.state.store(account::kFree, std::memory_order_release);
}

void VmAccount::clear_charge(uint32_t slot) {
    account::Charge& charge = page().charges[slot];
    charge.local = 0;
    charge.system = 0;
    charge.buffers = 0;
}

MemoryUse memory_of(const account::Charge& charge) {
    return {charge.local.load(std::memory_order_relaxed),
            charge.system.load(std::memory_order_relaxed)};
}

MemoryUse memory_of_vm(const account::Page& page) {
    MemoryUse use;
    const uint32_t slots = std::min(page.slots_used.load(), account::kSlots);
    for (uint32_t slot = 0; slot < slots; ++slot) {
        const MemoryUse one = memory_of(page.charges[slot]);
        use.local = add(use.local, one.local);
        use.system = add(use.system, one.system);
    }
    return use;
}

}  // namespace viaduct
