#include "simgpu/amdgpu/page_tables.h"

#include <iterator>
#include <utility>

namespace simgpu::amdgpu {

PageTables::PageTables(std::shared_ptr<shared::SharedDevice> device)
    : device_(std::move(device)), has_root_(book()) {}

PageTables::~PageTables() {
    if (device_ && bytes() != 0) device_->release(shared::Heap::kVram, bytes());
}

bool PageTables::book() {
    // amdgpu_vm_pt_create(): a kernel's buffer of the VRAM domain has nowhere else to go.
    return !device_ || device_->charge(shared::Heap::kVram, kTableBytes);
}

bool PageTables::add(size_t level, uint64_t region) {
    if (tables_[level].contains(region)) return true;
    if (!book()) return false;
    tables_[level].insert(region);
    return true;
}

bool PageTables::cover(uint64_t start, uint64_t end, bool whole_entries) {
    if (!has_root_ && !(has_root_ = book())) return false;
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
        const auto from = tables.lower_bound(first), to = tables.lower_bound(beyond);
        const auto count = static_cast<uint64_t>(std::distance(from, to));
        if (device_ && count != 0) device_->release(shared::Heap::kVram, count * kTableBytes);
        tables.erase(from, to);
    }
}

uint64_t PageTables::bytes() const {
    uint64_t count = has_root_ ? 1 : 0;
    for (const auto& tables : tables_) count += tables.size();
    return count * kTableBytes;
}

}  // namespace simgpu::amdgpu
