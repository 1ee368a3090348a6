// PageTables: the memory that the page tables of one address space take.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

#include "simgpu/shared/residence.h"

namespace simgpu::memory {

/// Books what amdgpu_vm_pt.c allocates on GFX9, whose tables have the shape of x86's (as those of
/// Intel's GPUs have): a 4 KiB buffer in VRAM for the root, and one for
/// each region of 512 GiB, 1 GiB and 2 MiB of which something smaller than the region is mapped.
/// Like the kernel it gives a table back only when its whole region is unmapped at once, or with
/// the address space: those of mappings smaller than 2 MiB stay.
///
/// Simplified to the kernel's most costly case: buffers never count as contiguous, so that each
/// 2 MiB of a buffer takes a table even where VRAM would need none.
/// Not thread-safe. Addresses are masked to 48 bits.
class PageTables {
  public:
    static constexpr uint64_t kTableBytes = 4096;

    /// `device` may be null: nothing is booked then.
    explicit PageTables(std::shared_ptr<shared::SharedDevice> device);
    PageTables(const PageTables&) = delete;
    PageTables& operator=(const PageTables&) = delete;

    /// Books what mapping [start, end) takes. `whole_entries`: the run needs no table for a region
    /// that it covers whole (partially resident runs). False if VRAM is full of page tables; what
    /// was booked until then stays.
    bool cover(uint64_t start, uint64_t end, bool whole_entries);
    /// Gives back the tables of regions that lie whole in [start, end), which is unmapped.
    void uncover(uint64_t start, uint64_t end);

    uint64_t bytes() const;

  private:
    static constexpr std::array<unsigned, 3> kShifts = {39, 30, 21};  // from the root down

    /// Null without a device. Pushes others out of VRAM if need be.
    using Table = std::unique_ptr<shared::Residence>;

    bool add(size_t level, uint64_t region);
    bool allocate(Table* table) const;

    const std::shared_ptr<shared::SharedDevice> device_;
    Table root_;
    bool has_root_ = false;
    std::array<std::map<uint64_t, Table>, kShifts.size()> tables_;  // by level and region
};

}  // namespace simgpu::memory
