// The virtio-gpu device and the guest kernel's global state, on top of a renderer library.
//
// All methods, and so all calls of the library, come from one thread, in the order in which the
// guest's commands arrived: one virtqueue.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "tests/loopback/protocol.h"
#include "tests/loopback/server/fence_inbox.h"
#include "tests/loopback/server/fence_timelines.h"
#include "tests/loopback/server/host_window.h"
#include "tests/loopback/server/renderer_api.h"
#include "tests/loopback/server/resource.h"

namespace viaduct::loopback {

/// The default window, in bytes. Programs do not fill it, so CREATE_BLOB need not wait to hear that
/// there was room, as it need not in a guest.
inline constexpr uint64_t kAmpleWindow = 16ull << 30;

/// How a machine monitor would drive the library.
struct DeviceOptions {
    /// The flags that crosvm and QEMU 11 set for native contexts alone.
    int init_flags = VIRGL_RENDERER_THREAD_SYNC | VIRGL_RENDERER_ASYNC_FENCE_CB |
                     VIRGL_RENDERER_DRM | VIRGL_RENDERER_NO_VIRGL;
    int callbacks_version = VIRGL_RENDERER_CALLBACKS_VERSION;
    /// get_drm_fd opens this node; empty: the callback is null, as QEMU's.
    std::string render_node;
    /// Try resource_map_fixed before resource_map, as QEMU 11 does.
    bool map_fixed = true;
    uint64_t window_size = kAmpleWindow;  // bytes
    /// The feature BLOB_ALIGNMENT, in bytes; 0: without it.
    uint32_t blob_alignment = 0;
};

struct BlobReply {
    BlobDescriptor blob{};
    UniqueFd fd;
};

class VirtioGpu {
  public:
    static Result<std::unique_ptr<VirtioGpu>> create(RendererApi& api, DeviceOptions options);
    /// Cleans the library up; all files must be closed.
    ~VirtioGpu();

    HelloReply probe() const;
    FileId open_file();
    /// As the guest kernel on the last close: drops every handle, then the context.
    void close_file(FileId file);

    Result<std::vector<std::byte>> get_capset(const GetCapset& request);
    Status create_context(FileId file, const CreateContext& request);
    Status create_blob(FileId file, const CreateBlob& request, std::span<std::byte> command,
                       UniqueFd pages);
    Status submit(FileId file, const Submit& request, std::span<std::byte> payload);
    Result<BlobReply> map_blob(FileId file, uint32_t resource_id);
    /// A dma-buf: keeps the resource, whoever holds it, as it does in the guest's kernel.
    Result<BlobReply> export_blob(FileId file, uint32_t resource_id);
    Result<ImportReply> import_blob(FileId file, const ImportBlob& request);
    Status close_resource(FileId file, uint32_t resource_id);
    Status create_classic(FileId file, const CreateClassic& request, UniqueFd pages);
    Status transfer(FileId file, const Transfer& request);

    bool is_busy(uint32_t resource_id) const { return fences_.is_busy(resource_id); }
    /// Readable when retired fences may be waiting.
    int fence_fd() const { return inbox_.wakeup_fd(); }
    /// True if nobody but virgl_renderer_poll will report what is pending.
    bool needs_polling() const;
    /// True while resources exist that only dma-bufs keep: reap_exported() wants to be called now
    /// and then.
    bool has_orphans() const { return !orphans_.empty(); }
    void reap_exported();

    /// The fences that the library has reported since the last call.
    std::vector<FenceEvent> take_signalled();

    const DeviceStatistics& statistics() const { return statistics_; }
    size_t files() const { return files_.size(); }
    size_t resources() const { return resources_.size(); }

  private:
    struct File {
        uint32_t ctx_id = 0;
        bool has_context = false;
        uint32_t capset_id = 0;  // the context's
        std::set<uint32_t> resources;
    };

    VirtioGpu(RendererApi& api, DeviceOptions options, HostWindow window, UniqueFd wakeup);
    void fill_callbacks();
    void probe_capsets();

    Result<File*> find_file(FileId file);
    Result<Resource*> find_resource(FileId file, uint32_t resource_id);
    Status adopt_pages(Resource& resource, UniqueFd pages);
    Status reserve_place(Resource& resource);
    void unmap_in_host(Resource& resource);
    int map_at_place(Resource& resource);
    void map_in_host(Resource& resource);
    Status describe(Resource& resource);
    void hold(FileId id, File& file, Resource& resource);
    void drop_handle(FileId id, File& file, uint32_t resource_id);
    void release(uint32_t resource_id);
    void destroy(Resource& resource);
    void run_command(File& file, std::span<std::byte> command);
    void create_fence(File& file, FenceOwner owner);

    RendererApi& api_;
    const DeviceOptions options_;
    virgl_renderer_callbacks callbacks_{};
    HostWindow window_;
    FenceInbox inbox_;
    FenceTimelines fences_;
    std::vector<CapsetInfo> capsets_;
    std::map<FileId, File> files_;
    FileId next_file_ = 1;
    std::set<uint32_t> used_context_ids_;
    std::map<uint32_t, Resource> resources_;
    std::set<uint32_t> orphans_;  // without handles, but perhaps with a dma-buf somewhere
    DeviceStatistics statistics_;
    bool initialised_ = false;
};

}  // namespace viaduct::loopback
