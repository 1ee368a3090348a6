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

#include "simgpu/amdgpu/address_space.h"
#include "simgpu/amdgpu/buffer.h"
#include "simgpu/amdgpu/context.h"
#include "simgpu/amdgpu/handle_table.h"
#include "simgpu/amdgpu/job.h"
#include "simgpu/amdgpu/model.h"
#include "simgpu/amdgpu/ring.h"
#include "simgpu/drm/syncobj.h"
#include "simgpu/simgpu.h"

namespace simgpu::amdgpu {

/// A residency list (AMDGPU_BO_LIST): the buffers a submission names.
using BufferList = std::vector<BufferPtr>;

/// Holds what the file owns; the ioctls are free functions over it (gem.cpp, va.cpp, ...).
class DrmFile final : public File, public JobOwner {
  public:
    DrmFile(const ModelInfo& model, std::shared_ptr<shared::SharedDevice> device,
            viaduct::UniqueFd stand_in);
    ~DrmFile() override;

    // File
    int ioctl(unsigned long request, void* argument) override;
    tl::expected<MapSource, int> map_source(uint64_t mmap_offset) override;
    std::string fdinfo() const override;
    int fd() const override { return stand_in_.get(); }

    // JobOwner
    uint64_t client_id() const override { return client_id_; }
    std::string client_name() const override;
    void record_fault(const GpuvmFault& fault) override;

    const ModelInfo& model() const { return model_; }
    shared::SharedDevice& device() { return *device_; }
    std::shared_ptr<shared::SharedDevice> shared_device() { return device_; }
    drm::SyncobjTable& syncobjs() { return syncobjs_; }
    BufferTable& buffers() { return buffers_; }
    AddressSpace& address_space() { return address_space_; }
    HandleTable<Context>& contexts() { return contexts_; }
    HandleTable<const BufferList>& buffer_lists() { return buffer_lists_; }
    Ring& ring(size_t index) { return *rings_[index]; }
    const std::shared_ptr<Reservation>& own_reservation() { return own_reservation_; }
    size_t pending_jobs() const;
    GpuvmFault last_fault() const;
    void set_client_name(std::string name);

  private:
    const ModelInfo& model_;
    const std::shared_ptr<shared::SharedDevice> device_;
    const viaduct::UniqueFd stand_in_;
    const uint64_t client_id_;
    drm::SyncobjTable syncobjs_;
    AddressSpace address_space_;
    BufferTable buffers_;
    HandleTable<Context> contexts_;
    HandleTable<const BufferList> buffer_lists_;
    /// Of all VM_ALWAYS_VALID buffers: every job of the file uses them.
    const std::shared_ptr<Reservation> own_reservation_ = std::make_shared<Reservation>();

    mutable std::mutex mutex_;
    std::string client_name_;
    GpuvmFault last_fault_{};

    std::vector<std::unique_ptr<Ring>> rings_;  // last: their threads use the rest
};

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
