// DrmFile: one open file of a simulated render node of xe.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "simgpu/drm/device_seat.h"
#include "simgpu/drm/open_file.h"
#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/kernel/xe/binder.h"
#include "simgpu/intel/kernel/xe/exec_queue.h"
#include "simgpu/intel/kernel/xe/memory.h"
#include "simgpu/intel/kernel/xe/vm.h"
#include "simgpu/sched/rings.h"
#include "uapi/xe.h"

namespace simgpu::intel::xe {

/// Holds what the file owns; the ioctls are free functions over it.
class DrmFile final : public drm::OpenFile {
  public:
    DrmFile(const ChipInfo& chip, drm::DeviceSeat seat);
    ~DrmFile() override;

    // File
    std::string fdinfo() const override;
    /// The driver has no work at a close: only the last one ends what is under way.
    void flush(Flush) override {}

    // drm::OpenFile
    std::optional<uint64_t> capability(uint64_t cap) const override;
    int may_map(const Buffer& buffer) const override;
    int may_export(const Buffer& buffer) const override;
    Buffer::Record foreign_record() const override { return Buffer::Record::of(BoRecord{}); }
    /// Mappings outlive the handle.
    void handle_closed(const BufferPtr&) override {}

    const ChipInfo& chip() const { return chip_; }
    /// The highest priority that a queue may have (uapi::xe::kPriority*).
    uint64_t max_priority() const { return max_priority_; }
    drm::HandleTable<Vm>& vms() { return vms_; }
    drm::HandleTable<ExecQueue>& queues() { return queues_; }
    sched::Rings& rings() { return rings_; }
    Binder& binder() { return *binder_; }
    /// Jobs may use memory of the process: it must stay mapped until they have ended.
    void note_user_memory() { uses_user_memory_ = true; }
    /// Ends the jobs that the queue has, which refuses to run any more.
    void stop_jobs(ExecQueue& queue);

  private:
    const ChipInfo& chip_;
    const uint64_t max_priority_;
    drm::HandleTable<Vm> vms_;
    drm::HandleTable<ExecQueue> queues_;
    const std::shared_ptr<Binder> binder_ = std::make_shared<Binder>();
    std::atomic<bool> uses_user_memory_ = false;
    sched::Rings rings_;
};

/// The index of an engine in ChipInfo::engines; nothing if the chip has none such.
std::optional<size_t> find_engine(const ChipInfo& chip, const uapi::xe::EngineInstance& engine);
/// xe's number of a class (uapi::xe::kClass*).
uint16_t class_number(EngineClass engine_class);

int query(DrmFile& file, void* argument);

namespace gem {
int create(DrmFile& file, void* argument);
int mmap_offset(DrmFile& file, void* argument);
}  // namespace gem

namespace vm {
int create(DrmFile& file, void* argument);
int destroy(DrmFile& file, void* argument);
int bind(DrmFile& file, void* argument);
}  // namespace vm

namespace queue {
int create(DrmFile& file, void* argument);
int destroy(DrmFile& file, void* argument);
int get_property(DrmFile& file, void* argument);
}  // namespace queue

int exec(DrmFile& file, void* argument);
int wait_user_fence(DrmFile& file, void* argument);

}  // namespace simgpu::intel::xe
