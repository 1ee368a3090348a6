#include "tests/loopback/server/virtio_gpu.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "wire/ccmd.h"

namespace viaduct::loopback {

namespace {

/// Capability sets that a guest kernel may find (virtio-gpu specification, and spec of each).
constexpr std::array<uint32_t, 4> kProbedCapsets = {
    VIRTGPU_DRM_CAPSET_VIRGL, VIRTGPU_DRM_CAPSET_VIRGL2, VIRTGPU_DRM_CAPSET_VENUS,
    VIRTGPU_DRM_CAPSET_DRM};

/// The commands in a submission to a native context: each says how long it is.
uint64_t count_ccmds(std::span<const std::byte> submission) {
    uint64_t count = 0;
    wire::RequestHeader header;
    while (submission.size() >= sizeof(header)) {
        std::memcpy(&header, submission.data(), sizeof(header));
        if (header.len < sizeof(header) || header.len > submission.size()) break;
        submission = submission.subspan(header.len);
        ++count;
    }
    return count;
}

}  // namespace

Result<std::unique_ptr<VirtioGpu>> VirtioGpu::create(RendererApi& api, DeviceOptions options) {
    auto window = HostWindow::create(options.window_size);
    if (!window) return tl::unexpected(window.error());
    auto wakeup = FenceInbox::create_wakeup();
    if (!wakeup) return tl::unexpected(wakeup.error());
    std::unique_ptr<VirtioGpu> device(
        new VirtioGpu(api, std::move(options), std::move(*window), std::move(*wakeup)));
    device->fill_callbacks();
    const int status =
        api.virgl_renderer_init(device.get(), device->options_.init_flags, &device->callbacks_);
    if (status != 0) return fail(ENODEV, "{}: virgl_renderer_init says {}", api.path(), status);
    device->initialised_ = true;
    device->probe_capsets();
    return device;
}

VirtioGpu::VirtioGpu(RendererApi& api, DeviceOptions options, HostWindow window, UniqueFd wakeup)
    : api_(api),
      options_(std::move(options)),
      window_(std::move(window)),
      inbox_(std::move(wakeup)) {}

VirtioGpu::~VirtioGpu() {
    while (!orphans_.empty()) release(orphans_.extract(orphans_.begin()).value());
    if (initialised_) api_.virgl_renderer_cleanup(this);
}

void VirtioGpu::fill_callbacks() {
    callbacks_.version = options_.callbacks_version;
    callbacks_.write_fence = [](void* cookie, uint32_t fence) {
        static_cast<VirtioGpu*>(cookie)->inbox_.push({0, kGlobalRing, fence});
    };
    callbacks_.write_context_fence = [](void* cookie, uint32_t ctx, uint32_t ring, uint64_t id) {
        static_cast<VirtioGpu*>(cookie)->inbox_.push({ctx, ring, id});
    };
    if (!options_.render_node.empty()) {
        callbacks_.get_drm_fd = [](void* cookie) {
            const auto& node = static_cast<VirtioGpu*>(cookie)->options_.render_node;
            return ::open(node.c_str(), O_RDWR | O_CLOEXEC);
        };
    }
}

void VirtioGpu::probe_capsets() {
    for (const uint32_t id : kProbedCapsets) {
        CapsetInfo info{id, 0, 0};
        api_.virgl_renderer_get_cap_set(id, &info.max_version, &info.max_size);
        if (info.max_size != 0) capsets_.push_back(info);
    }
}

HelloReply VirtioGpu::probe() const {
    HelloReply reply{};
    reply.version = kProtocolVersion;
    reply.capset_count = static_cast<uint32_t>(capsets_.size());
    reply.window_may_fill = options_.window_size < kAmpleWindow;
    std::copy(capsets_.begin(), capsets_.end(), reply.capsets.begin());
    reply.blob_alignment = options_.blob_alignment;
    return reply;
}

Result<VirtioGpu::File*> VirtioGpu::find_file(FileId file) {
    const auto entry = files_.find(file);
    if (entry == files_.end()) return fail(EBADF, "file {} is not open", file);
    return &entry->second;
}

Result<Resource*> VirtioGpu::find_resource(FileId file, uint32_t resource_id) {
    const auto entry = resources_.find(resource_id);
    if (entry == resources_.end() || !entry->second.holders.contains(file))
        return fail(ENOENT, "file {} has no resource {}", file, resource_id);
    return &entry->second;
}

FileId VirtioGpu::open_file() {
    // The kernel's id allocator: the smallest free one, from 1.
    File file;
    file.ctx_id = 1;
    while (used_context_ids_.contains(file.ctx_id)) ++file.ctx_id;
    used_context_ids_.insert(file.ctx_id);
    ++statistics_.files_opened;
    const FileId id = next_file_++;
    files_.emplace(id, std::move(file));
    return id;
}

void VirtioGpu::close_file(FileId id) {
    const auto found = find_file(id);
    if (!found) return;
    File& file = **found;
    while (!file.resources.empty()) drop_handle(id, file, *file.resources.begin());
    if (file.has_context) api_.virgl_renderer_context_destroy(file.ctx_id);
    fences_.drop_file(id);
    used_context_ids_.erase(file.ctx_id);
    files_.erase(id);
}

Result<std::vector<std::byte>> VirtioGpu::get_capset(const GetCapset& request) {
    const auto info = std::ranges::find(capsets_, request.id, &CapsetInfo::id);
    if (info == capsets_.end() || request.version > info->max_version)
        return fail(EINVAL, "no capability set {} of version {}", request.id, request.version);
    std::vector<std::byte> data(info->max_size);
    api_.virgl_renderer_fill_caps(request.id, request.version, data.data());
    return data;
}

Status VirtioGpu::create_context(FileId id, const CreateContext& request) {
    const auto found = find_file(id);
    if (!found) return tl::unexpected(found.error());
    File& file = **found;
    if (file.has_context) return fail(EEXIST, "file {} has a context already", id);
    // Whether the host likes it or not: the guest kernel does not look at the reply.
    file.has_context = true;
    file.capset_id = request.capset_id;
    ++statistics_.contexts_created;
    const uint32_t length = std::min<uint32_t>(request.name_length, kDebugNameSize);
    const int status = api_.virgl_renderer_context_create_with_flags(file.ctx_id, request.capset_id,
                                                                     length, request.name.data());
    if (status != 0)
        return fail(EINVAL, "context {} of capset {}: the library says {}", file.ctx_id,
                    request.capset_id, status);
    return {};
}

void VirtioGpu::run_command(File& file, std::span<std::byte> command) {
    ++statistics_.submissions;
    statistics_.submitted_bytes += command.size();
    if (file.capset_id == VIRTGPU_DRM_CAPSET_DRM) statistics_.ccmds += count_ccmds(command);
    const int status =
        api_.virgl_renderer_submit_cmd(command.data(), static_cast<int>(file.ctx_id),
                                       static_cast<int>(command.size() / sizeof(uint32_t)));
    if (status != 0)
        log(LogLevel::kInfo, "loopback: a submission of {} bytes in context {}: {}", command.size(),
            file.ctx_id, status);
}

Status VirtioGpu::submit(FileId id, const Submit& request, std::span<std::byte> payload) {
    const auto found = find_file(id);
    if (!found) return tl::unexpected(found.error());
    const uint64_t ids_size = uint64_t{request.resource_count} * sizeof(uint32_t);
    if (ids_size > payload.size())
        return fail(EBADMSG, "{} resources in {} bytes", request.resource_count, payload.size());
    FenceOwner owner{id, request.ring, request.fence_token, {}};
    owner.resources.resize(request.resource_count);
    if (ids_size != 0) std::memcpy(owner.resources.data(), payload.data(), ids_size);
    run_command(**found, payload.subspan(ids_size));
    if (request.fence_token != 0) create_fence(**found, std::move(owner));
    return {};
}

void VirtioGpu::create_fence(File& file, FenceOwner owner) {
    ++statistics_.fences_created;
    const uint32_t ring = owner.ring;
    // Known before the call: the library may report it from within.
    const uint64_t fence = fences_.add(file.ctx_id, std::move(owner));
    const int status = ring == kGlobalRing
                           ? api_.virgl_renderer_create_fence(static_cast<int>(fence), 0)
                           : api_.virgl_renderer_context_create_fence(
                                 file.ctx_id, VIRGL_RENDERER_FENCE_FLAG_MERGEABLE, ring, fence);
    if (status == 0) return;
    // A monitor's error reply carries the fence: the guest goes on.
    log(LogLevel::kWarning, "loopback: fence {} on ring {} of context {}: the library says {}",
        fence, ring, file.ctx_id, status);
    inbox_.push({file.ctx_id, ring, fence});
}

bool VirtioGpu::needs_polling() const {
    return !(options_.init_flags & VIRGL_RENDERER_ASYNC_FENCE_CB) && fences_.pending() != 0;
}

std::vector<FenceEvent> VirtioGpu::take_signalled() {
    if (needs_polling()) api_.virgl_renderer_poll();
    std::vector<FenceEvent> events;
    for (const RetiredFence& fence : inbox_.take()) {
        ++statistics_.fence_callbacks;
        const size_t before = fences_.pending();
        const auto signalled = fences_.retire(fence.ctx_id, fence.ring, fence.fence_id);
        statistics_.fences_signalled += before - fences_.pending();
        events.insert(events.end(), signalled.begin(), signalled.end());
    }
    return events;
}

}  // namespace viaduct::loopback
