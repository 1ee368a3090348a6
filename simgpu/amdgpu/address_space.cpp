#include "simgpu/amdgpu/address_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

#include "simgpu/amdgpu/uapi.h"

namespace simgpu::amdgpu {

namespace {

/// The kernel keeps the lowest 2 MiB and the highest 64 KiB for itself.
constexpr uint64_t kLowest = 0x200000;
constexpr uint64_t kHighest = (1ull << 48) - 0x10000;
constexpr uint64_t kHoleStart = 0x0000800000000000;
constexpr uint64_t kHoleEnd = 0xffff800000000000;

constexpr size_t kPrtRun = 65536;

const std::byte* zeros() {
    static const std::array<std::byte, kPrtRun> bytes{};
    return bytes.data();
}

}  // namespace

std::optional<uint64_t> canonical_va(uint64_t va) {
    if (va >= kHoleStart && va < kHoleEnd) return std::nullopt;
    return va & kVaMask;
}

PageTable::PageTable(const std::map<uint64_t, VaMapping>& mappings) {
    entries_.reserve(mappings.size());
    for (const auto& [start, mapping] : mappings) {
        std::byte* data = mapping.buffer ? mapping.buffer->data() : nullptr;
        if (data) data += mapping.offset;
        entries_.push_back({start, mapping.end, data, mapping.flags, mapping.buffer});
    }
}

const PageTable::Entry* PageTable::find(uint64_t va) const {
    const auto after = std::ranges::upper_bound(entries_, va, {}, &Entry::start);
    if (after == entries_.begin()) return nullptr;
    const Entry& entry = *std::prev(after);
    return va < entry.end ? &entry : nullptr;
}

std::string PageTable::describe_surroundings(uint64_t va) const {
    va &= kVaMask;
    const auto range = [](const Entry& entry) {
        return fmt::format("{:#x}-{:#x} ({}{}{})", entry.start, entry.end - 1,
                           entry.flags & AMDGPU_VM_PAGE_READABLE ? "r" : "-",
                           entry.flags & AMDGPU_VM_PAGE_WRITEABLE ? "w" : "-",
                           entry.flags & AMDGPU_VM_PAGE_EXECUTABLE ? "x" : "-");
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
    va &= kVaMask;
    if (!last_ || va < last_->start || va >= last_->end) {
        last_ = table_->find(va);
        if (!last_) return {};
    }
    if (last_->flags & AMDGPU_VM_PAGE_PRT) return resolve_prt(*last_, va, access);
    const uint32_t needed =
        access == Access::kRead ? AMDGPU_VM_PAGE_READABLE : AMDGPU_VM_PAGE_WRITEABLE;
    if (!(last_->flags & needed) || !last_->data) return {};
    return {last_->data + (va - last_->start), last_->end - va};
}

Span JobMemory::resolve_prt(const PageTable::Entry& entry, uint64_t va, Access access) {
    const uint64_t size = std::min<uint64_t>(entry.end - va, kPrtRun);
    if (access == Access::kRead) return {const_cast<std::byte*>(zeros()), size};
    sink_.resize(kPrtRun);
    return {sink_.data(), size};
}

int AddressSpace::check(const VaMapping& mapping) const {
    const uint64_t size = mapping.end - mapping.start;
    if (mapping.start % kGpuPage || mapping.offset % kGpuPage || size % kGpuPage || size == 0)
        return -EINVAL;
    if (mapping.end <= mapping.start || mapping.start < kLowest || mapping.end > kHighest)
        return -EINVAL;
    if (!mapping.buffer) return 0;
    const uint64_t available = mapping.buffer->size();
    return mapping.offset > available || size > available - mapping.offset ? -EINVAL : 0;
}

int AddressSpace::map(const VaMapping& mapping) {
    if (const int error = check(mapping)) return error;
    const std::lock_guard lock(mutex_);
    const auto next = mappings_.lower_bound(mapping.start);
    if (next != mappings_.end() && next->second.start < mapping.end) return -EINVAL;
    if (next != mappings_.begin() && std::prev(next)->second.end > mapping.start) return -EINVAL;
    mappings_.emplace(mapping.start, mapping);
    snapshot_.reset();
    return 0;
}

int AddressSpace::replace(const VaMapping& mapping) {
    if (const int error = check(mapping)) return error;
    const std::lock_guard lock(mutex_);
    clear_locked(mapping.start, mapping.end);
    mappings_.emplace(mapping.start, mapping);
    return 0;
}

int AddressSpace::unmap(const BufferPtr& buffer, uint64_t va) {
    const std::lock_guard lock(mutex_);
    const auto found = mappings_.find(va);
    if (found == mappings_.end() || found->second.buffer != buffer) return -ENOENT;
    mappings_.erase(found);
    snapshot_.reset();
    return 0;
}

int AddressSpace::clear(uint64_t va, uint64_t size) {
    if (va % kGpuPage || size % kGpuPage || size == 0 || size > kHighest || va > kHighest - size)
        return -EINVAL;
    const std::lock_guard lock(mutex_);
    clear_locked(va, va + size);
    return 0;
}

void AddressSpace::clear_locked(uint64_t start, uint64_t end) {
    snapshot_.reset();
    auto entry = mappings_.upper_bound(start);
    if (entry != mappings_.begin() && std::prev(entry)->second.end > start) --entry;
    while (entry != mappings_.end() && entry->second.start < end) {
        const VaMapping cut = entry->second;
        entry = mappings_.erase(entry);
        if (cut.start < start) {
            VaMapping head = cut;
            head.end = start;
            mappings_.emplace(head.start, std::move(head));
        }
        if (cut.end > end) {
            VaMapping tail = cut;
            tail.offset += end - cut.start;
            tail.start = end;
            mappings_.emplace(tail.start, std::move(tail));
        }
    }
}

void AddressSpace::remove_buffer(const BufferPtr& buffer) {
    const std::lock_guard lock(mutex_);
    if (std::erase_if(mappings_, [&](const auto& e) { return e.second.buffer == buffer; }) != 0)
        snapshot_.reset();
}

PageTablePtr AddressSpace::snapshot() {
    const std::lock_guard lock(mutex_);
    if (!snapshot_) snapshot_ = std::make_shared<const PageTable>(mappings_);
    return snapshot_;
}

}  // namespace simgpu::amdgpu
