#include "drm-context/account/vm_account.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <cstring>

#include "base/clock.h"
#include "base/log.h"
#include "blob/memfd.h"

namespace viaduct {

namespace {

// Opened anew, as no flag of a descriptor takes the right to write from its duplicates.
UniqueFd open_view(const UniqueFd& memory) {
    UniqueFd view(
        ::open(fmt::format("/proc/self/fd/{}", memory.get()).c_str(), O_RDONLY | O_CLOEXEC));
    if (view) return view;
    log(LogLevel::kWarning,
        "cannot open the VM's account read-only ({}; is /proc mounted?): a compromised worker can "
        "falsify the figures of the VM's other contexts",
        std::strerror(errno));
    return memory.duplicate();
}

// Gives the memory back, where that is allowed.
void clear(account::Slot& slot) {
    if (::madvise(&slot, sizeof(slot), MADV_REMOVE) == 0) return;
    std::memset(static_cast<void*>(&slot), 0, sizeof(slot));
}

}  // namespace

Result<std::shared_ptr<VmAccount>> VmAccount::create(const ContextLimits& limits,
                                                     std::shared_ptr<VmCounters> counters) {
    if (!counters) counters = std::make_shared<VmCounters>();
    // Zero is the right beginning for all of it. Only the slots of contexts that are there cost
    // memory.
    auto fd = create_sealed_memfd("viaduct-account", sizeof(account::Books));
    if (!fd) return tl::unexpected(fd.error());
    auto mapping = Mapping::map_shared(fd->get(), 0, sizeof(account::Books));
    if (!mapping) return tl::unexpected(mapping.error());
    UniqueFd view = open_view(*fd);
    return std::shared_ptr<VmAccount>(new VmAccount(
        *std::move(fd), std::move(view), *std::move(mapping), limits, std::move(counters)));
}

Result<uint32_t> VmAccount::take_slot(ContextId ctx_id, std::string_view name) {
    const LockGuard lock(mutex_);
    if (tenants_.size() == account::kSlots)
        return fail(ENOSPC, "this VM already has {} live contexts, the maximum", account::kSlots);
    uint32_t slot = next_slot_;
    while (tenants_.contains(slot)) slot = (slot + 1) % account::kSlots;
    next_slot_ = (slot + 1) % account::kSlots;
    tenants_.emplace(slot, Tenant{ctx_id, std::string(name), monotonic_ns()});
    clear(books().slots[slot]);
    note_in_roster(slot, true);
    ++counters_->contexts_started;
    return slot;
}

void VmAccount::note_in_roster(uint32_t slot, bool taken) {
    std::atomic<uint64_t>& word = books().roster.taken[slot / 64];
    const uint64_t bit = uint64_t{1} << slot % 64;
    word.store(taken ? word.load() | bit : word.load() & ~bit);
}

std::map<uint32_t, VmAccount::Tenant> VmAccount::tenants() const {
    const LockGuard lock(mutex_);
    return tenants_;
}

void VmAccount::free_slot(uint32_t slot) {
    const LockGuard lock(mutex_);
    const auto tenant = tenants_.find(slot);
    if (tenant == tenants_.end()) return;
    note_in_roster(slot, false);
    const int64_t lifetime = monotonic_ns() - tenant->second.started_ns;
    for (size_t i = 0; i < kQueueClasses; ++i)
        counters_->past_busy_ns[i] +=
            believed_busy(books().slots[slot].counters.busy_ns[i].load(), lifetime);
    clear(books().slots[slot]);
    tenants_.erase(tenant);
}

void VmAccount::add_host_memory(uint64_t bytes) {
    counters_->host_bytes += bytes;
    books().roster.host_bytes += bytes;
}

Result<HostMemory> take_host_memory(std::shared_ptr<VmAccount> account, uint64_t bytes,
                                    uint64_t limit) {
    if (!account) return HostMemory();
    account->add_host_memory(bytes);
    HostMemory memory({std::move(account), bytes});
    const VmAccount& vm = *memory->account;
    const uint64_t use = memory_of_vm(vm.books(), vm.limits()).total();
    if (limit == 0 || use <= limit) return memory;
    return fail(ENOMEM, "the VM's memory would reach {} bytes; the limit is {}", use, limit);
}

void VmAccount::clear_charge(uint32_t slot) {
    account::Charge& charge = books().slots[slot].charge;
    charge.local = 0;
    charge.system = 0;
    charge.buffers = 0;
}

std::optional<uint64_t> VmAccount::impossible_claim(uint32_t slot) const {
    const account::Charge& charge = books().slots[slot].charge;
    if (is_possible(charge, most_memory(limits_))) return std::nullopt;
    return MemoryUse{charge.local.load(), charge.system.load()}.total();
}

}  // namespace viaduct
