// The GPU's view of memory: one address space per open file, frozen into a page table per job.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "simgpu/engine/gpu_memory.h"
#include "simgpu/memory/buffer.h"
#include "simgpu/memory/page_tables.h"

namespace simgpu::memory {

inline constexpr uint64_t kGpuPage = 4096;

/// The addresses that a chip's GPU translates.
struct AddressLayout {
    uint64_t lowest = 0;  // mappings lie in [lowest, highest)
    uint64_t highest = 0;
    uint64_t mask = 0;  // of the bits of an address that count
    /// Where nothing is mapped, a page of zeros is, which keeps nothing that is written (Intel's
    /// scratch page). Else such an access is a VM fault.
    bool scratch = false;
};

/// The GPU's rights on a mapping.
enum VaAccess : uint32_t {
    kVaRead = 1,
    kVaWrite = 2,
    kVaExecute = 4,  // for fault reports
    kVaSparse = 8,   // no buffer: it reads as zero and drops what is written
};

/// A run of addresses [start, end) that shows `buffer` from `offset` on; null if it is sparse.
struct VaMapping {
    uint64_t start = 0;
    uint64_t end = 0;
    BufferPtr buffer;
    uint64_t offset = 0;
    uint32_t access = 0;     // VaAccess
    bool in_tables = false;  // written by AddressSpace: the GPU sees it
};

/// The GPU's view of memory during one job. Immutable; keeps its buffers alive.
class PageTable {
  public:
    PageTable(const std::map<uint64_t, VaMapping>& mappings, const AddressLayout& layout);

    struct Entry {
        uint64_t start = 0;
        uint64_t end = 0;
        std::byte* data = nullptr;  // null if sparse, and if the buffer could not be mapped
        uint32_t access = 0;        // VaAccess
        BufferPtr buffer;
    };
    /// The bits of an address that count.
    uint64_t mask() const { return layout_.mask; }
    bool scratch() const { return layout_.scratch; }
    /// Null where nothing is mapped.
    const Entry* find(uint64_t va) const;
    /// The first address of the mapping behind `va`, or the end of what is translated.
    uint64_t next_start(uint64_t va) const;
    /// "0x1000 bytes behind buffer [0x..., 0x...)" for a fault report.
    std::string describe_surroundings(uint64_t va) const;

  private:
    AddressLayout layout_;
    std::vector<Entry> entries_;  // by address
};
using PageTablePtr = std::shared_ptr<const PageTable>;

/// GpuMemory for one job.
class JobMemory final : public GpuMemory {
  public:
    explicit JobMemory(PageTablePtr table) : table_(std::move(table)) {}
    Span resolve(uint64_t va, Access access) override;

  private:
    /// At most `size` bytes that read as zero and keep nothing.
    Span resolve_nothing(uint64_t size, Access access);

    PageTablePtr table_;
    const PageTable::Entry* last_ = nullptr;
    std::vector<std::byte> sink_;  // where writes to sparse runs and the scratch page go
};

/// The mappings of an open file, with the kernel's rules (Linux: amdgpu_vm.c). Thread-safe.
/// Addresses are masked. Functions return 0 or a negative errno.
class AddressSpace {
  public:
    /// `device`: where page tables are booked; null in tests that do not care.
    explicit AddressSpace(const AddressLayout& layout,
                          std::shared_ptr<shared::SharedDevice> device = nullptr)
        : layout_(layout), tables_(std::move(device)) {}

    /// Refuses to overlap what is mapped. The GPU sees the mapping after update().
    int map(const VaMapping& mapping);
    /// Maps in place of whatever is there; likewise.
    int replace(const VaMapping& mapping);
    /// Removes the mapping of `buffer` (null: sparse) that begins at `va`, whole.
    int unmap(const BufferPtr& buffer, uint64_t va);
    /// Removes all in [va, va + size), cutting mappings that reach beyond.
    int clear(uint64_t va, uint64_t size);
    /// Removes every mapping of `buffer`.
    void remove_buffer(const BufferPtr& buffer);

    /// Writes new mappings into the page tables. -ENOMEM if memory for these runs out: the
    /// mappings stay, and the next update() tries again.
    int update();
    /// The state that the last update() wrote.
    PageTablePtr snapshot();
    uint64_t page_table_bytes();

  private:
    int check(const VaMapping& mapping) const;
    void insert_locked(const VaMapping& mapping) VIADUCT_REQUIRES(mutex_);
    void clear_locked(uint64_t start, uint64_t end) VIADUCT_REQUIRES(mutex_);

    const AddressLayout layout_;
    viaduct::Mutex mutex_;
    std::map<uint64_t, VaMapping> mappings_ VIADUCT_GUARDED_BY(mutex_);  // by start
    std::vector<uint64_t> pending_
        VIADUCT_GUARDED_BY(mutex_);  // starts of mappings that update() has to write
    PageTables tables_ VIADUCT_GUARDED_BY(mutex_);
    PageTablePtr snapshot_ VIADUCT_GUARDED_BY(mutex_);  // null after a change
};

}  // namespace simgpu::memory
