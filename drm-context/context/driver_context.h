// DriverContext: the native context of one guest file, without its driver's commands. A driver
// derives from it and brings a table of commands.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "blob/mapping.h"
#include "drm-context/account/context_account.h"
#include "drm-context/account/ring_statistics.h"
#include "drm-context/context/busy_meter.h"
#include "drm-context/context/control_buffer.h"
#include "drm-context/context/gem_handles.h"
#include "drm-context/context/in_fence.h"
#include "drm-context/context/loss_report.h"
#include "drm-context/context/loss_watch.h"
#include "drm-context/context/objects.h"
#include "drm-context/context/request.h"
#include "drm-context/context/ring_fences.h"
#include "drm-context/device/device.h"
#include "drm-context/driver/traits.h"
#include "drm-context/native_context.h"

namespace viaduct {

/// Used by the worker's thread only.
class DriverContext {
  public:
    DriverContext(std::unique_ptr<Device> device, std::unique_ptr<ContextAccount> account,
                  const DriverTraits& traits)
        : device_(std::move(device)),
          account_(std::move(account)),
          statistics_(account_->counters()),
          meter_(*device_, *account_, statistics_),
          traits_(traits),
          gem_(*device_) {}
    virtual ~DriverContext() = default;
    DriverContext(const DriverContext&) = delete;
    DriverContext& operator=(const DriverContext&) = delete;

    const DriverTraits& traits() const { return traits_; }
    Device& device() { return *device_; }
    ContextAccount& account() { return *account_; }
    RingStatistics& statistics() { return statistics_; }
    BusyMeter& meter() { return meter_; }
    ControlBuffer& control() { return control_; }
    /// The rings that can have GPU work; fences on others retire in command order.
    RingFences& rings() { return rings_; }
    const RingFences& rings() const { return rings_; }
    InFence& in_fence() { return in_fence_; }
    LogLimiter& limiter() { return limiter_; }
    ObjectTables& objects() { return objects_; }
    const ObjectTables& objects() const { return objects_; }

    /// `name`: for logs; sanitised already. `client_name`: for the host's tools (make_client_name).
    void set_name(std::string name, const std::string& client_name);
    const std::string& name() const { return name_; }

    /// The control buffer's memory has come: from now on the guest can be answered.
    Status adopt_control_buffer(const UniqueFd& memory);
    Result<BlobObject> create_blob(const BlobRequest& request);
    Result<MapSource> map_source(ResourceId res_id);
    /// An object that waits under a blob id, as its resource will be mapped.
    struct Unclaimed {
        uint64_t size = 0;  // bytes
        MapCache cache = MapCache::kNone;
        Result<MapSource> source;  // an error: the CPU has no access
        bool if_opaque = false;    // a kDmabuf will be another object
    };
    std::optional<Unclaimed> describe_unclaimed(uint64_t blob_id);
    /// A dma-buf of a resource, whether it was created shareable or not. EINVAL: unknown here;
    /// EPERM: the driver's kernel exports no buffer of this kind.
    Result<UniqueFd> export_blob(ResourceId res_id);
    /// How a resource's image is laid out. EINVAL: unknown here.
    Result<ImageLayout> image_layout(ResourceId res_id);
    Status attach_resource(ResourceId res_id, UniqueFd dmabuf);
    void detach_resource(ResourceId res_id) { objects_.remove_resource(res_id); }

    /// The fence ring of a queue, where submissions name one (RingField::Names::kQueue); nothing if
    /// the guest has no such queue.
    virtual std::optional<RingIndex> ring_of_queue(uint32_t /*queue*/) const { return {}; }

    /// Called when work is done, before its fences retire: looks for losses, which the guest must
    /// see first.
    virtual void check_for_reset() {}

    /// The first `submissions` of `ring` have ended; called before their fences retire.
    virtual void work_ended(RingIndex /*ring*/, uint64_t /*submissions*/, bool /*failed*/) {}
    /// True once if the newest submission is to be followed to its end even if no fence asks for
    /// it.
    bool take_followed() { return std::exchange(followed_, false); }

    /// The driver's GPU contexts or queues that can be lost.
    LossWatch& watch() { return watch_; }
    const LossWatch& watch() const { return watch_; }
    /// The field that shows a loss: for failures that a guest's driver must take for one, such as
    /// that of a command without a response.
    LossReport& losses() { return losses_; }

  protected:
    /// The fake mmap offset of a buffer, by the driver's own ioctl.
    virtual Result<uint64_t> mmap_offset(GemHandle gem_handle) = 0;
    /// The control buffer exists now: fill the driver's fields.
    virtual void control_created() {}
    /// `object` was made by a command and becomes a resource of this kind; a kDmabuf is exported
    /// next. An error: it becomes none, and is released.
    virtual Status object_claimed(BufferObject& /*object*/, BlobKind /*kind*/) { return {}; }
    /// Whether object_claimed() puts another in its place if it becomes a kDmabuf.
    virtual bool is_replaced_when_shared(const BufferObject& /*object*/) const { return false; }
    /// What the kernel was told of the image in a buffer, by anybody who has it.
    virtual ImageLayout layout_of(GemHandle /*gem_handle*/) { return {}; }

    GemHandleTable& gem() { return gem_; }
    Result<UniqueFd> export_dmabuf(GemHandle gem_handle);
    /// For a submission that uses `buffers` (kGuarded ones): a sync file of `in_fence` (invalid:
    /// none) and of what others still do with them. Without this a guest may overwrite a frame
    /// that the host's compositor reads, as nothing shows the guest's driver that it does. The GPU
    /// waits, not the worker, and for this context's work alone. If the kernel does not show what
    /// others do, `in_fence`, and a line in the log.
    UniqueFd wait_for_users(UniqueFd in_fence, std::span<const GemHandle> buffers);
    /// `size` bytes of a buffer from `offset`, a multiple of 4 KiB, for reading and writing.
    Result<Mapping> map_buffer(GemHandle gem_handle, uint64_t offset, size_t size);
    void follow_submission() { followed_ = true; }

  private:
    Result<UniqueFd> unfinished_uses(GemHandle buffer);

    std::unique_ptr<Device> device_;
    std::unique_ptr<ContextAccount> account_;  // before objects_, which hold charges
    RingStatistics statistics_;
    BusyMeter meter_;
    const DriverTraits& traits_;
    GemHandleTable gem_;  // before objects_: they release their handles into it
    ObjectTables objects_;
    ControlBuffer control_;
    LogLimiter limiter_;
    std::string name_;
    RingFences rings_{*device_};
    InFence in_fence_{*device_};
    LossReport losses_{control_, traits_.loss};
    LossWatch watch_{losses_, account_->counters(), name_};
    bool followed_ = false;
};

}  // namespace viaduct
