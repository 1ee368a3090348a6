#include "drm-context/front/remote_context.h"

#include <linux/sync_file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <utility>
#include <variant>

#include "drm-context/front/late_answer.h"

namespace viaduct {

using transport::RecordType;

namespace {

// For a worker that has nothing else to do, on a processor that has time for it, several times what
// it needs.
constexpr std::chrono::milliseconds kPromptly{1};
constexpr std::chrono::milliseconds kNotAtAll{0};

// A shareable blob that was announced needs its answer only for the descriptor. But a VMM should
// not see the stand-in of a worker that has time, for it may duplicate it.
std::chrono::milliseconds time_for_answer(const BlobRequest& request, bool foreseen) {
    return foreseen && request.kind() == BlobKind::kOpaque ? kNotAtAll : kPromptly;
}

// A worker that was taken over may send anything, down to the GPU's own file. The simulated GPU's
// sync files are pipes with a mode of their own (simgpu/sync/completion_pipe.cpp).
bool is_sync_file(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return false;
    sync_file_info state{};
    return info.st_mode == (S_IFIFO | 01640) || ::ioctl(fd, SYNC_IOC_FILE_INFO, &state) == 0;
}

}  // namespace

Status RemoteContext::submit(std::span<const std::byte> commands) {
    if (commands.empty()) return {};
    return link_->send(RecordType::kSubmit, commands);
}

// The VMM's main loop makes this call, and a guest sees its result only when it asks: no one gains
// by waiting.
Result<BlobObject> RemoteContext::create_blob(const BlobRequest& request) {
    if (request.kind() == BlobKind::kShm) return create_control_buffer(request);
    const transport::CreateBlob call{0, request.blob_id, request.size, request.res_id.value(),
                                     request.blob_flags};
    const bool is_mapped = (request.blob_flags & kBlobMappable) != 0;
    const Creation creation{request, is_mapped ? places_->expect(request.res_id) : 0};
    const auto late = std::make_shared<LateAnswer>(link_, places_, creation);
    auto announcement = link_->take_announcement(request.blob_id);
    const bool foreseen = announcement && late->foresee(*std::move(announcement));
    auto reply = link_->ask_or_leave(
        RecordType::kCreateBlob, call, time_for_answer(request, foreseen),
        [late](Result<ContextLink::Answer> answer) { late->arrive(std::move(answer)); });
    if (!reply) {
        places_->forget(request.res_id);
        // Given up: the worker must not keep an object that the front does not know.
        if (reply.error().code == ETIMEDOUT) detach_resource(request.res_id);
        return tl::unexpected(reply.error());
    }
    if (const auto* left = std::get_if<ContextLink::Left>(&*reply)) {
        late->set_cookie(left->cookie);
        return stand_in_for(request, late);
    }
    auto blob =
        blob_of(*link_, places_.get(), std::get<ContextLink::Answer>(*std::move(reply)), creation);
    if (!blob) detach_resource(request.res_id);
    return blob;
}

Result<BlobObject> RemoteContext::stand_in_for(const BlobRequest& request,
                                               const std::shared_ptr<LateAnswer>& late) {
    BlobObject blob;
    blob.late = late;
    blob.is_private = late->is_private();
    if (request.kind() == BlobKind::kOpaque) return blob;
    auto event = transport::create_event();
    if (!event) {
        detach_resource(request.res_id);
        return tl::unexpected(event.error());
    }
    blob.fd = *std::move(event);
    return blob;
}

// Made here: a guest maps it first of all, when its worker may not run yet.
Result<BlobObject> RemoteContext::create_control_buffer(const BlobRequest& request) {
    if (request.blob_flags != kBlobMappable)
        return fail(EINVAL, "the control buffer must be mappable only, not flags {:#x}",
                    request.blob_flags);
    auto memory = transport::create_control_memory(request.size, traits_.area_offset(), shortcuts_);
    if (!memory) return tl::unexpected(memory.error());
    auto charged = charge_memory_(request.size);
    if (!charged) return tl::unexpected(charged.error());
    const auto charge = std::make_shared<const HostMemory>(*std::move(charged));
    UniqueFd workers = memory->duplicate();
    if (!workers) return fail(EMFILE, "no descriptor left for the control buffer");
    if (auto status = link_->give_control_buffer(std::move(workers), charge, traits_); !status)
        return tl::unexpected(status.error());
    BlobObject blob;
    blob.cache = MapCache::kCached;
    blob.fd = *std::move(memory);
    blob.charge = charge;
    return blob;
}

Result<BlobMapSource> RemoteContext::map_source(ResourceId res_id, uint64_t size) {
    auto place = places_->take(res_id);
    const bool is_checked = place.has_value();
    if (!place) {
        auto answer =
            link_->ask(RecordType::kMapSource, transport::ResourceCall{0, res_id.value(), 0});
        if (!answer) return tl::unexpected(answer.error());
        place = {answer->reply.offset, std::move(answer->descriptor)};
    }
    auto file = link_->file();
    if (!file) return fail(EPIPE, "the context's worker has ended");
    BlobMapSource source{.fd = file->mappable_fd(),
                         .offset = place->offset,
                         .opened = UniqueFd(),
                         .file = std::move(file)};
    if (source.fd >= 0) {
        link_->discard(std::move(place->memory));
        return source;  // the GPU's driver checks offset and size
    }
    if (is_checked) {
        source.opened = std::move(place->memory);
    } else {
        auto opened = accept_memory(*link_, std::move(place->memory), source.offset, size);
        if (!opened) return tl::unexpected(opened.error());
        source.opened = *std::move(opened);
    }
    source.fd = source.opened.get();
    return source;
}

Result<UniqueFd> RemoteContext::export_blob(ResourceId res_id) {
    auto answer =
        link_->ask(RecordType::kExportBlob, transport::ResourceCall{0, res_id.value(), 0});
    if (!answer) return tl::unexpected(answer.error());
    return accept_memory(*link_, std::move(answer->descriptor), 0, 0);
}

Result<ImageLayout> RemoteContext::image_layout(ResourceId res_id) {
    auto answer =
        link_->ask(RecordType::kImageLayout, transport::ResourceCall{0, res_id.value(), 0});
    if (!answer) return tl::unexpected(answer.error());
    transport::Layout layout{};
    std::memcpy(&layout, answer->reply.message, sizeof(layout));
    return ImageLayout{layout.fourcc, layout.width, layout.height, layout.stride, layout.modifier};
}

int RemoteContext::device_fd() const {
    const auto file = link_->file();
    return file ? file->fd() : -1;
}

void RemoteContext::attach_resource(ResourceId res_id, SharedFd dmabuf) {
    if (!dmabuf) return;
    (void)link_->send_call(RecordType::kAttach, transport::ResourceCall{0, res_id.value(), 0},
                           std::move(dmabuf));
}

void RemoteContext::detach_resource(ResourceId res_id) {
    places_->forget(res_id);
    (void)link_->send_call(RecordType::kDetach, transport::ResourceCall{0, res_id.value(), 0});
}

void RemoteContext::create_fence(RingIndex ring_idx, FenceId fence_id) {
    link_->add_fence(ring_idx, fence_id);
}

Result<UniqueFd> RemoteContext::export_fence(FenceId fence_id) {
    const auto place = link_->find_fence(fence_id);
    if (!place) return fail(ENOENT, "fence {} has retired or never existed", fence_id);
    auto answer = link_->ask(RecordType::kExportFence,
                             transport::FenceCall{0, place->count, place->ring.value(), 0});
    if (!answer) return tl::unexpected(answer.error());
    if (!answer->descriptor) return fail(EMFILE, "no descriptor left for fence {}", fence_id);
    if (is_sync_file(answer->descriptor.get())) return std::move(answer->descriptor);
    link_->discard(std::move(answer->descriptor));
    return fail(EBADMSG, "the worker's answer is not a sync file");
}

Status RemoteContext::add_in_fence(SharedFd sync_file) {
    return link_->send_call(RecordType::kInFence, transport::FenceCall{}, std::move(sync_file));
}

}  // namespace viaduct
