#include "tests/integration/abi/rutabaga.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <tuple>

#include "wire/capset.h"

namespace viaduct::test {

namespace {

// virtio-gpu: debug_name of a context, which the guest need not end with a zero.
constexpr size_t kNameBytes = 64;
constexpr uint32_t kShareMask =
    VIRGL_RENDERER_BLOB_FLAG_USE_SHAREABLE | VIRGL_RENDERER_BLOB_FLAG_USE_CROSS_DEVICE;
// An empty slice of bytes has the address 1 in Rust, one of iovecs 8.
const auto kEmptySlice = reinterpret_cast<void*>(uintptr_t{1});
const auto kEmptyIovecs = reinterpret_cast<iovec*>(uintptr_t{8});

iovec* pointer_to(std::vector<iovec>& entries) {
    return entries.empty() ? kEmptyIovecs : entries.data();
}

int no_node(void*) {
    return -1;
}
int no_server(void*, uint32_t) {
    return -1;
}

// The debug callback has no user data, and another thread may still call it when it is replaced.
std::mutex g_mutex;
Rutabaga* g_logs_to = nullptr;

void send_logs_to(Rutabaga* monitor) {
    const std::lock_guard lock(g_mutex);
    g_logs_to = monitor;
}

void debug_callback(const char* format, va_list arguments) {
    char line[256] = {};
    if (::vsnprintf(line, sizeof(line), format, arguments) < 0) return;
    const std::lock_guard lock(g_mutex);
    if (g_logs_to) g_logs_to->log(line);
}

std::optional<virgl_renderer_export_query> layout_of(uint32_t res_id) {
    virgl_renderer_export_query query{};
    query.hdr = {VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY, 0, sizeof(query)};
    query.in_resource_id = res_id;
    if (virgl_renderer_execute(&query, sizeof(query)) != 0 || query.out_num_fds == 0) return {};
    return query;
}

}  // namespace

// EGL, THREAD_SYNC, NO_VIRGL, ASYNC_FENCE_CB, DRM.
const RutabagaHabits Rutabaga::kHabits{.monitor = "rutabaga", .flags = 0x583};

Rutabaga::Rutabaga(const RutabagaHabits& habits, std::chrono::milliseconds hang)
    : Rutabaga(Unstarted(), habits, hang) {
    EXPECT_EQ(build(), 0);
}

Rutabaga::Rutabaga(Unstarted, const RutabagaHabits& habits, std::chrono::milliseconds hang)
    : Vmm(Unstarted(), hang), habits_(habits) {}

int Rutabaga::build() {
    if (habits_.debug_callback) {
        virgl_set_log_callback(nullptr, nullptr, nullptr);
        send_logs_to(this);
        virgl_set_debug_callback(debug_callback);
    }
    const int error = start(habits_.flags, table());
    built_ = error == 0;
    return error;
}

// No GL callbacks.
virgl_renderer_callbacks Rutabaga::table() {
    virgl_renderer_callbacks table{};
    table.version = 3;
    table.write_fence = write_fence;
    table.write_context_fence = write_context_fence;
    table.get_server_fd = no_server;
    if (habits_.brings_node) table.get_drm_fd = no_node;
    return table;
}

Rutabaga::Capset Rutabaga::get_capset(uint32_t set) {
    Capset capset;
    uint32_t size = 0;
    virgl_renderer_get_cap_set(set, &capset.version, &size);
    capset.bytes.resize(size);
    virgl_renderer_fill_caps(set, capset.version, size ? capset.bytes.data() : kEmptySlice);
    return capset;
}

int Rutabaga::create_context(uint32_t ctx_id, const std::string& name) {
    if (contexts_.contains(ctx_id)) return EINVAL;
    // The guest's 64 bytes: exactly those may be read.
    std::vector<char> bytes(kNameBytes);
    std::memcpy(bytes.data(), name.data(), std::min(name.size(), kNameBytes));
    const int error = virgl_renderer_context_create_with_flags(ctx_id, wire::kCapsetDrm, kNameBytes,
                                                               bytes.data());
    if (error == 0) contexts_.insert(ctx_id);
    return error;
}

void Rutabaga::destroy_context(uint32_t ctx_id) {
    if (contexts_.erase(ctx_id)) virgl_renderer_context_destroy(ctx_id);
}

int Rutabaga::create_blob(const virgl_renderer_resource_create_blob_args& args) {
    const uint32_t res_id = args.res_handle;
    if (resources_.contains(res_id)) return EINVAL;
    if (args.ctx_id != 0 && !contexts_.contains(args.ctx_id)) return EINVAL;
    Resource resource{.size = args.size, .blob_mem = args.blob_mem, .blob_flags = args.blob_flags};
    auto own = args;
    own.iovecs = nullptr;
    if (args.blob_mem != VIRGL_RENDERER_BLOB_MEM_HOST3D) {
        resource.backing.assign(args.iovecs, args.iovecs + args.num_iovs);
        own.iovecs = pointer_to(resource.backing);
    }
    if (const int error = virgl_renderer_resource_create_blob(&own)) return error;
    int fd = -1;
    if (virgl_renderer_resource_export_blob(res_id, &resource.fd_type, &fd) == 0)
        resource.handle.reset(fd);
    uint32_t map_info = 0;
    if (virgl_renderer_resource_get_map_info(res_id, &map_info) == 0) resource.map_info = map_info;
    resource.layout = layout_of(res_id);
    resources_.emplace(res_id, std::move(resource));
    return 0;
}

int Rutabaga::create_image(virgl_renderer_resource_create_args args) {
    const uint32_t res_id = args.handle;
    if (resources_.contains(res_id)) return EINVAL;
    if (const int error = virgl_renderer_resource_create(&args, nullptr, 0)) return error;
    Resource resource{.layout = layout_of(res_id)};
    int fd = -1;
    if (virgl_renderer_resource_export_blob(res_id, &resource.fd_type, &fd) == 0)
        resource.handle.reset(fd);
    virgl_renderer_resource_info_ext info{};
    if (!resource.handle && !resource.layout &&
        virgl_renderer_resource_get_info_ext(static_cast<int>(res_id), &info) == 0) {
        fd = -1;
        if (virgl_renderer_get_fd_for_texture(info.base.tex_id, &fd) == 0)
            resource.handle.reset(fd);
    }
    resources_.emplace(res_id, std::move(resource));
    return 0;
}

// The handle and the array are gone before the library hears of it.
void Rutabaga::unref(uint32_t res_id) {
    Resource* const resource = find(res_id);
    if (!resource) return;
    unmap_by_library(res_id, *resource);
    resources_.erase(res_id);
    virgl_renderer_resource_unref(res_id);
}

void Rutabaga::attach(uint32_t ctx_id, uint32_t res_id) {
    Resource* const resource = find(res_id);
    if (!resource || !contexts_.contains(ctx_id)) return;
    if (!resource->known_to_library) import(res_id, *resource);
    virgl_renderer_ctx_attach_resource(static_cast<int>(ctx_id), static_cast<int>(res_id));
}

// Its length is the descriptor's. A failure leaves the descriptor with rutabaga.
void Rutabaga::import(uint32_t res_id, Resource& resource) {
    if (resource.fd_type != VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF) return;
    UniqueFd copy = resource.handle.duplicate();
    const auto size = static_cast<uint64_t>(::lseek(copy.get(), 0, SEEK_END));
    ::lseek(copy.get(), 0, SEEK_SET);
    const virgl_renderer_resource_import_blob_args args{
        res_id, resource.blob_mem, VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF, copy.get(), size};
    if (virgl_renderer_resource_import_blob(&args) != 0) return;
    std::ignore = copy.release();
    resource.known_to_library = true;
}

void Rutabaga::adopt(uint32_t res_id, UniqueFd handle, uint32_t fd_type) {
    Resource resource{.size = 0,
                      .blob_mem = VIRGL_RENDERER_BLOB_MEM_HOST3D,
                      .blob_flags = kShareMask,
                      .handle = std::move(handle),
                      .fd_type = fd_type};
    resource.known_to_library = false;
    resources_.emplace(res_id, std::move(resource));
}

int Rutabaga::submit(uint32_t ctx_id, std::span<const std::byte> bytes) {
    if (!contexts_.contains(ctx_id) || bytes.size() % sizeof(uint32_t) != 0) return EINVAL;
    const auto words = static_cast<int>(bytes.size() / sizeof(uint32_t));
    const auto own = std::make_unique<std::byte[]>(bytes.size());
    std::ranges::copy(bytes, own.get());
    const int error = virgl_renderer_submit_cmd(bytes.empty() ? kEmptySlice : own.get(),
                                                static_cast<int>(ctx_id), words);
    std::memset(own.get(), 0xdd, bytes.size());
    return error;
}

// All fences of a context are mergeable, whether the guest says so or not.
int Rutabaga::create_fence(uint32_t ctx_id, uint32_t /*flags*/, uint32_t ring, uint64_t fence_id) {
    const auto ring_idx = static_cast<uint8_t>(ring);
    const int error = contexts_.contains(ctx_id)
                          ? virgl_renderer_context_create_fence(
                                ctx_id, VIRGL_RENDERER_FENCE_FLAG_MERGEABLE, ring_idx, fence_id)
                          : EINVAL;
    wait_for({ctx_id, ring_idx}, fence_id);
    return error;
}

int Rutabaga::create_global_fence(uint64_t fence_id) {
    const int error = virgl_renderer_create_fence(static_cast<int>(fence_id), 0);
    wait_for({0, 0}, fence_id);
    return error;
}

// The command may have been completed already: its fence before this.
void Rutabaga::wait_for(Ring ring, uint64_t fence_id) {
    const std::lock_guard lock(fences_mutex_);
    const auto last = completed_.find(ring);
    if (last == completed_.end() || fence_id > last->second) commands_.push_back({ring, fence_id});
}

void Rutabaga::complete(Ring ring, uint64_t fence_id) {
    const std::lock_guard lock(fences_mutex_);
    std::erase_if(commands_, [&](const Command& command) {
        return command.ring == ring && command.fence_id <= fence_id;
    });
    uint64_t& last = completed_[ring];
    last = habits_.keeps_last ? fence_id : std::max(last, fence_id);
}

void Rutabaga::context_fence(uint32_t ctx_id, uint32_t ring_idx, uint64_t fence_id) {
    Vmm::context_fence(ctx_id, ring_idx, fence_id);
    complete({ctx_id, static_cast<uint8_t>(ring_idx)}, fence_id);
}

void Rutabaga::global_fence(uint32_t fence_id) {
    complete({0, 0}, fence_id);
}

size_t Rutabaga::waiting() {
    const std::lock_guard lock(fences_mutex_);
    return commands_.size();
}

int Rutabaga::export_fence(uint64_t fence_id, int* fd) {
    if (!habits_.narrow_and_wide) return virgl_renderer_export_fence(fence_id, fd);
    int (*narrow)(uint32_t, int*);
    const auto function = &virgl_renderer_export_fence;
    std::memcpy(&narrow, &function, sizeof(narrow));
    return narrow(static_cast<uint32_t>(fence_id), fd);
}

int Rutabaga::attach_backing(uint32_t res_id, std::vector<iovec> entries) {
    Resource* const resource = find(res_id);
    if (!resource) return EINVAL;
    const int error = virgl_renderer_resource_attach_iov(
        static_cast<int>(res_id), pointer_to(entries), static_cast<int>(entries.size()));
    if (error == 0) resource->backing = std::move(entries);
    return error;
}

void Rutabaga::detach_backing(uint32_t res_id) {
    Resource* const resource = find(res_id);
    if (!resource) return;
    virgl_renderer_resource_detach_iov(static_cast<int>(res_id), nullptr, nullptr);
    resource->backing = {};
}

Rutabaga::Resource* Rutabaga::find(uint32_t res_id) {
    const auto found = resources_.find(res_id);
    return found == resources_.end() ? nullptr : &found->second;
}

UniqueFd Rutabaga::take_handle(Resource& resource) {
    if (resource.blob_flags & kShareMask) return resource.handle.duplicate();
    return std::move(resource.handle);
}

std::span<std::byte> Rutabaga::map_by_library(uint32_t res_id, Resource& resource) {
    void* address = nullptr;
    uint64_t size = 0;
    if (virgl_renderer_resource_map(res_id, &address, &size) != 0) return {};
    resource.mapped_by_library = true;
    return {static_cast<std::byte*>(address), size};
}

void Rutabaga::unmap_by_library(uint32_t res_id, Resource& resource) {
    if (!resource.mapped_by_library) return;
    EXPECT_EQ(virgl_renderer_resource_unmap(res_id), 0);
    resource.mapped_by_library = false;
}

std::span<std::byte> Rutabaga::map_blob(uint32_t res_id) {
    Resource* const resource = find(res_id);
    if (!resource || !resource->map_info) return {};
    return map_by_library(res_id, *resource);
}

void Rutabaga::unmap_blob(uint32_t res_id) {
    if (Resource* const resource = find(res_id)) unmap_by_library(res_id, *resource);
}

void Rutabaga::destroy_objects() {
    while (!resources_.empty()) unref(resources_.begin()->first);
    while (!contexts_.empty()) destroy_context(*contexts_.begin());
}

void Rutabaga::finish() {
    if (!built_) return;
    resources_.clear();
    while (!contexts_.empty()) destroy_context(*contexts_.begin());
    virgl_renderer_cleanup(nullptr);
    built_ = false;
    if (habits_.debug_callback) {
        virgl_set_debug_callback(nullptr);
        send_logs_to(nullptr);
    }
}

}  // namespace viaduct::test
