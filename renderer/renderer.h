// Renderer: everything behind the C ABI.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/quick_mutex.h"
#include "drm-context/account/vm_usage.h"
#include "renderer/context.h"
#include "renderer/fence_relay.h"
#include "renderer/guest_dmabufs.h"
#include "renderer/native_gpu.h"
#include "renderer/provider.h"
#include "renderer/record/recorder.h"
#include "renderer/resource.h"
#include "renderer/storage/own.h"

namespace viaduct {

/// The tables of contexts and resources and the rules between them. A method per C function, with
/// that function's return convention (see renderer/abi/virglrenderer.h): positive or negative
/// errno as history has it.
///
/// Threads: VMMs call from one thread at a time; the lock makes sure that calls from several find
/// consistent tables. It is never held while the VMM is called back: the classic renderer, the
/// probing of the GPU and the end of contexts run outside it. Fence callbacks take no lock of this
/// class at all.
class Renderer {
  public:
    Renderer(HostFactory host_factory, std::unique_ptr<ClassicProvider> classic_provider,
             std::shared_ptr<VmUsage> usage = VmUsage::create(),
             GuestDmabufs::Open open_udmabuf = UdmabufDevice::open,
             std::unique_ptr<Recorder> recorder = nullptr);
    ~Renderer();
    Renderer(const Renderer&) = delete;
    Renderer& operator=(const Renderer&) = delete;

    // Life cycle (renderer.cpp)
    int init(void* cookie, int flags, const virgl_renderer_callbacks* table);
    void cleanup();
    void reset();
    void poll();
    int poll_fd();
    void force_ctx_0();

    // Capability sets (renderer.cpp)
    CapsetInfo capset(uint32_t set);
    void fill_caps(uint32_t set, uint32_t version, void* caps);

    // Contexts (contexts.cpp)
    int context_create(ContextId ctx_id, uint32_t flags, std::string_view name);
    void context_destroy(ContextId ctx_id);
    int submit(ContextId ctx_id, void* buffer, int ndw, std::span<const uint64_t> in_fences = {});
    int submit_with_fences(ContextId ctx_id, void* buffer, int ndw, uint64_t* ids, uint32_t count);
    int device_fd(ContextId ctx_id);
    void attach_resource(ContextId ctx_id, ResourceId res_id);
    void detach_resource(ContextId ctx_id, ResourceId res_id);

    // Fences (fences.cpp)
    int create_fence(uint32_t fence_id);
    int context_create_fence(ContextId ctx_id, uint32_t flags, RingIndex ring, FenceId fence_id);
    void context_poll(ContextId ctx_id);
    int context_poll_fd(ContextId ctx_id);
    int attach_fence(ContextId ctx_id, int fd);
    int export_fence(FenceId fence_id, int* fd);
    int export_signalled_fence();

    // Classic resources, and what all resources have in common (resources.cpp)
    int resource_create(virgl_renderer_resource_create_args* args, iovec* iovecs, uint32_t count);
    int import_eglimage(virgl_renderer_resource_create_args* args, void* image);
    void unref(ResourceId res_id);
    int attach_iov(ResourceId res_id, iovec* iovecs, int count);
    void detach_iov(ResourceId res_id, iovec** iovecs, int* count);
    int transfer_write(const Transfer& transfer);
    int transfer_read(const Transfer& transfer);
    int info(ResourceId res_id, virgl_renderer_resource_info* info);
    int info_ext(ResourceId res_id, virgl_renderer_resource_info_ext* info);
    int export_query(virgl_renderer_export_query& query);
    void set_priv(ResourceId res_id, void* priv);
    void* get_priv(ResourceId res_id);
    void get_rect(ResourceId res_id, iovec* iovecs, uint32_t count, uint32_t offset, const Rect&);
    void* cursor_data(ResourceId res_id, uint32_t* width, uint32_t* height);
    int fd_for_texture(uint32_t tex_id, int* fd);
    int fd_for_texture2(uint32_t tex_id, int* fd, int* stride, int* offset);

    // Blobs (blobs.cpp)
    int create_blob(const virgl_renderer_resource_create_blob_args* args);
    int import_blob(const virgl_renderer_resource_import_blob_args* args);
    int map(ResourceId res_id, void** address, uint64_t* size);
    int unmap(ResourceId res_id);
    int map_fixed(ResourceId res_id, void* address);
    /// The same, of a blob of `size` bytes; with protection and flags as for mmap().
    int map_as(ResourceId res_id, void* address, uint64_t size, int protection, int flags);
    int set_guest_dmabuf(ResourceId res_id, int fd);
    int map_info(ResourceId res_id, uint32_t* info);
    int export_blob(ResourceId res_id, uint32_t* type, int* fd);

  private:
    using ContextPtr = std::shared_ptr<Context>;
    using ResourcePtr = std::shared_ptr<Resource>;
    using ClassicPtr = std::shared_ptr<ClassicRenderer>;

    ContextPtr find_context(ContextId ctx_id) const VIADUCT_REQUIRES(mutex_) {
        const auto found = contexts_.find(ctx_id);
        return found == contexts_.end() ? nullptr : found->second;
    }
    ResourcePtr find_resource(ResourceId res_id) const VIADUCT_REQUIRES(mutex_);
    bool may_create(ResourceId res_id) const VIADUCT_REQUIRES(mutex_);
    ResourcePtr insert_resource(ResourceId res_id, std::unique_ptr<Storage> storage)
        VIADUCT_REQUIRES(mutex_);

    // Without the lock: these take it.
    ResourcePtr look_up(ResourceId res_id) const;
    ClassicPtr classic() const;
    bool is_current(const ResourcePtr& resource) const;
    /// The classic renderer if it serves this context, or knows this resource; else null.
    ClassicPtr classic_for_context(ContextId ctx_id) const;
    ClassicPtr classic_for_resource(ResourceId res_id) const;
    void drop_contexts_and_resources();
    void attach_to_native(const ContextPtr& context, const ResourcePtr& resource);
    SharedFd export_for(Context& context, const ResourcePtr& resource);
    int submit_classic(const Context& context, void* buffer, int ndw);
    int refuse_submission(Context& context, const Error& error);
    int create_classic_blob(const virgl_renderer_resource_create_blob_args& args);
    int refuse_guest_handle(ResourceId res_id, const Error& error);
    int create_guest_blob(const virgl_renderer_resource_create_blob_args& args);
    BlobRequest native_blob_request(const virgl_renderer_resource_create_blob_args& args) const;
    int create_native_blob(const ContextPtr& context,
                           const virgl_renderer_resource_create_blob_args& args);
    void record_mapping(const ResourcePtr& resource);
    StorageServices services() { return {*usage_, guest_dmabufs_, log_}; }
    void note_virgl_program(const Context& context) VIADUCT_REQUIRES(mutex_);
    int add_in_fences(Context& context, const uint64_t* ids, uint32_t count);
    int add_in_fences_of(ContextId ctx_id, const std::vector<FenceId>& fence_ids, Context& context);

    const std::shared_ptr<VmUsage> usage_;
    SharedLogLimiter log_;  // for what no living context can be blamed for
    GuestDmabufs guest_dmabufs_;
    mutable QuickMutex mutex_;
    bool initialised_ VIADUCT_GUARDED_BY(mutex_) = false;
    int flags_ VIADUCT_GUARDED_BY(mutex_) = 0;
    Callbacks callbacks_ VIADUCT_GUARDED_BY(mutex_);
    bool virgl_noted_ VIADUCT_GUARDED_BY(mutex_) = false;
    std::unordered_map<ContextId, ContextPtr> contexts_ VIADUCT_GUARDED_BY(mutex_);
    std::unordered_map<ResourceId, ResourcePtr> resources_
        VIADUCT_GUARDED_BY(mutex_);  // after what their storage needs

    FenceRelay fences_;
    const std::unique_ptr<Recorder> recorder_;  // null: nothing is recorded
    NativeGpu gpu_;
    const std::unique_ptr<ClassicProvider> classic_provider_;
    ClassicPtr classic_ VIADUCT_GUARDED_BY(mutex_);  // null before init
};

}  // namespace viaduct
