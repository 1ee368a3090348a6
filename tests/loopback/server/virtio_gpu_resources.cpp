// Resources of the emulated device: creation, mapping, sharing, destruction.
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "blob/memfd.h"
#include "tests/loopback/server/virtio_gpu.h"

namespace viaduct::loopback {

namespace {

/// Guest memory reaches the host as a page list; contiguous runs are merged. This run length gives
/// lists of more than one entry for all but small buffers.
constexpr uint64_t kIovecRun = 256 * 1024;

std::optional<FileIdentity> identity_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) return std::nullopt;
    return FileIdentity{status.st_dev, status.st_ino};
}

/// A new description of the file behind `fd`; invalid if that cannot be opened again (dma-bufs).
UniqueFd reopen(int fd) {
    return UniqueFd(::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_RDWR | O_CLOEXEC));
}

std::vector<iovec> split_into_runs(std::span<std::byte> memory) {
    std::vector<iovec> runs;
    while (!memory.empty()) {
        const size_t size = std::min<size_t>(memory.size(), kIovecRun);
        runs.push_back({memory.data(), size});
        memory = memory.subspan(size);
    }
    return runs;
}

}  // namespace

Status VirtioGpu::adopt_pages(Resource& resource, UniqueFd pages) {
    const auto size = object_size(pages.get());
    if (!size || *size < resource.size)
        return fail(EBADMSG, "resource {}: the guest's pages are missing", resource.id);
    auto mapping = Mapping::map_shared(pages.get(), 0, resource.size);
    if (!mapping) return tl::unexpected(mapping.error());
    resource.identity = identity_of(pages.get());
    resource.pages = std::move(pages);
    resource.pages_mapping = std::move(*mapping);
    resource.iovecs = split_into_runs(resource.pages_mapping.bytes());
    return {};
}

void VirtioGpu::hold(FileId id, File& file, Resource& resource) {
    resource.holders.insert(id);
    file.resources.insert(resource.id);
    if (file.has_context)
        api_.virgl_renderer_ctx_attach_resource(static_cast<int>(file.ctx_id),
                                                static_cast<int>(resource.id));
}

Status VirtioGpu::create_blob(FileId id, const CreateBlob& request, std::span<std::byte> command,
                              UniqueFd pages) {
    const auto found = find_file(id);
    if (!found) return tl::unexpected(found.error());
    File& file = **found;
    if (resources_.contains(request.resource_id))
        return fail(EEXIST, "resource {} exists", request.resource_id);
    Resource& resource = resources_[request.resource_id];
    resource.id = request.resource_id;
    resource.blob_mem = request.blob_mem;
    resource.blob_flags = request.blob_flags;
    resource.size = request.size;
    ++statistics_.blobs_created;
    ++statistics_.resources_alive;
    statistics_.blob_bytes += request.size;
    Status status;
    if (request.blob_mem != VIRGL_RENDERER_BLOB_MEM_HOST3D)
        status = adopt_pages(resource, std::move(pages));
    if (!command.empty()) run_command(file, command);
    if (status) {
        virgl_renderer_resource_create_blob_args arguments{};
        arguments.res_handle = request.resource_id;
        arguments.ctx_id = file.ctx_id;
        arguments.blob_mem = request.blob_mem;
        arguments.blob_flags = request.blob_flags;
        arguments.blob_id = request.blob_id;
        arguments.size = request.size;
        arguments.iovecs = resource.iovecs.empty() ? nullptr : resource.iovecs.data();
        arguments.num_iovs = static_cast<uint32_t>(resource.iovecs.size());
        const int code = api_.virgl_renderer_resource_create_blob(&arguments);
        resource.known_to_host = code == 0;
        if (code != 0)
            status = fail(EINVAL, "blob {} (id {}, {} bytes) in context {}: the library says {}",
                          resource.id, request.blob_id, request.size, file.ctx_id, code);
    }
    if ((request.blob_flags & VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE) && !request.defer_mapping) {
        if (auto reserved = reserve_place(resource); !reserved) {
            release(request.resource_id);
            return reserved;
        }
        map_in_host(resource);
    }
    hold(id, file, resource);
    return status;
}

/// The guest kernel's part of a mapping, once it has sent RESOURCE_CREATE_BLOB (virtgpu_vram.c:
/// virtio_gpu_vram_map()). ENOSPC if the window is full.
Status VirtioGpu::reserve_place(Resource& resource) {
    if (resource.blob_mem != VIRGL_RENDERER_BLOB_MEM_HOST3D || resource.place) return {};
    const auto place = window_.allocate(resource.size);
    if (!place) return tl::unexpected(place.error());
    resource.place = *place;
    return {};
}

void VirtioGpu::map_in_host(Resource& resource) {
    if (resource.blob_mem != VIRGL_RENDERER_BLOB_MEM_HOST3D ||
        resource.map_state != MapState::kNone)
        return;
    resource.map_state = MapState::kFailed;
    if (!resource.known_to_host) return;
    MapObserver observer;
    if (const int code = map_at_place(resource); code != 0 && code != -EOPNOTSUPP) {
        log(LogLevel::kWarning, "loopback: map_fixed of resource {}: {}", resource.id, code);
        return;
    }
    if (resource.map_state == MapState::kFailed) {
        uint64_t size = 0;
        const int code = api_.virgl_renderer_resource_map(resource.id, &resource.address, &size);
        if (code != 0) {
            log(LogLevel::kWarning, "loopback: map of resource {}: {}", resource.id, code);
            return;
        }
        resource.map_state = MapState::kLibrary;
    }
    ++statistics_.blobs_mapped;
    resource.mapped_file = observer.take(resource.address, resource.size);
    if (api_.virgl_renderer_resource_get_map_info(resource.id, &resource.map_info) != 0)
        log(LogLevel::kWarning, "loopback: resource {} has no map info", resource.id);
}

/// Maps the resource where the window has room for it. -EOPNOTSUPP: there or so, it cannot be.
int VirtioGpu::map_at_place(Resource& resource) {
    if (!options_.map_fixed || !api_.virgl_renderer_resource_map_fixed) return -EOPNOTSUPP;
    if (!reserve_place(resource)) return -EOPNOTSUPP;
    const int code = api_.virgl_renderer_resource_map_fixed(resource.id, resource.place);
    if (code != 0) return code;
    resource.map_state = MapState::kWindow;
    resource.address = resource.place;
    return 0;
}

/// Makes map_in_host() map it anew, which shows the file again that was handed out.
void VirtioGpu::unmap_in_host(Resource& resource) {
    if (resource.map_state == MapState::kFailed) return;
    if (resource.map_state == MapState::kLibrary) api_.virgl_renderer_resource_unmap(resource.id);
    resource.map_state = MapState::kNone;
}

/// Finds the descriptor by which another process reaches the resource's bytes.
Status VirtioGpu::describe(Resource& resource) {
    if (resource.descriptor.valid()) return {};
    if (resource.pages.valid()) {
        resource.descriptor = resource.pages.duplicate();
        return {};
    }
    if (!resource.known_to_host)
        return fail(EINVAL, "the host has refused resource {}", resource.id);
    uint32_t type = 0;
    int fd = -1;
    const int code = api_.virgl_renderer_resource_export_blob(resource.id, &type, &fd);
    if (code == 0) {
        ++statistics_.blobs_exported;
        resource.descriptor.reset(fd);
    } else {
        // Not for sharing: then what the monitor itself would map into the guest.
        if (!resource.mapped_file) unmap_in_host(resource);
        map_in_host(resource);
        if (resource.map_state != MapState::kWindow && resource.map_state != MapState::kLibrary)
            return fail(EINVAL, "resource {}: neither export ({}) nor map succeeds", resource.id,
                        code);
        if (!resource.mapped_file) {
            auto file = file_behind_mapping(resource.address, resource.size);
            if (!file) return tl::unexpected(file.error());
            resource.mapped_file = std::move(*file);
        }
        resource.descriptor = std::move(resource.mapped_file->fd);
        resource.keeps_descriptor = true;
        resource.descriptor_offset = resource.mapped_file->offset;
    }
    resource.mapped_file.reset();
    resource.identity = identity_of(resource.descriptor.get());
    return {};
}

Result<BlobReply> VirtioGpu::map_blob(FileId file, uint32_t resource_id) {
    const auto found = find_resource(file, resource_id);
    if (!found) return tl::unexpected(found.error());
    Resource& resource = **found;
    map_in_host(resource);
    if (resource.map_state == MapState::kFailed)
        return fail(EINVAL, "resource {} could not be mapped", resource_id);
    // A monitor maps, and asks for no descriptor.
    if (resource.mapped_file) {
        auto mapped = *std::exchange(resource.mapped_file, std::nullopt);
        return BlobReply{{resource.map_info, 0, mapped.offset, resource.size},
                         std::move(mapped.fd)};
    }
    if (const auto status = describe(resource); !status) return tl::unexpected(status.error());
    // Neither a monitor nor a guest has a descriptor for each mapping.
    UniqueFd fd = resource.keeps_descriptor ? resource.descriptor.duplicate()
                                            : std::move(resource.descriptor);
    return BlobReply{{resource.map_info, 0, resource.descriptor_offset, resource.size},
                     std::move(fd)};
}

Result<BlobReply> VirtioGpu::export_blob(FileId file, uint32_t resource_id) {
    const auto found = find_resource(file, resource_id);
    if (!found) return tl::unexpected(found.error());
    Resource& resource = **found;
    if (const auto status = describe(resource); !status) return tl::unexpected(status.error());
    resource.keeps_descriptor = true;
    UniqueFd exported = reopen(resource.descriptor.get());
    if (exported && ::flock(exported.get(), LOCK_SH) == 0)
        resource.has_locked_exports = true;
    else
        exported = resource.descriptor.duplicate();
    return BlobReply{{resource.map_info, 0, resource.descriptor_offset, resource.size},
                     std::move(exported)};
}

Result<ImportReply> VirtioGpu::import_blob(FileId id, const ImportBlob& request) {
    const auto found = find_file(id);
    if (!found) return tl::unexpected(found.error());
    const FileIdentity wanted{request.device, request.inode};
    const auto entry = std::ranges::find_if(
        resources_, [&](const auto& item) { return item.second.identity == wanted; });
    if (entry == resources_.end())
        return fail(ENODEV, "no resource is behind inode {}:{}", request.device, request.inode);
    Resource& resource = entry->second;
    if (!resource.holders.contains(id)) {
        ++statistics_.blobs_imported;
        orphans_.erase(resource.id);
        hold(id, **found, resource);
    }
    return ImportReply{resource.id, resource.blob_mem, resource.blob_flags, 0, resource.size};
}

Status VirtioGpu::close_resource(FileId id, uint32_t resource_id) {
    const auto found = find_file(id);
    if (!found) return tl::unexpected(found.error());
    if (const auto resource = find_resource(id, resource_id); !resource)
        return tl::unexpected(resource.error());
    drop_handle(id, **found, resource_id);
    return {};
}

void VirtioGpu::drop_handle(FileId id, File& file, uint32_t resource_id) {
    file.resources.erase(resource_id);
    const auto entry = resources_.find(resource_id);
    if (entry == resources_.end()) return;
    entry->second.holders.erase(id);
    if (file.has_context)
        api_.virgl_renderer_ctx_detach_resource(static_cast<int>(file.ctx_id),
                                                static_cast<int>(resource_id));
    if (!entry->second.holders.empty()) return;
    if (entry->second.has_locked_exports) orphans_.insert(resource_id);
    if (!orphans_.contains(resource_id)) release(resource_id);
    reap_exported();
}

void VirtioGpu::reap_exported() {
    const auto candidates = orphans_;
    for (const uint32_t id : candidates) {
        const int fd = resources_.at(id).descriptor.get();
        if (::flock(fd, LOCK_EX | LOCK_NB) != 0) continue;
        orphans_.erase(id);
        release(id);
    }
}

void VirtioGpu::release(uint32_t resource_id) {
    const auto entry = resources_.find(resource_id);
    destroy(entry->second);
    resources_.erase(entry);
}

void VirtioGpu::destroy(Resource& resource) {
    --statistics_.resources_alive;
    if (resource.map_state == MapState::kLibrary) api_.virgl_renderer_resource_unmap(resource.id);
    if (resource.place) window_.release(resource.place);
    if (!resource.known_to_host) return;
    if (!resource.iovecs.empty())
        api_.virgl_renderer_resource_detach_iov(static_cast<int>(resource.id), nullptr, nullptr);
    api_.virgl_renderer_resource_unref(resource.id);
}

Status VirtioGpu::create_classic(FileId id, const CreateClassic& request, UniqueFd pages) {
    const auto found = find_file(id);
    if (!found) return tl::unexpected(found.error());
    virgl_renderer_resource_create_args arguments;
    static_assert(sizeof(arguments) == sizeof(request.arguments));
    std::memcpy(&arguments, request.arguments.data(), sizeof(arguments));
    if (resources_.contains(arguments.handle))
        return fail(EEXIST, "resource {} exists", arguments.handle);
    Resource& resource = resources_[arguments.handle];
    resource.id = arguments.handle;
    resource.size = request.size;
    ++statistics_.resources_alive;
    // RESOURCE_CREATE_3D, then RESOURCE_ATTACH_BACKING.
    Status status = adopt_pages(resource, std::move(pages));
    const int code = api_.virgl_renderer_resource_create(&arguments, nullptr, 0);
    resource.known_to_host = code == 0;
    if (code != 0)
        status = fail(EINVAL, "resource {} (target {}, format {}, {}x{}): the library says {}",
                      resource.id, arguments.target, arguments.format, arguments.width,
                      arguments.height, code);
    if (status)
        api_.virgl_renderer_resource_attach_iov(static_cast<int>(resource.id),
                                                resource.iovecs.data(),
                                                static_cast<int>(resource.iovecs.size()));
    hold(id, **found, resource);
    return status;
}

Status VirtioGpu::transfer(FileId id, const Transfer& request) {
    const auto found = find_file(id);
    if (!found) return tl::unexpected(found.error());
    const auto resource = find_resource(id, request.resource_id);
    virgl_box box{request.box[0], request.box[1], request.box[2],
                  request.box[3], request.box[4], request.box[5]};
    int code = EINVAL;
    // No iovecs: the attached ones are meant.
    if (resource && request.to_host)
        code = api_.virgl_renderer_transfer_write_iov(
            request.resource_id, (*found)->ctx_id, static_cast<int>(request.level), request.stride,
            request.layer_stride, &box, request.offset, nullptr, 0);
    else if (resource)
        code = api_.virgl_renderer_transfer_read_iov(
            request.resource_id, (*found)->ctx_id, request.level, request.stride,
            request.layer_stride, &box, request.offset, nullptr, 0);
    create_fence(**found, {id, kGlobalRing, request.fence_token, {request.resource_id}});
    if (code != 0) return fail(EINVAL, "transfer of resource {}: {}", request.resource_id, code);
    return {};
}

}  // namespace viaduct::loopback
