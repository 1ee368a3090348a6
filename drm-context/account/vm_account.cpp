#include "drm-context/account/vm_account.h"

#include <cstring>

#include "blob/memfd.h"
#include "drm-context/account/clock.h"

namespace viaduct {

namespace {

uint64_t add(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
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
    const std::lock_guard lock(mutex_);
    uint32_t slot = 0;  // the first that is free
    for (const auto& [taken, tenant] : tenants_)
        if (taken == slot) ++slot;
    if (slot == account::kSlots)
        return fail(ENOSPC, "{} contexts of this VM are alive, that is all there can be",
                    account::kSlots);
    tenants_.emplace(slot, Tenant{ctx_id, std::string(name), monotonic_ns()});
    ++counters_->contexts_started;
    return slot;
}

std::map<uint32_t, VmAccount::Tenant> VmAccount::tenants() const {
    const std::lock_guard lock(mutex_);
    return tenants_;
}

void VmAccount::free_slot(uint32_t slot) {
    account::ContextCounters& counters = page().contexts[slot];
    for (size_t i = 0; i < kQueueClasses; ++i)
        counters_->past_busy_ns[i] += counters.busy_ns[i].load();
    clear_charge(slot);
    std::memset(static_cast<void*>(&counters), 0, sizeof(counters));
    const std::lock_guard lock(mutex_);
    tenants_.erase(slot);
}

void VmAccount::add_host_memory(uint64_t bytes) {
    counters_->host_bytes += bytes;
    const std::lock_guard lock(mutex_);
    host_bytes_ += bytes;
    page().host.system = host_bytes_;
}

Result<HostMemory> take_host_memory(std::shared_ptr<VmAccount> account, uint64_t bytes,
                                    uint64_t limit) {
    if (!account) return HostMemory();
    account->add_host_memory(bytes);
    HostMemory memory(std::move(account), bytes);
    const uint64_t vm = memory_of_vm(memory.account_->page()).total();
    if (limit == 0 || vm <= limit) return memory;
    return fail(ENOMEM, "the VM's memory would come to {} of {} bytes", vm, limit);
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
    MemoryUse use = memory_of(page.host);
    for (const account::Charge& charge : page.charges) {
        const MemoryUse one = memory_of(charge);
        use.local = add(use.local, one.local);
        use.system = add(use.system, one.system);
    }
    return use;
}

}  // namespace viaduct
