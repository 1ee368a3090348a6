#include "fake_native.h"

namespace viaduct::test {

namespace {

class FakeHost : public NativeContextHost {
  public:
    explicit FakeHost(FakeGpu& gpu) : gpu_(gpu) {
        capset_.version_major = 3;
        capset_.version_minor = 54;
        capset_.context_type = wire::ContextType::kAmdgpu;
        ++gpu_.hosts_alive;
    }
    ~FakeHost() override {
        --gpu_.hosts_alive;
        gpu_.serving -= serves_;
        const std::scoped_lock lock(gpu_.callback_mutex, gpu_.mutex);
        gpu_.on_fence = nullptr;
        gpu_.fences.clear();
    }

    const wire::CapsetDrm& capset() const override { return capset_; }
    void serve_metrics() override {
        if (!std::exchange(serves_, true)) ++gpu_.serving;
    }
    Result<std::unique_ptr<NativeContext>> create_context(ContextId ctx_id,
                                                          std::string_view name) override {
        if (gpu_.context_error) return fail(gpu_.context_error, "told to fail");
        auto context = std::make_unique<FakeNativeContext>(gpu_, ctx_id.value(), std::string(name));
        const std::lock_guard lock(gpu_.mutex);
        gpu_.contexts[ctx_id.value()] = context.get();
        return context;
    }
    Result<UniqueFd> signalled_sync_file() override {
        return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    void reset() override {
        const std::scoped_lock lock(gpu_.callback_mutex, gpu_.mutex);
        gpu_.fences.clear();
    }

  private:
    FakeGpu& gpu_;
    bool serves_ = false;
    wire::CapsetDrm capset_{};
};

}  // namespace

FakeNativeContext::~FakeNativeContext() {
    const std::lock_guard lock(gpu_.mutex);
    const auto self = gpu_.contexts.find(id);
    if (self != gpu_.contexts.end() && self->second == this) gpu_.contexts.erase(self);
}

Status FakeNativeContext::submit(std::span<const std::byte> commands) {
    if (in_queue) in_queue();
    submissions.emplace_back(commands.begin(), commands.end());
    return {};
}

Result<BlobObject> FakeNativeContext::create_blob(const BlobRequest& request) {
    BlobObject object;
    object.cache = MapCache::kCached;
    if (request.blob_id != 0) {
        const auto found = objects.find(request.blob_id);
        if (found == objects.end()) return fail(ENOENT, "no blob {}", request.blob_id);
        if (request.size > found->second) return fail(EINVAL, "blob too large");
        objects.erase(found);
    }
    auto memory = create_sealed_memfd("fake", round_up_to_page(request.size));
    if (!memory) return tl::unexpected(memory.error());
    object.is_private = says_private;
    if (request.kind() == BlobKind::kOpaque)
        opaque_[request.res_id] = std::move(*memory);
    else
        object.fd = std::move(*memory);
    return object;
}

Result<BlobMapSource> FakeNativeContext::map_source(ResourceId res_id, uint64_t) {
    const auto found = opaque_.find(res_id);
    if (found == opaque_.end()) return fail(EINVAL, "no resource {}", res_id);
    BlobMapSource source;
    source.opened = found->second.duplicate();
    source.fd = source.opened.get();
    return source;
}

Result<UniqueFd> FakeNativeContext::export_blob(ResourceId res_id) {
    ++exported;
    if (!exportable) return fail(EPERM, "told to fail");
    auto source = map_source(res_id, 0);
    if (!source) return tl::unexpected(source.error());
    return std::move(source->opened);
}

void FakeNativeContext::create_fence(RingIndex ring_idx, FenceId fence_id) {
    if (in_queue) in_queue();
    {
        const std::lock_guard lock(gpu_.mutex);
        gpu_.fences.push_back({id, ring_idx, fence_id});
    }
    if (gpu_.retire_at_once) gpu_.retire();
}

Result<UniqueFd> FakeNativeContext::export_fence(FenceId fence_id) {
    exports.push_back(fence_id);
    if (export_error) return fail(export_error, "told to fail");
    const std::lock_guard lock(gpu_.mutex);
    for (const auto& fence : gpu_.fences)
        if (fence.fence_id == fence_id && fence.ctx_id == id)
            return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return fail(ENOENT, "fence {} is not pending", fence_id);
}

HostFactory FakeGpu::factory() {
    return [this](const VmmGpu& vmm,
                  FenceCallback callback) -> Result<std::unique_ptr<NativeContextHost>> {
        if (vmm.get_drm_fd) {
            const UniqueFd fd(vmm.get_drm_fd());
            vmm_fds.push_back(fd.get());
            if (!fd || !vmm_fd_usable) return fail(ENODEV, "fd {} is no GPU", fd.get());
        }
        if (!present) return fail(ENODEV, "told to be absent");
        ++hosts_made;
        const std::lock_guard lock(callback_mutex);
        on_fence = std::move(callback);
        return std::make_unique<FakeHost>(*this);
    };
}

void FakeGpu::retire(size_t count) {
    const std::lock_guard calling(callback_mutex);
    for (; count > 0; --count) {
        Fence fence{};
        {
            const std::lock_guard lock(mutex);
            if (fences.empty() || !on_fence) return;
            fence = fences.front();
            fences.pop_front();
        }
        on_fence(ContextId(fence.ctx_id), fence.ring_idx, fence.fence_id);
    }
}

}  // namespace viaduct::test
