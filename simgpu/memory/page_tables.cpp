#include "simgpu/memory/page_tables.h"

#include <utility>

namespace simgpu::memory {

PageTables::PageTables(std::shared_ptr<shared::SharedDevice> device)
    : device_(std::move(device)), has_root_(allocate(&root_)) {}

bool PageTables::allocate(Table* table) const {
    if (!device_) return true;
    // amdgpu_vm_pt_create(): a kernel's buffer of the VRAM domain has nowhere else to go.
    const shared::Wish wish{.size = kTableBytes, .vram = true, .pinned = true};
    *table = shared::Residence::create(device_, wish, nullptr);
    return *table != nullptr;
}

bool PageTables::add(size_t level, uint64_t region) {
    if (tables_[level].contains(region)) return true;
    Table table;
    if (!allocate(&table)) return false;
    tables_[level].emplace(region, std::move(table));
    return true;
}

bool PageTables::cover(uint64_t start, uint64_t end, bool whole_entries) {
    if (!has_root_ && !(has_root_ = allocate(&root_))) return false;
    if (whole_entries) uncover(start, end);
    for (size_t level = 0; level < kShifts.size(); ++level) {
        const unsigned shift = kShifts[level];
        const uint64_t first = start >> shift, last = (end - 1) >> shift;
        if (whole_entries) {
            // Only the regions at both ends can be covered in part.
            if (start != first << shift || end < (first + 1) << shift)
                if (!add(level, first)) return false;
            if (end != (last + 1) << shift && !add(level, last)) return false;
            continue;
        }
        for (uint64_t region = first; region <= last; ++region)
            if (!add(level, region)) return false;
    }
    return true;
}

void PageTables::uncover(uint64_t start, uint64_t end) {
    for (size_t level = 0; level < kShifts.size(); ++level) {
        const unsigned shift = kShifts[level];
        const uint64_t first = (start + (1ull << shift) - 1) >> shift, beyond = end >> shift;
        if (first >= beyond) continue;
        auto& tables = tables_[level];
        tables.erase(tables.lower_bound(first), tables.lower_bound(beyond));
    }
}

uint64_t PageTables::bytes() const {
    uint64_t count = has_root_ ? 1 : 0;
    for (const auto& tables : tables_) count += tables.size();
    return count * kTableBytes;
}

}  // namespace simgpu::memory
