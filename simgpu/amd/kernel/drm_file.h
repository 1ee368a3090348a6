// DrmFile: one open file of the simulated render node.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "simgpu/amd/kernel/context.h"
#include "simgpu/amd/kernel/memory.h"
#include "simgpu/amd/kernel/model.h"
#include "simgpu/amd/kernel/rings.h"
#include "simgpu/drm/device_seat.h"
#include "simgpu/drm/open_file.h"

namespace simgpu::amdgpu {

/// A residency list (AMDGPU_BO_LIST): the buffers a submission names.
using BufferList = std::vector<BufferPtr>;

/// How ioctls name a context's queue.
struct EntityName {
    uint32_t ip_type = 0;
    uint32_t ip_instance = 0;
    uint32_t ring = 0;
};

/// Holds what the file owns; the ioctls are free functions over it (gem.cpp, cs.cpp, ...).
class DrmFile final : public drm::OpenFile {
  public:
    DrmFile(const ModelInfo& model, drm::DeviceSeat seat);
    ~DrmFile() override;

    // File
    std::string fdinfo() const override;
    void flush(Flush kind) override;

    // drm::OpenFile
    std::optional<uint64_t> capability(uint64_t cap) const override;
    int may_map(const Buffer& buffer) const override;
    int may_export(const Buffer& buffer) const override;
    Buffer::Record foreign_record() const override;
    void handle_closed(const BufferPtr& buffer) override;

    /// For AMDGPU_INFO_GPUVM_FAULT.
    GpuvmFault last_fault() const { return {client()->last_fault_va(), 0, 0}; }

    const ModelInfo& model() const { return model_; }
    AddressSpace& address_space() { return address_space_; }
    /// Linux: amdgpu_ctx_mgr.lock, which a flush holds while it waits for the hardware. Taken by
    /// all that looks at a context; before any reservation.
    viaduct::Mutex& context_manager() VIADUCT_RETURNS(context_manager_) { return context_manager_; }
    /// With the context manager's lock held.
    drm::HandleTable<Context>& contexts() VIADUCT_REQUIRES(context_manager_) { return contexts_; }
    /// Linux: amdgpu_ctx_get(). Takes the context manager's lock.
    ContextPtr find_context(uint32_t id);
    /// Linux: amdgpu_ctx_fini(). Waits until what the context has queued is handed over.
    void release_context(Context& context);
    /// Linux: amdgpu_ctx_get_entity(): the queue that an ioctl names. -EINVAL, or the error of the
    /// job that it handed over last.
    int find_entity(Context& context, const EntityName& name, Entity** entity) const;
    drm::HandleTable<const BufferList>& buffer_lists() { return buffer_lists_; }
    /// The hardware ring that the next job of an entity goes to; with the submission mutex held.
    sched::Ring& choose_ring(Entity& entity, const IpBlock& ip);
    const std::shared_ptr<Reservation>& own_reservation() { return own_reservation_; }
    /// Of all VM_ALWAYS_VALID buffers, likewise; null if the device has no room for it.
    const std::shared_ptr<shared::Residence>& always_valid_uses() { return always_valid_uses_; }
    /// Whose its jobs are to implicit synchronisation; unique in the process, over all devices.
    uint64_t sync_owner() const { return reinterpret_cast<uintptr_t>(client().get()); }
    /// Jobs use memory of the process: it must stay mapped until they have finished.
    void note_user_memory() { uses_user_memory_ = true; }
    /// Clears this process's VRAM when the device loses it, from the first context on.
    void watch_vram();

  private:
    std::string busy_lines() const;

    const ModelInfo& model_;
    const std::shared_ptr<shared::Residence> always_valid_uses_ =
        shared::Residence::create_group(shared_device());
    AddressSpace address_space_{kAddressLayout, shared_device()};
    mutable viaduct::Mutex context_manager_;
    drm::HandleTable<Context> contexts_ VIADUCT_GUARDED_BY(context_manager_);
    drm::HandleTable<const BufferList> buffer_lists_;
    /// Of all VM_ALWAYS_VALID buffers: every job of the file uses them.
    const std::shared_ptr<Reservation> own_reservation_ = std::make_shared<Reservation>();

    viaduct::Mutex watch_mutex_;
    std::shared_ptr<void> vram_watch_ VIADUCT_GUARDED_BY(watch_mutex_);

    std::atomic<bool> uses_user_memory_ = false;
    sched::Rings rings_;
};

/// Names a context among all of the device.
inline uint64_t pstate_owner(const DrmFile& file, const Context& context) {
    return file.client_id() << 32 | context.id();
}

// Handlers, by the file that has them.
namespace gem {
int create(DrmFile& file, void* argument);
int mmap(DrmFile& file, void* argument);
int userptr(DrmFile& file, void* argument);
int op(DrmFile& file, void* argument);
int metadata(DrmFile& file, void* argument);
int wait_idle(DrmFile& file, void* argument);
int va(DrmFile& file, void* argument);
int bo_list(DrmFile& file, void* argument);
/// The buffers that an AMDGPU_BO_LIST or AMDGPU_CHUNK_ID_BO_HANDLES array names.
int collect_buffers(DrmFile& file, const drm_amdgpu_bo_list_in& in, BufferList* list);
}  // namespace gem

namespace ctx {
int context(DrmFile& file, void* argument);
int vm(DrmFile& file, void* argument);
}  // namespace ctx

namespace cs {
int submit(DrmFile& file, void* argument);
int wait(DrmFile& file, void* argument);
int wait_fences(DrmFile& file, void* argument);
int fence_to_handle(DrmFile& file, void* argument);
}  // namespace cs

int info(DrmFile& file, void* argument);

}  // namespace simgpu::amdgpu
