// DrmFile: one open file of the simulated render node.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "simgpu/amd/kernel/context.h"
#include "simgpu/amd/kernel/handle_table.h"
#include "simgpu/amd/kernel/memory.h"
#include "simgpu/amd/kernel/model.h"
#include "simgpu/amd/kernel/rings.h"
#include "simgpu/simgpu.h"
#include "simgpu/sync/syncobj.h"

namespace simgpu::amdgpu {

/// A residency list (AMDGPU_BO_LIST): the buffers a submission names.
using BufferList = std::vector<BufferPtr>;

/// The kernel's name for this process. Serves as the client's name until it sets one.
std::string process_name();

/// How ioctls name a context's queue.
struct EntityName {
    uint32_t ip_type = 0;
    uint32_t ip_instance = 0;
    uint32_t ring = 0;
};

/// Holds what the file owns; the ioctls are free functions over it (gem.cpp, va.cpp, ...).
class DrmFile final : public File {
  public:
    DrmFile(const ModelInfo& model, std::shared_ptr<shared::SharedDevice> device,
            viaduct::UniqueFd stand_in);
    ~DrmFile() override;

    // File
    int ioctl(unsigned long request, void* argument) override;
    tl::expected<MapSource, int> map_source(uint64_t mmap_offset) override;
    std::string fdinfo() const override;
    int fd() const override { return stand_in_.get(); }
    void flush(Flush kind) override;

    const sched::ClientPtr& client() const { return client_; }
    uint64_t client_id() const { return client_->id(); }
    std::string client_name() const { return client_->name(); }
    /// Empty: the process's own name, which fdinfo() does not show.
    void set_client_name(const std::string& name);
    /// For AMDGPU_INFO_GPUVM_FAULT.
    GpuvmFault last_fault() const { return {client_->last_fault_va(), 0, 0}; }

    const ModelInfo& model() const { return model_; }
    shared::SharedDevice& device() { return *device_; }
    std::shared_ptr<shared::SharedDevice> shared_device() { return device_; }
    drm::SyncobjTable& syncobjs() { return syncobjs_; }
    BufferTable& buffers() { return buffers_; }
    AddressSpace& address_space() { return address_space_; }
    /// Linux: amdgpu_ctx_mgr.lock, which a flush holds while it waits for the hardware. Taken by
    /// all that looks at a context; before any reservation.
    std::mutex& context_manager() { return context_manager_; }
    /// With the context manager's lock held.
    HandleTable<Context>& contexts() { return contexts_; }
    /// Linux: amdgpu_ctx_get(). Takes the context manager's lock.
    ContextPtr find_context(uint32_t id);
    /// Linux: amdgpu_ctx_fini(). Waits until what the context has queued is handed over.
    void release_context(Context& context);
    /// Linux: amdgpu_ctx_get_entity(): the queue that an ioctl names. -EINVAL, or the error of the
    /// job that it handed over last.
    int find_entity(Context& context, const EntityName& name, Entity** entity) const;
    HandleTable<const BufferList>& buffer_lists() { return buffer_lists_; }
    /// The hardware ring that the next job of an entity goes to; with the submission mutex held.
    sched::Ring& choose_ring(Entity& entity, const IpBlock& ip);
    const std::shared_ptr<Reservation>& own_reservation() { return own_reservation_; }
    /// Of all VM_ALWAYS_VALID buffers, likewise; null if the device has no room for it.
    const std::shared_ptr<shared::Residence>& always_valid_uses() { return always_valid_uses_; }
    /// Whose its jobs are to implicit synchronisation; unique in the process, over all devices.
    uint64_t sync_owner() const { return reinterpret_cast<uintptr_t>(client_.get()); }
    /// Jobs use memory of the process: it must stay mapped until they have finished.
    void note_user_memory() { uses_user_memory_ = true; }
    /// Clears this process's VRAM when the device loses it, from the first context on.
    void watch_vram();

  private:
    std::string busy_lines() const;

    const ModelInfo& model_;
    const std::shared_ptr<shared::SharedDevice> device_;
    const viaduct::UniqueFd stand_in_;
    const sched::ClientPtr client_;
    const std::shared_ptr<shared::Residence> always_valid_uses_ =
        shared::Residence::create_group(device_);
    drm::SyncobjTable syncobjs_;
    AddressSpace address_space_{kAddressLayout, device_};
    BufferTable buffers_;
    mutable std::mutex context_manager_;
    HandleTable<Context> contexts_;
    HandleTable<const BufferList> buffer_lists_;
    /// Of all VM_ALWAYS_VALID buffers: every job of the file uses them.
    const std::shared_ptr<Reservation> own_reservation_ = std::make_shared<Reservation>();

    mutable std::mutex mutex_;
    bool has_own_name_ = false;
    std::shared_ptr<void> vram_watch_;

    std::atomic<bool> uses_user_memory_ = false;
    sched::Rings rings_;
};

/// Names a context among all of the device.
inline uint64_t pstate_owner(const DrmFile& file, const Context& context) {
    return file.client_id() << 32 | context.id();
}

/// One ioctl of the amdgpu driver or the DRM core.
struct IoctlEntry {
    unsigned long request;  // as the kernel declares it: number, direction, size
    const char* name;
    /// On a private copy of the argument of at least the kernel's size. 0 or a negative errno.
    int (*handler)(DrmFile& file, void* argument);
};

// Handlers, by the file that has them.
namespace core {
int version(DrmFile& file, void* argument);
int get_unique(DrmFile& file, void* argument);
int get_client(DrmFile& file, void* argument);
int get_cap(DrmFile& file, void* argument);
int set_client_cap(DrmFile& file, void* argument);
int set_client_name(DrmFile& file, void* argument);
int gem_close(DrmFile& file, void* argument);
int prime_handle_to_fd(DrmFile& file, void* argument);
int prime_fd_to_handle(DrmFile& file, void* argument);
int refuse_without_master(DrmFile& file, void* argument);
}  // namespace core

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
