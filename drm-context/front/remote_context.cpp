#include "drm-context/front/remote_context.h"

#include <linux/sync_file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <utility>

#include "blob/foreign_memory.h"
#include "drm-context/transport/control_memory.h"

namespace viaduct {

using transport::RecordType;

namespace {

// A worker that was taken over may send anything, down to the GPU's own file. The simulated GPU's
// sync files are sockets.
bool is_sync_file(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return false;
    sync_file_info state{};
    return S_ISSOCK(info.st_mode) || ::ioctl(fd, SYNC_IOC_FILE_INFO, &state) == 0;
}

}  // namespace

Status RemoteContext::submit(std::span<const std::byte> commands) {
    if (commands.empty()) return {};
    return link_->send(RecordType::kSubmit, commands);
}

Result<BlobObject> RemoteContext::create_blob(const BlobRequest& request) {
    if (request.kind() == BlobKind::kShm) return create_control_buffer(request);
    const transport::CreateBlob call{0, request.blob_id, request.size, request.res_id,
                                     request.blob_flags};
    auto answer = link_->ask(RecordType::kCreateBlob, call);
    if (!answer) {
        // Given up in time: the worker must not keep what nobody here knows of.
        if (answer.error().code == ETIMEDOUT) detach_resource(request.res_id);
        return tl::unexpected(answer.error());
    }
    auto blob = judge_blob(*std::move(answer), request);
    if (!blob) detach_resource(request.res_id);
    return blob;
}

// Made here: a guest maps it first of all, when its worker may not run yet.
Result<BlobObject> RemoteContext::create_control_buffer(const BlobRequest& request) {
    if (request.blob_flags != kBlobMappable)
        return fail(EINVAL, "the control buffer must be mappable only, not flags {:#x}",
                    request.blob_flags);
    auto memory = transport::create_control_memory(request.size, traits_.shmem_size);
    if (!memory) return tl::unexpected(memory.error());
    auto charged = charge_memory_(request.size);
    if (!charged) return tl::unexpected(charged.error());
    const auto charge = std::make_shared<const HostMemory>(*std::move(charged));
    UniqueFd workers = memory->duplicate();
    if (!workers) return fail(EMFILE, "no descriptor left for the control buffer");
    if (auto status = link_->give_control_buffer(std::move(workers), charge, traits_); !status)
        return tl::unexpected(status.error());
    return BlobObject{MapCache::kCached, *std::move(memory), charge};
}

Result<BlobObject> RemoteContext::judge_blob(ContextLink::Answer answer,
                                             const BlobRequest& request) {
    if (answer.reply.cache > static_cast<uint32_t>(MapCache::kWriteCombined)) {
        link_->discard(std::move(answer.descriptor));
        return fail(EBADMSG, "the worker answers with the unknown caching {}", answer.reply.cache);
    }
    BlobObject blob{static_cast<MapCache>(answer.reply.cache), UniqueFd(), nullptr};
    if (request.kind() == BlobKind::kOpaque) {
        link_->discard(std::move(answer.descriptor));
        return blob;
    }
    auto dmabuf = accept(std::move(answer.descriptor), 0, request.size);
    if (!dmabuf) return tl::unexpected(dmabuf.error());
    blob.fd = *std::move(dmabuf);
    return blob;
}

// Across the process border a descriptor for which there was no room is missing. One that came may
// be a taken-over worker's choice, down to the GPU's own file, whose close() waits for the GPU, or
// memory of the worker's own. Only a simulated GPU's buffers are memfds.
Result<UniqueFd> RemoteContext::accept(UniqueFd fd, uint64_t offset, uint64_t size) {
    if (!fd) return fail(EMFILE, "no descriptor left");
    const auto file = link_->file();
    const auto check = file && file->mappable_fd() < 0 ? check_mappable : check_dmabuf;
    auto status = check(fd.get(), offset, size);
    if (status) return fd;
    link_->discard(std::move(fd));
    return tl::unexpected(status.error());
}

Result<BlobMapSource> RemoteContext::map_source(uint32_t res_id, uint64_t size) {
    auto answer = link_->ask(RecordType::kMapSource, transport::ResourceCall{0, res_id, 0});
    if (!answer) return tl::unexpected(answer.error());
    auto file = link_->file();
    if (!file) return fail(EPIPE, "the context's worker has ended");
    BlobMapSource source{.fd = file->mappable_fd(),
                         .offset = answer->reply.offset,
                         .opened = UniqueFd(),
                         .file = std::move(file)};
    if (source.fd >= 0) {
        link_->discard(std::move(answer->descriptor));
        return source;  // the GPU's driver checks offset and size
    }
    auto opened = accept(std::move(answer->descriptor), source.offset, size);
    if (!opened) return tl::unexpected(opened.error());
    source.opened = *std::move(opened);
    source.fd = source.opened.get();
    return source;
}

Result<UniqueFd> RemoteContext::export_blob(uint32_t res_id) {
    auto answer = link_->ask(RecordType::kExportBlob, transport::ResourceCall{0, res_id, 0});
    if (!answer) return tl::unexpected(answer.error());
    return accept(std::move(answer->descriptor), 0, 0);
}

int RemoteContext::device_fd() const {
    const auto file = link_->file();
    return file ? file->fd() : -1;
}

void RemoteContext::attach_resource(uint32_t res_id, SharedFd dmabuf) {
    if (!dmabuf) return;
    (void)link_->send_call(RecordType::kAttach, transport::ResourceCall{0, res_id, 0},
                           std::move(dmabuf));
}

void RemoteContext::detach_resource(uint32_t res_id) {
    (void)link_->send_call(RecordType::kDetach, transport::ResourceCall{0, res_id, 0});
}

Status RemoteContext::create_fence(uint32_t ring_idx, uint64_t fence_id) {
    return link_->add_fence(ring_idx, fence_id);
}

Result<UniqueFd> RemoteContext::export_fence(uint64_t fence_id) {
    const auto place = link_->find_fence(fence_id);
    if (!place) return fail(ENOENT, "fence {} has retired or never was", fence_id);
    auto answer =
        link_->ask(RecordType::kExportFence, transport::FenceCall{0, place->count, place->ring, 0});
    if (!answer) return tl::unexpected(answer.error());
    if (!answer->descriptor) return fail(EMFILE, "no descriptor left for fence {}", fence_id);
    if (is_sync_file(answer->descriptor.get())) return std::move(answer->descriptor);
    link_->discard(std::move(answer->descriptor));
    return fail(EBADMSG, "the worker answers with something other than a sync file");
}

Status RemoteContext::add_in_fence(SharedFd sync_file) {
    return link_->send_call(RecordType::kInFence, transport::FenceCall{}, std::move(sync_file));
}

}  // namespace viaduct
