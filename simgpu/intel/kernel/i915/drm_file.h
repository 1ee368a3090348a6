// DrmFile: one open file of the simulated i915 render node.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "simgpu/drm/device_seat.h"
#include "simgpu/drm/open_file.h"
#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/kernel/i915/context_table.h"
#include "simgpu/intel/kernel/rings.h"
#include "simgpu/sched/rings.h"

namespace simgpu::intel::i915 {

inline constexpr const char* kDriverName = "i915";

/// Bytes of system memory that buffers can have, all files together.
inline constexpr uint64_t kSystemMemory = 4ull << 30;

/// GuC firmware submits, rather than execlists.
inline bool submits_by_guc(const ChipInfo& chip) {
    return chip.generation >= Generation::kGen12_5;
}
/// The CPU has a view of the global address space, with fences for tiled surfaces
/// (i915_ggtt_has_aperture()): until Meteor Lake, whose BAR shows stolen memory instead.
inline bool has_aperture(const ChipInfo& chip) {
    return chip.generation < Generation::kGen12_5;
}

/// Names of engines and codes of failures, for the rings.
const DriverRings& driver_rings();

/// Holds what the file owns; the ioctls are free functions over it.
class DrmFile final : public drm::OpenFile {
  public:
    DrmFile(const ChipInfo& chip, drm::DeviceSeat seat);
    ~DrmFile() override;

    // File
    std::string fdinfo() const override;
    /// i915 does nothing when a descriptor is closed, and does not wait at the last close either:
    /// jobs run on.
    void flush(Flush) override {}

    // drm::OpenFile
    std::optional<uint64_t> capability(uint64_t cap) const override;
    int may_map(const Buffer& buffer) const override;
    int may_export(const Buffer& buffer) const override;
    Buffer::Record foreign_record() const override;
    void handle_closed(const BufferPtr&) override {}

    const ChipInfo& chip() const { return chip_; }
    ContextTable& contexts() { return contexts_; }
    drm::HandleTable<Vm>& vms() { return vms_; }
    /// Of the process that opened the file: it may be in a jail by now.
    bool is_administrators() const { return is_administrators_; }
    bool client_banned() const { return client_record_->banned(); }
    sched::Ring& ring(uint32_t index) { return rings_[index]; }
    /// Jobs use memory of the process: it must stay mapped until they have finished.
    void note_user_memory() { uses_user_memory_ = true; }

  private:
    const ChipInfo& chip_;
    const std::shared_ptr<ClientRecord> client_record_ = std::make_shared<ClientRecord>();
    ContextTable contexts_;
    drm::HandleTable<Vm> vms_;
    const bool is_administrators_;
    std::atomic<bool> uses_user_memory_ = false;
    sched::Rings rings_;
};

// Handlers, by the file that has them.
namespace gem {
int create(DrmFile& file, void* argument);
int create_ext(DrmFile& file, void* argument);
int userptr(DrmFile& file, void* argument);
int mmap_offset(DrmFile& file, void* argument);
int set_domain(DrmFile& file, void* argument);
int sw_finish(DrmFile& file, void* argument);
int set_tiling(DrmFile& file, void* argument);
int get_tiling(DrmFile& file, void* argument);
int get_aperture(DrmFile& file, void* argument);
int madvise(DrmFile& file, void* argument);
int set_caching(DrmFile& file, void* argument);
int get_caching(DrmFile& file, void* argument);
int pread(DrmFile& file, void* argument);
int pwrite(DrmFile& file, void* argument);
int busy(DrmFile& file, void* argument);
int wait(DrmFile& file, void* argument);
}  // namespace gem

namespace ctx {
int create(DrmFile& file, void* argument);
int destroy(DrmFile& file, void* argument);
int get_param(DrmFile& file, void* argument);
int set_param(DrmFile& file, void* argument);
int reset_stats(DrmFile& file, void* argument);
int vm_create(DrmFile& file, void* argument);
int vm_destroy(DrmFile& file, void* argument);
}  // namespace ctx

int execbuffer2(DrmFile& file, void* argument);
int get_param(DrmFile& file, void* argument);
int query(DrmFile& file, void* argument);
int reg_read(DrmFile& file, void* argument);

}  // namespace simgpu::intel::i915
