// The front's side of native contexts: all that renderer/ may know of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/shared_fd.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "drm-context/account/limits.h"
#include "drm-context/device/device_source.h"
#include "wire/capset.h"

namespace viaduct {

/// VIRGL_RENDERER_MAP_CACHE_*: how the guest should map a blob.
enum class MapCache : uint32_t { kNone = 0, kCached = 1, kUncached = 2, kWriteCombined = 3 };

/// The kind of a HOST3D blob.
enum class BlobKind {
    kShm,     // the control buffer: a sealed memfd
    kDmabuf,  // created SHAREABLE
    kOpaque,  // lives in its context; exported and mapped through it
};

/// VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE, _SHAREABLE.
inline constexpr uint32_t kBlobMappable = 1;
inline constexpr uint32_t kBlobShareable = 2;

/// Bytes. A smaller buffer is not a screen's image.
inline constexpr uint64_t kSmallestShown = 256 << 10;

/// Most bytes of one command buffer. Mesa's have some tens of KiB; the largest possible request, a
/// submission with 32767 buffers, has 256 KiB.
inline constexpr size_t kMaxSubmission = 16 << 20;

struct BlobRequest {
    ResourceId res_id = {};
    uint32_t blob_flags = 0;  // VIRGL_RENDERER_BLOB_FLAG_*
    uint64_t blob_id = 0;     // 0: the control buffer
    uint64_t size = 0;        // bytes

    /// Decided by the request alone: no worker is asked.
    BlobKind kind() const {
        if (blob_id == 0) return BlobKind::kShm;
        return blob_flags & kBlobShareable ? BlobKind::kDmabuf : BlobKind::kOpaque;
    }
};

/// How the image in a buffer is laid out, as far as a guest's driver has told the kernel: any
/// values. It begins at the buffer's first byte.
struct ImageLayout {
    uint32_t fourcc = 0;  // drm_fourcc.h; 0, as in the next three: unknown
    uint32_t width = 0;   // pixels
    uint32_t height = 0;
    uint32_t stride = 0;  // bytes
    /// drm_fourcc.h; DRM_FORMAT_MOD_INVALID: unknown.
    uint64_t modifier = 0x00ff'ffff'ffff'ffff;
};

/// Where to map an opaque resource: `fd` at `offset`.
struct BlobMapSource {
    int fd = -1;  // borrowed: from `opened`, or from `file`
    uint64_t offset = 0;
    UniqueFd opened;  // for this mapping; not needed once it is mapped
    /// The context's file on the GPU. To be held until the mapping is gone, or the GPU may have to
    /// be waited for where it goes.
    std::shared_ptr<const void> file;
};

/// A blob whose worker has not answered yet. Thread-safe.
class LateBlob : public std::enable_shared_from_this<LateBlob> {
  public:
    virtual ~LateBlob() = default;
    /// Waits for the answer, as long as the VM's patience lasts: how the guest should map the blob.
    /// ETIMEDOUT: it may still come. Any other error: there is no object.
    virtual Result<MapCache> settle() = 0;
    /// The same if it is known, but the answer has not come. So is map_source() then, also of a
    /// kDmabuf.
    virtual std::optional<MapCache> foreseen() { return {}; }
    /// The blob's descriptor takes the number of `stand_in` when it comes, if that is still open.
    virtual void replace(const SharedFd& stand_in) = 0;
};

struct BlobObject {
    MapCache cache = MapCache::kNone;
    UniqueFd fd;  // always there for kShm and kDmabuf, never for kOpaque
    /// Null: the worker has answered. Else `cache` is unknown, and `fd` is a stand-in, an event
    /// that nobody signals, for replace().
    std::shared_ptr<LateBlob> late = nullptr;
    /// The kernel exports no such object, and export_blob() need not be tried.
    bool is_private = false;
    /// The booking that the memory is charged to. Hold it as long as `fd`.
    std::shared_ptr<const void> charge = nullptr;
};

/// Called once per retired fence, from the library's fence thread. A reset waits until it returns.
using FenceCallback = std::function<void(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id)>;

/// One guest context on the GPU. Calls come from one thread at a time (the VMM's). None of them
/// waits for the GPU; those that need the worker's answer give up after the deadline (ETIMEDOUT).
/// Everything is executed in call order. Destroying it returns at once: the worker winds down on
/// its own, and every accepted fence is still reported.
///
/// The GPU's driver may take seconds to open a file, while it wakes the GPU up. A context that is
/// not up in time goes on starting: it takes commands and gives out its control buffer meanwhile.
class NativeContext {
  public:
    virtual ~NativeContext() = default;

    /// Queues a guest's command buffer (copied; any alignment). One of more than kMaxSubmission
    /// bytes, or one that comes too fast for the worker, costs the guest this context.
    virtual Status submit(std::span<const std::byte> commands) = 0;
    /// Gives out the object that waits under blob_id (0: the control buffer) as resource res_id.
    /// A worker that does not answer at once is not waited for: BlobObject::late.
    virtual Result<BlobObject> create_blob(const BlobRequest& request) = 0;
    /// The file to mmap for an opaque resource; it holds at least `size` bytes, and never shrinks.
    virtual Result<BlobMapSource> map_source(ResourceId res_id, uint64_t size) = 0;
    /// A dma-buf of an opaque resource.
    virtual Result<UniqueFd> export_blob(ResourceId res_id) = 0;
    /// The layout of a resource's image. Not for each resource: a worker is asked.
    virtual Result<ImageLayout> image_layout(ResourceId /*res_id*/) {
        return fail(EOPNOTSUPP, "the layouts of images are not known here");
    }
    /// Makes a foreign dma-buf known here as res_id. Holds the descriptor until the worker has it;
    /// the caller has booked it.
    virtual void attach_resource(ResourceId res_id, SharedFd dmabuf) = 0;
    virtual void detach_resource(ResourceId res_id) = 0;
    /// `fence_id` is reported after all work submitted before on `ring_idx` is done. Any ring_idx
    /// is accepted; those without a GPU timeline retire in command order. Throws only
    /// std::bad_alloc, and leaves no fence behind then.
    virtual void create_fence(RingIndex ring_idx, FenceId fence_id) = 0;
    /// A sync file for a fence of this context that is still pending; ENOENT otherwise.
    virtual Result<UniqueFd> export_fence(FenceId fence_id) = 0;
    /// The next GPU submission waits for this sync file too. Holds it like attach_resource().
    virtual Status add_in_fence(SharedFd sync_file) = 0;
    /// The context's own render-node file; borrowed, -1 if it has none yet.
    virtual int device_fd() const = 0;
};

struct VmCounters;
class VmUsage;

/// Which GPU a host runs on and why, for people.
struct GpuNote {
    std::string node;         // "/dev/dri/renderD128"; empty: simulated, or unknown
    std::string description;  // "/dev/dri/renderD128 (amdgpu)"; for the metrics, too
    std::string reason;       // see driver/choose_gpu.h
    std::string warning;      // a sentence; empty: nothing
};

/// The parts that a host lends to each of its contexts.
struct HostOptions {
    ContextLimits limits;
    std::string vm_name;  // for the host's tools and the metrics; any bytes
    GpuNote gpu;
    /// The VM's own counters, which outlive the host; null: the host keeps some.
    std::shared_ptr<VmCounters> counters;
    /// Where contexts and their descriptors are booked; null: nowhere.
    std::shared_ptr<VmUsage> usage;
    /// Where to serve the metrics: at the first path that can be had. Empty: nowhere.
    std::vector<std::string> metrics_paths;
    /// Whether somebody asked for them: then it is worth a warning if none can be had.
    bool metrics_wanted = false;
    /// On which threads the GPU may be opened: a VMM's callback must be called on the VMM's.
    enum class OpenOn { kAnyThread, kCallersThread };
    OpenOn open_on = OpenOn::kAnyThread;
    /// Whether guests may send requests past the VMM, and see that work has ended before the VMM
    /// hears of its fence (wire::GuestRing, wire::FinishedWork).
    bool offers_shortcuts = true;
};

/// The GPU that native contexts run on. Thread-safe.
class NativeContextHost {
  public:
    /// Probes the device that `open` gives. ENODEV: no usable GPU; ENOTSUP: a driver or version
    /// that no native context fits.
    static Result<std::unique_ptr<NativeContextHost>> create(OpenDevice open,
                                                             FenceCallback on_fence,
                                                             HostOptions options = {});
    /// Ends at once what destroyed contexts still do, and drops their fences: no callback starts
    /// afterwards. All contexts must be gone. Not from within a callback.
    virtual ~NativeContextHost() = default;

    virtual const wire::CapsetDrm& capset() const = 0;
    virtual GpuNote gpu() const { return {}; }
    /// To be called once a VMM is connected: figures can be had from then on, if there is a place
    /// for them (HostOptions::metrics_paths). Further calls do nothing.
    virtual void serve_metrics() {}
    /// `name`: the guest process's, for logs and the host's tools; any bytes.
    virtual Result<std::unique_ptr<NativeContext>> create_context(ContextId ctx_id,
                                                                  std::string_view name) = 0;
    /// A sync file that has signalled already.
    virtual Result<UniqueFd> signalled_sync_file() = 0;
    /// The guest starts anew: as the destructor, except that the GPU and all that new
    /// contexts need stay. Waits for a callback that runs, and for no worker.
    virtual void reset() = 0;
};

}  // namespace viaduct
