#include "drm-context/front/remote_context.h"

#include <utility>

#include "blob/foreign_memory.h"

namespace viaduct {

using transport::RecordType;

namespace {

// Across the process border a descriptor for which there was no room is not there. Those that
// came may be a taken-over worker's choice.
Status check_memory(const UniqueFd& fd, uint64_t offset, uint64_t size) {
    if (!fd) return fail(EMFILE, "no descriptor left");
    return check_mappable(fd.get(), offset, size);
}

}  // namespace

RemoteContext::RemoteContext(std::shared_ptr<ContextLink> link, const DriverTraits& traits,
                             UniqueFd device)
    : link_(std::move(link)), traits_(traits), device_(std::move(device)) {}

Status RemoteContext::submit(std::span<const std::byte> commands) {
    if (commands.empty()) return {};
    return link_->send(RecordType::kSubmit, commands, {});
}

Result<BlobObject> RemoteContext::create_blob(const BlobRequest& request) {
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

Result<BlobObject> RemoteContext::judge_blob(ContextLink::Answer answer,
                                             const BlobRequest& request) {
    if (answer.reply.cache > static_cast<uint32_t>(MapCache::kWriteCombined))
        return fail(EBADMSG, "the worker speaks of a caching {}", answer.reply.cache);
    BlobObject blob{static_cast<MapCache>(answer.reply.cache), UniqueFd()};
    if (request.kind() == BlobKind::kOpaque) return blob;
    blob.fd = std::move(answer.descriptor);
    if (auto status = check_memory(blob.fd, 0, request.size); !status)
        return tl::unexpected(status.error());
    if (request.kind() == BlobKind::kShm)
        if (auto status = link_->watch_control_buffer(blob.fd.get(), traits_); !status)
            return tl::unexpected(status.error());
    return blob;
}

Result<MapSource> RemoteContext::map_source(uint32_t res_id, uint64_t size) {
    auto answer = link_->ask(RecordType::kMapSource, transport::ResourceCall{0, res_id, 0});
    if (!answer) return tl::unexpected(answer.error());
    MapSource source{std::move(answer->descriptor), answer->reply.offset};
    if (auto status = check_memory(source.fd, source.offset, size); !status)
        return tl::unexpected(status.error());
    return source;
}

Result<UniqueFd> RemoteContext::export_blob(uint32_t res_id) {
    auto answer = link_->ask(RecordType::kExportBlob, transport::ResourceCall{0, res_id, 0});
    if (!answer) return tl::unexpected(answer.error());
    if (auto status = check_memory(answer->descriptor, 0, 0); !status)
        return tl::unexpected(status.error());
    return std::move(answer->descriptor);
}

void RemoteContext::attach_resource(uint32_t res_id, UniqueFd dmabuf) {
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
    return std::move(answer->descriptor);
}

Status RemoteContext::add_in_fence(UniqueFd sync_file) {
    return link_->send_call(RecordType::kInFence, transport::FenceCall{}, std::move(sync_file));
}

}  // namespace viaduct
