// OpenFile: one open file of a simulated render node, as the DRM core has it. What a driver adds is
// in a class that derives from it, and in its table of ioctls.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "simgpu/drm/handle_table.h"
#include "simgpu/sched/client.h"
#include "simgpu/simgpu.h"
#include "simgpu/sync/syncobj.h"

namespace simgpu::drm {

class OpenFile;

/// One ioctl of a driver or the DRM core.
struct IoctlEntry {
    unsigned long request;  // as the kernel declares it: number, direction, size
    const char* name;
    /// On a private copy of the argument of at least the kernel's size. 0 or a negative errno.
    int (*handler)(OpenFile& file, void* argument);
};

/// Properties shared by all files of a driver (Linux: struct drm_driver).
struct Driver {
    std::string_view name;  // "amdgpu"
    std::string_view date;
    std::string_view description;
    int major = 0;
    int (*minor)() = nullptr;
    std::span<const IoctlEntry> ioctls;
    /// Of these, which wait interruptibly: for fences (dma_fence_wait()), for reservations or room
    /// in memory (drm_exec, ttm_bo_validate()).
    std::span<const unsigned long> interruptible;
    /// The one that submits work, for injections.
    unsigned long submission = 0;
};

/// Thread-safe.
class OpenFile : public File {
  public:
    /// `stand_in`: the descriptor behind fd().
    OpenFile(const Driver& driver, std::shared_ptr<shared::SharedDevice> device,
             viaduct::UniqueFd stand_in);

    // File
    int ioctl(unsigned long request, void* argument) final;
    tl::expected<MapSource, int> map_source(uint64_t mmap_offset) final;
    int fd() const final { return stand_in_.get(); }

    const Driver& driver() const { return driver_; }
    shared::SharedDevice& device() { return *device_; }
    const std::shared_ptr<shared::SharedDevice>& shared_device() const { return device_; }
    SyncobjTable& syncobjs() { return syncobjs_; }
    BufferTable& buffers() { return buffers_; }

    const sched::ClientPtr& client() const { return client_; }
    uint64_t client_id() const { return client_->id(); }
    std::string client_name() const { return client_->name(); }
    /// Empty: the process's own name, which fdinfo does not show.
    void set_client_name(const std::string& name);

    // Queries of the core to a driver.

    /// The value of a DRM_CAP_* beyond those that every driver has; nothing: unknown.
    virtual std::optional<uint64_t> capability(uint64_t cap) const = 0;
    /// Whether the CPU may map it, and whether it may be exported: 0 or a negative errno.
    virtual int may_map(const Buffer& buffer) const = 0;
    virtual int may_export(const Buffer& buffer) const = 0;
    /// Of a buffer that no file of the device made.
    virtual Buffer::Record foreign_record() const = 0;
    /// The file's handle of the buffer has gone.
    virtual void handle_closed(const BufferPtr& buffer) = 0;

  protected:
    /// The first lines of fdinfo: driver, client (Linux: Documentation/gpu/drm-usage-stats.rst).
    std::string client_lines() const;

  private:
    const Driver& driver_;
    const std::shared_ptr<shared::SharedDevice> device_;
    const viaduct::UniqueFd stand_in_;
    const sched::ClientPtr client_;
    SyncobjTable syncobjs_;
    BufferTable buffers_;
    mutable viaduct::Mutex name_mutex_;
    bool has_own_name_ VIADUCT_GUARDED_BY(name_mutex_) = false;
};

/// A row's handler that takes the driver's own class.
template <auto kHandler>
struct HandlerOf;
template <typename DriverFile, int (*kHandler)(DriverFile&, void*)>
struct HandlerOf<kHandler> {
    static int call(OpenFile& file, void* argument) {
        return kHandler(static_cast<DriverFile&>(file), argument);
    }
};
template <auto kHandler>
inline constexpr auto on = HandlerOf<kHandler>::call;

}  // namespace simgpu::drm
