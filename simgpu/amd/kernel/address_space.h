// The GPU's view of memory: one address space per open file, frozen into a page table per job.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "simgpu/amd/kernel/buffer.h"
#include "simgpu/amd/kernel/page_tables.h"
#include "simgpu/engine/gpu_memory.h"

namespace simgpu::amdgpu {

/// GFX9 addresses have 48 bits, sign-extended (Linux: AMDGPU_GMC_HOLE_MASK).
inline constexpr uint64_t kVaMask = (1ull << 48) - 1;
inline constexpr uint64_t kGpuPage = 4096;

/// The 48-bit form of an address; nothing for those in the hole between the halves.
std::optional<uint64_t> canonical_va(uint64_t va);

/// A run of addresses [start, end) that shows `buffer` from `offset` on. Partially resident
/// runs (AMDGPU_VM_PAGE_PRT) have no buffer: they read as zero and drop what is written.
struct VaMapping {
    uint64_t start = 0;
    uint64_t end = 0;
    BufferPtr buffer;
    uint64_t offset = 0;
    uint32_t flags = 0;      // AMDGPU_VM_PAGE_*
    bool in_tables = false;  // written by AddressSpace: the GPU sees it
};

/// The GPU's view of memory during one job. Immutable; keeps its buffers alive.
class PageTable {
  public:
    explicit PageTable(const std::map<uint64_t, VaMapping>& mappings);

    struct Entry {
        uint64_t start = 0;
        uint64_t end = 0;
        std::byte* data = nullptr;  // null for PRT, and for a buffer that could not be mapped
        uint32_t flags = 0;
        BufferPtr buffer;
    };
    /// Null where nothing is mapped.
    const Entry* find(uint64_t va) const;
    /// "0x1000 bytes behind buffer [0x..., 0x...)" for a fault report.
    std::string describe_surroundings(uint64_t va) const;

  private:
    std::vector<Entry> entries_;  // by address
};
using PageTablePtr = std::shared_ptr<const PageTable>;

/// GpuMemory for one job.
class JobMemory final : public GpuMemory {
  public:
    explicit JobMemory(PageTablePtr table) : table_(std::move(table)) {}
    Span resolve(uint64_t va, Access access) override;

  private:
    Span resolve_prt(const PageTable::Entry& entry, uint64_t va, Access access);

    PageTablePtr table_;
    const PageTable::Entry* last_ = nullptr;
    std::vector<std::byte> sink_;  // where writes to PRT runs go
};

/// The mappings of an open file, with the kernel's rules (Linux: amdgpu_vm.c). Thread-safe.
/// Addresses are in 48-bit form. Functions return 0 or a negative errno.
class AddressSpace {
  public:
    /// `device`: where page tables are booked; null in tests that do not care.
    explicit AddressSpace(std::shared_ptr<shared::SharedDevice> device = nullptr)
        : tables_(std::move(device)) {}

    /// Refuses to overlap what is mapped. The GPU sees the mapping after update().
    int map(const VaMapping& mapping);
    /// Maps in place of whatever is there; likewise.
    int replace(const VaMapping& mapping);
    /// Removes the mapping of `buffer` (null: PRT) that begins at `va`, whole.
    int unmap(const BufferPtr& buffer, uint64_t va);
    /// Removes all in [va, va + size), cutting mappings that reach beyond.
    int clear(uint64_t va, uint64_t size);
    /// Removes every mapping of `buffer`.
    void remove_buffer(const BufferPtr& buffer);

    /// Writes new mappings into the page tables. -ENOMEM if memory for these runs out: the
    /// mappings stay, and the next update() tries again. The kernel does not report that from
    /// GEM_VA (amdgpu_gem_va_update_vm()) but from the next submission.
    int update();
    /// The state that the last update() wrote.
    PageTablePtr snapshot();
    uint64_t page_table_bytes();

  private:
    int check(const VaMapping& mapping) const;
    void insert_locked(const VaMapping& mapping);
    void clear_locked(uint64_t start, uint64_t end);

    std::mutex mutex_;
    std::map<uint64_t, VaMapping> mappings_;  // by start
    std::vector<uint64_t> pending_;           // starts of mappings that update() has to write
    PageTables tables_;
    PageTablePtr snapshot_;  // null after a change
};

}  // namespace simgpu::amdgpu
