#include "simgpu/memory/address_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

namespace simgpu::memory {

namespace {

constexpr size_t kSparseRun = 65536;

const std::byte* zeros() {
    static const std::array<std::byte, kSparseRun> bytes{};
    return bytes.data();
}

}  // namespace

PageTable::PageTable(const std::map<uint64_t, VaMapping>& mappings, const AddressLayout& layout)
    : layout_(layout) {
    entries_.reserve(mappings.size());
    for (const auto& [start, mapping] : mappings) {
        if (!mapping.in_tables) continue;
        std::byte* data = mapping.buffer ? mapping.buffer->data() : nullptr;
        if (data) data += mapping.offset;
        entries_.push_back({start, mapping.end, data, mapping.access, mapping.buffer});
    }
}

const PageTable::Entry* PageTable::find(uint64_t va) const {
    const auto after = std::ranges::upper_bound(entries_, va, {}, &Entry::start);
    if (after == entries_.begin()) return nullptr;
    const Entry& entry = *std::prev(after);
    return va < entry.end ? &entry : nullptr;
}

uint64_t PageTable::next_start(uint64_t va) const {
    const auto after = std::ranges::upper_bound(entries_, va, {}, &Entry::start);
    return after == entries_.end() ? layout_.mask + 1 : after->start;
}

std::string PageTable::describe_surroundings(uint64_t va) const {
    va &= layout_.mask;
    const auto range = [](const Entry& entry) {
        return fmt::format("{:#x}-{:#x} ({}{}{})", entry.start, entry.end - 1,
                           entry.access & kVaRead ? "r" : "-", entry.access & kVaWrite ? "w" : "-",
                           entry.access & kVaExecute ? "x" : "-");
    };
    if (const Entry* hit = find(va)) return fmt::format("inside buffer {}", range(*hit));
    const auto after = std::ranges::upper_bound(entries_, va, {}, &Entry::start);
    const Entry* above = after == entries_.end() ? nullptr : &*after;
    const Entry* below = after == entries_.begin() ? nullptr : &*std::prev(after);
    if (!above && !below) return "nothing is mapped at all";
    if (above && (!below || above->start - va < va - below->end))
        return fmt::format("{:#x} bytes before buffer {}", above->start - va, range(*above));
    return fmt::format("{:#x} bytes behind buffer {}", va - below->end, range(*below));
}

Span JobMemory::resolve(uint64_t va, Access access) {
    va &= table_->mask();
    if (!last_ || va < last_->start || va >= last_->end) {
        last_ = table_->find(va);
        if (!last_) {
            if (!table_->scratch()) return {};
            return resolve_nothing(table_->next_start(va) - va, access);
        }
    }
    if (last_->access & kVaSparse) return resolve_nothing(last_->end - va, access);
    const uint32_t needed = access == Access::kRead ? kVaRead : kVaWrite;
    if (!(last_->access & needed) || !last_->data) return {};
    return {last_->data + (va - last_->start), last_->end - va};
}

Span JobMemory::resolve_nothing(uint64_t size, Access access) {
    size = std::min<uint64_t>(size, kSparseRun);
    if (access == Access::kRead) return {const_cast<std::byte*>(zeros()), size};
    sink_.resize(kSparseRun);
    return {sink_.data(), size};
}

int AddressSpace::check(const VaMapping& mapping) const {
    const uint64_t size = mapping.end - mapping.start;
    if (mapping.start % kGpuPage || mapping.offset % kGpuPage || size % kGpuPage || size == 0)
        return -EINVAL;
    if (mapping.end <= mapping.start || mapping.start < layout_.lowest ||
        mapping.end > layout_.highest)
        return -EINVAL;
    if (!mapping.buffer) return 0;
    const uint64_t available = mapping.buffer->size();
    return mapping.offset > available || size > available - mapping.offset ? -EINVAL : 0;
}

int AddressSpace::map(const VaMapping& mapping) {
    if (const int error = check(mapping)) return error;
    const viaduct::LockGuard lock(mutex_);
    const auto next = mappings_.lower_bound(mapping.start);
    if (next != mappings_.end() && next->second.start < mapping.end) return -EINVAL;
    if (next != mappings_.begin() && std::prev(next)->second.end > mapping.start) return -EINVAL;
    insert_locked(mapping);
    return 0;
}

int AddressSpace::replace(const VaMapping& mapping) {
    if (const int error = check(mapping)) return error;
    const viaduct::LockGuard lock(mutex_);
    clear_locked(mapping.start, mapping.end);
    insert_locked(mapping);
    return 0;
}

int AddressSpace::unmap(const BufferPtr& buffer, uint64_t va) {
    const viaduct::LockGuard lock(mutex_);
    // Any address within the page will do: amdgpu_vm_bo_unmap() divides by the page size.
    const auto found = mappings_.find(va - va % kGpuPage);
    if (found == mappings_.end() || found->second.buffer != buffer) return -ENOENT;
    tables_.uncover(found->second.start, found->second.end);
    mappings_.erase(found);
    snapshot_.reset();
    return 0;
}

int AddressSpace::clear(uint64_t va, uint64_t size) {
    if (va % kGpuPage || size % kGpuPage || size == 0 || size > layout_.highest ||
        va > layout_.highest - size)
        return -EINVAL;
    const viaduct::LockGuard lock(mutex_);
    clear_locked(va, va + size);
    return 0;
}

void AddressSpace::insert_locked(const VaMapping& mapping) {
    mappings_.emplace(mapping.start, mapping);
    if (!mapping.in_tables) pending_.push_back(mapping.start);
    snapshot_.reset();
}

void AddressSpace::clear_locked(uint64_t start, uint64_t end) {
    snapshot_.reset();
    auto entry = mappings_.upper_bound(start);
    if (entry != mappings_.begin() && std::prev(entry)->second.end > start) --entry;
    while (entry != mappings_.end() && entry->second.start < end) {
        const VaMapping cut = entry->second;
        entry = mappings_.erase(entry);
        // amdgpu_vm_ptes_update() writes a hole as it does a run without memory: with tables at its
        // edges. Where VRAM has none left, amdgpu_gem_va_update_vm() only logs it.
        (void)tables_.cover(std::max(cut.start, start), std::min(cut.end, end), true);
        if (cut.start < start) {
            VaMapping head = cut;
            head.end = start;
            insert_locked(head);
        }
        if (cut.end > end) {
            VaMapping tail = cut;
            tail.offset += end - cut.start;
            tail.start = end;
            insert_locked(tail);
        }
    }
}

void AddressSpace::remove_buffer(const BufferPtr& buffer) {
    const viaduct::LockGuard lock(mutex_);
    for (auto entry = mappings_.begin(); entry != mappings_.end();) {
        const VaMapping& mapping = entry->second;
        if (mapping.buffer != buffer) {
            ++entry;
            continue;
        }
        tables_.uncover(mapping.start, mapping.end);
        entry = mappings_.erase(entry);
        snapshot_.reset();
    }
}

int AddressSpace::update() {
    const viaduct::LockGuard lock(mutex_);
    while (!pending_.empty()) {
        const auto found = mappings_.find(pending_.back());
        // Gone meanwhile, or written as part of another entry of the list.
        if (found != mappings_.end() && !found->second.in_tables) {
            VaMapping& mapping = found->second;
            if (!tables_.cover(mapping.start, mapping.end, !mapping.buffer)) return -ENOMEM;
            mapping.in_tables = true;
            snapshot_.reset();
        }
        pending_.pop_back();
    }
    return 0;
}

PageTablePtr AddressSpace::snapshot() {
    const viaduct::LockGuard lock(mutex_);
    if (!snapshot_) snapshot_ = std::make_shared<const PageTable>(mappings_, layout_);
    return snapshot_;
}

uint64_t AddressSpace::page_table_bytes() {
    const viaduct::LockGuard lock(mutex_);
    return tables_.bytes();
}

}  // namespace simgpu::memory
