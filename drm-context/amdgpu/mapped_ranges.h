// MappedRanges: what a context has mapped into its GPU address space, and which page tables the
// kernel keeps for it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/ids.h"

namespace viaduct::amdgpu {

/// Bytes of a GPU address space.
struct VaRange {
    uint64_t start = 0;
    uint64_t size = 0;
    uint64_t end() const { return start + size; }
};

/// A set of whole numbers, kept as intervals [first, end).
class IntervalSet {
  public:
    /// How many numbers of [first, end) are missing.
    uint64_t missing(uint64_t first, uint64_t end) const;
    /// How many numbers of `other` are missing.
    uint64_t missing(const IntervalSet& other) const;
    void add(uint64_t first, uint64_t end);
    void remove(uint64_t first, uint64_t end);
    uint64_t size() const { return size_; }

  private:
    std::map<uint64_t, uint64_t> intervals_;  // first → end; neither touch nor overlap
    uint64_t size_ = 0;
};

/// Mirrors mappings that the kernel has accepted. A *region* is what one page table reaches. The
/// kernel allocates a table for each region that a mapping touches (amdgpu_vm_pt.c:
/// amdgpu_vm_pt_alloc()) and frees it when a range that covers the whole region goes, not when the
/// region's last mapping does (amdgpu_vm_ptes_update()).
class MappedRanges {
  public:
    static constexpr uint64_t kRegionBytes = 2 << 20;  // 512 entries of 4 KiB (amdgpu_vm.h)

    /// Sparse ranges have no memory: large ones need tables at their ends only.
    enum class Kind { kBuffer, kSparse };

    /// By how much an operation makes the books longer, if the kernel accepts it.
    struct Growth {
        uint64_t mappings = 0;
        uint64_t regions = 0;  // that get a table; those that lose theirs are not subtracted
    };

    /// How many regions get their first mapping by this one.
    uint64_t regions_added_by(VaRange range, Kind kind) const;
    Growth growth_by_map(VaRange range, Kind kind) const;
    Growth growth_by_clear(VaRange range) const;
    /// Of a clear() with a map() after it.
    Growth growth_by_replace(VaRange range, Kind kind) const;
    /// `buffer`: none of a sparse range.
    void map(VaRange range, Kind kind, GemHandle buffer);
    /// Removes the mapping that begins at `start`.
    void unmap(uint64_t start);
    /// Removes what lies in `range`; mappings that reach beyond it are cut. The regions in which a
    /// sparse one is cut get tables: the kernel has nowhere else to write the hole.
    void clear(VaRange range);
    /// Removes all mappings of a buffer, as the kernel does when its handle is closed.
    void forget_buffer(GemHandle buffer);

    uint64_t mappings() const { return mappings_.size(); }
    uint64_t regions() const { return regions_.size(); }

  private:
    struct Mapping {
        uint64_t end = 0;
        GemHandle buffer = {};
    };
    using Mappings = std::map<uint64_t, Mapping>;  // by start
    /// The pieces that a clear() leaves of mappings it cuts, and the tables they need.
    struct Cuts {
        uint64_t removed = 0;
        uint64_t pieces = 0;
        IntervalSet with_table;
    };

    /// The first mapping that ends behind `address`.
    Mappings::const_iterator first_behind(uint64_t address) const;
    Cuts cuts_of(VaRange range) const;
    Growth growth(const Cuts& cuts, uint64_t mapped) const;
    void insert(uint64_t start, Mapping mapping);
    Mappings::iterator erase(Mappings::const_iterator mapping);
    void release_regions(uint64_t start, uint64_t end);

    Mappings mappings_;
    std::set<std::pair<GemHandle, uint64_t>> by_buffer_;  // buffer, start
    IntervalSet regions_;                                 // numbers: address / kRegionBytes
};

}  // namespace viaduct::amdgpu
