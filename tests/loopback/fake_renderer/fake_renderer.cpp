#include "tests/loopback/fake_renderer/fake_renderer.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "blob/mapping.h"
#include "blob/memfd.h"
#include "renderer/abi/virglrenderer.h"
#include "wire/capset.h"
#include "wire/ccmd.h"

namespace viaduct::loopback::fake {

namespace {

constexpr uint32_t kResponseOffset = 16;

struct Context {
    std::map<uint64_t, uint32_t> objects;  // blob id to ObjectFlags
    std::set<uint32_t> attached;
    uint32_t control = 0;  // resource
};

struct HostResource {
    UniqueFd memory;
    Mapping mapping;
    std::vector<iovec> iovecs;
    uint32_t flags = 0;
    bool mapped = false;
};

struct PendingFence {
    uint32_t ctx_id;
    uint32_t ring;
    uint64_t id;
    bool is_global;
};

/// All state; calls come from one thread, the fence thread shares what is below `mutex`.
class Renderer {
  public:
    void start(void* cookie, virgl_renderer_callbacks* callbacks) {
        cookie_ = cookie;
        callbacks_ = callbacks;
        stop_ = false;
        thread_ = std::thread([this] { retire_loop(); });
    }
    void stop() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
            changed_.notify_all();
        }
        if (thread_.joinable()) thread_.join();
        contexts.clear();
        resources.clear();
        fences_.clear();
        held_.clear();
        cookie_ = nullptr;
    }
    bool running() const { return cookie_ != nullptr; }

    void push_fence(const PendingFence& fence) {
        const std::lock_guard lock(mutex_);
        fences_.push_back(fence);
        changed_.notify_all();
    }
    void hold(uint32_t ring, bool is_held) {
        const std::lock_guard lock(mutex_);
        if (is_held)
            held_.insert(ring);
        else
            held_.erase(ring);
        changed_.notify_all();
    }
    void note(std::string line) {
        const std::lock_guard lock(mutex_);
        journal_.push_back(std::move(line));
    }
    Journal take_journal() {
        const std::lock_guard lock(mutex_);
        return std::exchange(journal_, {});
    }

    std::map<uint32_t, Context> contexts;
    std::map<uint32_t, HostResource> resources;

  private:
    void retire_loop() {
        std::unique_lock lock(mutex_);
        while (!stop_) {
            const auto next = std::ranges::find_if(
                fences_, [&](const PendingFence& fence) { return !held_.contains(fence.ring); });
            if (next == fences_.end()) {
                changed_.wait(lock);
                continue;
            }
            const PendingFence fence = *next;
            fences_.erase(next);
            lock.unlock();
            if (fence.is_global)
                callbacks_->write_fence(cookie_, static_cast<uint32_t>(fence.id));
            else
                callbacks_->write_context_fence(cookie_, fence.ctx_id, fence.ring, fence.id);
            lock.lock();
        }
    }

    void* cookie_ = nullptr;
    virgl_renderer_callbacks* callbacks_ = nullptr;
    std::thread thread_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stop_ = false;
    std::deque<PendingFence> fences_;
    std::set<uint32_t> held_;
    Journal journal_;
};

Renderer& renderer() {
    static Renderer instance;
    return instance;
}

template <typename T>
T read_as(const std::byte* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof(T));
    return value;
}

std::span<std::byte> memory_of(HostResource& resource) {
    if (!resource.iovecs.empty())
        return {static_cast<std::byte*>(resource.iovecs[0].iov_base), resource.iovecs[0].iov_len};
    return resource.mapping.bytes();
}

void fill(Context& context, const Fill& request) {
    const auto entry = renderer().resources.find(request.resource_id);
    if (entry == renderer().resources.end() || !context.attached.contains(request.resource_id))
        return;
    const auto memory = memory_of(entry->second);
    for (uint64_t i = 0; i < request.count; ++i) {
        const uint64_t at = request.offset + i * sizeof(uint32_t);
        if (at + sizeof(uint32_t) > memory.size()) return;
        std::memcpy(memory.data() + at, &request.value, sizeof(request.value));
    }
}

void run_request(Context& context, const wire::RequestHeader& header, const std::byte* body) {
    const auto control = renderer().resources.find(context.control);
    std::byte* const shmem =
        control == renderer().resources.end() ? nullptr : control->second.mapping.data();
    switch (static_cast<Command>(header.cmd)) {
        case Command::kEcho:
            if (shmem)
                std::memcpy(shmem + kResponseOffset + header.rsp_off, body,
                            header.len - sizeof(header));
            break;
        case Command::kCreateObject: {
            const auto object = read_as<CreateObject>(body);
            context.objects[object.blob_id] = object.flags;
            break;
        }
        case Command::kFill:
            fill(context, read_as<Fill>(body));
            break;
        case Command::kHold: {
            const auto hold = read_as<Hold>(body);
            renderer().hold(hold.ring, hold.hold != 0);
            break;
        }
    }
    if (shmem) __atomic_store_n(reinterpret_cast<uint32_t*>(shmem), header.seqno, __ATOMIC_RELEASE);
}

int submit(uint32_t ctx_id, const std::byte* bytes, size_t size) {
    const auto entry = renderer().contexts.find(ctx_id);
    if (entry == renderer().contexts.end()) return EINVAL;
    while (size >= sizeof(wire::RequestHeader)) {
        const auto header = read_as<wire::RequestHeader>(bytes);
        if (header.len < sizeof(header) || header.len > size) return EINVAL;
        run_request(entry->second, header, bytes + sizeof(header));
        bytes += header.len;
        size -= header.len;
    }
    return 0;
}

int create_host_memory(HostResource& resource, uint64_t size) {
    auto memory = create_sealed_memfd("fake-blob", size);
    if (!memory) return -ENOMEM;
    auto mapping = Mapping::map_shared(memory->get(), 0, size);
    if (!mapping) return -ENOMEM;
    resource.memory = std::move(*memory);
    resource.mapping = std::move(*mapping);
    return 0;
}

int create_blob(const virgl_renderer_resource_create_blob_args& args) {
    HostResource resource;
    if (args.num_iovs != 0) resource.iovecs.assign(args.iovecs, args.iovecs + args.num_iovs);
    if (args.blob_mem == VIRGL_RENDERER_BLOB_MEM_HOST3D) {
        const auto context = renderer().contexts.find(args.ctx_id);
        if (context == renderer().contexts.end()) return -EINVAL;
        auto& objects = context->second.objects;
        if (args.blob_id == 0) {
            context->second.control = args.res_handle;
        } else {
            const auto object = objects.find(args.blob_id);
            if (object == objects.end()) return -ENOENT;
            resource.flags = object->second;
            objects.erase(object);
        }
        if (resource.flags & kRefuseCreate) return -EINVAL;
        if (const int status = create_host_memory(resource, args.size); status != 0) return status;
        if (args.blob_id == 0) {
            const wire::ShmemHeader header{0, kResponseOffset};
            std::memcpy(resource.mapping.data(), &header, sizeof(header));
        }
    }
    renderer().resources[args.res_handle] = std::move(resource);
    return 0;
}

HostResource* find_resource(uint32_t id) {
    const auto entry = renderer().resources.find(id);
    return entry == renderer().resources.end() ? nullptr : &entry->second;
}

}  // namespace

}  // namespace viaduct::loopback::fake

using namespace viaduct::loopback::fake;

extern "C" {

void fake_renderer_take_journal(Journal* journal) {
    *journal = renderer().take_journal();
}

int virgl_renderer_init(void* cookie, int flags, virgl_renderer_callbacks* callbacks) {
    if (renderer().running()) return -EBUSY;
    renderer().note(fmt::format("init {:#x} version {}", flags, callbacks->version));
    renderer().start(cookie, callbacks);
    return 0;
}

void virgl_renderer_cleanup(void*) {
    renderer().stop();
    renderer().note("cleanup");
}

void virgl_renderer_poll() {}

void virgl_renderer_get_cap_set(uint32_t set, uint32_t* max_ver, uint32_t* max_size) {
    *max_ver = 0;
    *max_size = set == VIRTGPU_DRM_CAPSET_DRM ? sizeof(viaduct::wire::CapsetDrm) : 0;
}

void virgl_renderer_fill_caps(uint32_t set, uint32_t, void* caps) {
    if (set != VIRTGPU_DRM_CAPSET_DRM) return;
    viaduct::wire::CapsetDrm capset{};
    capset.context_type = viaduct::wire::ContextType::kAmdgpu;
    std::memcpy(caps, &capset, sizeof(capset));
}

int virgl_renderer_context_create_with_flags(uint32_t ctx, uint32_t flags, uint32_t nlen,
                                             const char* name) {
    renderer().note(fmt::format("create_context {} {} {}", ctx, flags, std::string(name, nlen)));
    renderer().contexts[ctx];
    return flags == VIRTGPU_DRM_CAPSET_DRM ? 0 : EINVAL;
}

void virgl_renderer_context_destroy(uint32_t ctx) {
    renderer().note(fmt::format("destroy_context {}", ctx));
    renderer().contexts.erase(ctx);
}

int virgl_renderer_submit_cmd(void* buffer, int ctx, int ndw) {
    renderer().note(fmt::format("submit {} {}", ctx, ndw));
    return submit(static_cast<uint32_t>(ctx), static_cast<const std::byte*>(buffer),
                  static_cast<size_t>(ndw) * sizeof(uint32_t));
}

void virgl_renderer_ctx_attach_resource(int ctx, int resource) {
    renderer().note(fmt::format("attach {} {}", ctx, resource));
    const auto entry = renderer().contexts.find(static_cast<uint32_t>(ctx));
    if (entry != renderer().contexts.end())
        entry->second.attached.insert(static_cast<uint32_t>(resource));
}

void virgl_renderer_ctx_detach_resource(int ctx, int resource) {
    renderer().note(fmt::format("detach {} {}", ctx, resource));
    const auto entry = renderer().contexts.find(static_cast<uint32_t>(ctx));
    if (entry != renderer().contexts.end())
        entry->second.attached.erase(static_cast<uint32_t>(resource));
}

int virgl_renderer_create_fence(int id, uint32_t) {
    renderer().push_fence({0, UINT32_MAX, static_cast<uint64_t>(id), true});
    return 0;
}

int virgl_renderer_context_create_fence(uint32_t ctx, uint32_t, uint32_t ring, uint64_t id) {
    if (!renderer().contexts.contains(ctx)) return -EINVAL;
    renderer().push_fence({ctx, ring, id, false});
    return 0;
}

int virgl_renderer_resource_create(virgl_renderer_resource_create_args* args, iovec*, uint32_t) {
    renderer().note(fmt::format("create_classic {}", args->handle));
    renderer().resources[args->handle];
    return 0;
}

int virgl_renderer_resource_attach_iov(int id, iovec* iov, int count) {
    HostResource* const resource = find_resource(static_cast<uint32_t>(id));
    if (!resource) return EINVAL;
    resource->iovecs.assign(iov, iov + count);
    return 0;
}

void virgl_renderer_resource_detach_iov(int id, iovec** iov, int* count) {
    HostResource* const resource = find_resource(static_cast<uint32_t>(id));
    if (iov) *iov = nullptr;
    if (count) *count = 0;
    if (resource) resource->iovecs.clear();
}

int virgl_renderer_resource_create_blob(const virgl_renderer_resource_create_blob_args* args) {
    const int status = create_blob(*args);
    renderer().note(fmt::format("create_blob {} mem {} size {} = {}", args->res_handle,
                                args->blob_mem, args->size, status));
    return status;
}

void virgl_renderer_resource_unref(uint32_t id) {
    renderer().note(fmt::format("unref {}", id));
    renderer().resources.erase(id);
}

int virgl_renderer_resource_map(uint32_t id, void** map, uint64_t* size) {
    HostResource* const resource = find_resource(id);
    if (!resource || resource->mapped || (resource->flags & kRefuseMap)) return -EINVAL;
    renderer().note(fmt::format("map {}", id));
    resource->mapped = true;
    *map = resource->mapping.data();
    *size = resource->mapping.size();
    return 0;
}

int virgl_renderer_resource_unmap(uint32_t id) {
    HostResource* const resource = find_resource(id);
    if (!resource || !resource->mapped) return -EINVAL;
    renderer().note(fmt::format("unmap {}", id));
    resource->mapped = false;
    return 0;
}

int virgl_renderer_resource_map_fixed(uint32_t id, void* address) {
    HostResource* const resource = find_resource(id);
    if (!resource || (resource->flags & kRefuseMap)) return -EINVAL;
    renderer().note(fmt::format("map_fixed {}", id));
    return viaduct::map_fixed(resource->memory.get(), 0, resource->mapping.size(), address)
               ? 0
               : -EINVAL;
}

int virgl_renderer_resource_get_map_info(uint32_t id, uint32_t* info) {
    renderer().note(fmt::format("map_info {}", id));
    *info = VIRGL_RENDERER_MAP_CACHE_CACHED;
    return find_resource(id) ? 0 : -EINVAL;
}

int virgl_renderer_resource_export_blob(uint32_t id, uint32_t* type, int* fd) {
    HostResource* const resource = find_resource(id);
    if (!resource || !resource->memory || (resource->flags & kRefuseExport)) return -EINVAL;
    renderer().note(fmt::format("export {}", id));
    *type = VIRGL_RENDERER_BLOB_FD_TYPE_SHM;
    *fd = resource->memory.duplicate().release();
    return 0;
}

int virgl_renderer_transfer_read_iov(uint32_t id, uint32_t ctx, uint32_t, uint32_t, uint32_t,
                                     virgl_box*, uint64_t, iovec*, int) {
    renderer().note(fmt::format("transfer_read {} {}", ctx, id));
    return 0;
}

int virgl_renderer_transfer_write_iov(uint32_t id, uint32_t ctx, int, uint32_t, uint32_t,
                                      virgl_box*, uint64_t, iovec*, unsigned) {
    renderer().note(fmt::format("transfer_write {} {}", ctx, id));
    return 0;
}

}  // extern "C"
