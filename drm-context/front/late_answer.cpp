#include "drm-context/front/late_answer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "blob/foreign_memory.h"

namespace viaduct {

namespace {
// For another thread that has the answer in its hands.
constexpr std::chrono::seconds kDelivery{1};

// True if the place is known now.
bool keep_place(ContextLink& link, BlobPlaces* places, ContextLink::Answer answer,
                const Creation& creation) {
    const BlobRequest& request = creation.request;
    const auto file = link.file();
    const bool wanted =
        places && file && answer.reply.has_place != 0 && (request.blob_flags & kBlobMappable) != 0;
    // The GPU's own file needs no descriptor, and its driver checks offset and size.
    const bool gpus_own = wanted && file->mappable_fd() >= 0;
    if (!wanted || gpus_own) link.discard(std::move(answer.descriptor));
    if (gpus_own) places->keep(request.res_id, creation.number, {answer.reply.offset, UniqueFd()});
    if (!wanted || gpus_own) return wanted;
    auto memory =
        accept_memory(link, std::move(answer.descriptor), answer.reply.offset, request.size);
    if (memory)
        places->keep(request.res_id, creation.number, {answer.reply.offset, *std::move(memory)});
    return memory.has_value();
}

}  // namespace

// Across the process border a descriptor for which there was no room is missing. One that came may
// be a taken-over worker's choice, down to the GPU's own file, whose close() waits for the GPU, or
// memory of the worker's own. Only a simulated GPU's buffers are memfds.
Result<UniqueFd> accept_memory(ContextLink& link, UniqueFd fd, uint64_t offset, uint64_t size) {
    if (!fd) return fail(EMFILE, "no descriptor left");
    const auto file = link.file();
    const auto check = file && file->mappable_fd() < 0 ? check_mappable : check_dmabuf;
    auto status = check(fd.get(), offset, size);
    if (status) return fd;
    link.discard(std::move(fd));
    return tl::unexpected(status.error());
}

Result<BlobObject> blob_of(ContextLink& link, BlobPlaces* places, ContextLink::Answer answer,
                           const Creation& creation) {
    const BlobRequest& request = creation.request;
    if (answer.reply.cache > static_cast<uint32_t>(MapCache::kWriteCombined)) {
        link.discard(std::move(answer.descriptor));
        return fail(EBADMSG, "the worker reported unknown caching type {}", answer.reply.cache);
    }
    BlobObject blob;
    blob.cache = static_cast<MapCache>(answer.reply.cache);
    if (request.kind() == BlobKind::kOpaque) {
        keep_place(link, places, std::move(answer), creation);
        return blob;
    }
    auto dmabuf = accept_memory(link, std::move(answer.descriptor), 0, request.size);
    if (!dmabuf) return tl::unexpected(dmabuf.error());
    blob.fd = *std::move(dmabuf);
    return blob;
}

LateAnswer::~LateAnswer() {
    if (fd_) drop(std::move(fd_));
}

void LateAnswer::drop(UniqueFd fd) {
    if (const auto link = link_.lock()) link->discard(std::move(fd));
}

std::optional<MapCache> LateAnswer::foreseen() {
    const LockGuard lock(mutex_);
    return outcome_ ? std::nullopt : foreseen_;
}

bool LateAnswer::foresee(ContextLink::Answer announcement) {
    const auto link = link_.lock();
    const auto places = places_.lock();
    if (!link || !places) return false;
    const transport::Reply reply = announcement.reply;
    const BlobRequest& request = creation_.request;
    const bool is_mapped = (request.blob_flags & kBlobMappable) != 0;
    const bool is_another = request.kind() == BlobKind::kDmabuf && reply.if_opaque != 0;
    if (is_another || request.size > reply.size ||
        reply.cache > static_cast<uint32_t>(MapCache::kWriteCombined)) {
        link->discard(std::move(announcement.descriptor));
        return false;
    }
    if (!keep_place(*link, places.get(), std::move(announcement), creation_) && is_mapped)
        return false;
    // An object that would have been replaced to be exported cannot be exported itself.
    is_private_ = request.kind() == BlobKind::kOpaque && reply.if_opaque != 0;
    const LockGuard lock(mutex_);
    foreseen_ = static_cast<MapCache>(reply.cache);
    return true;
}

void LateAnswer::arrive(Result<ContextLink::Answer> answer) {
    auto outcome = judge(std::move(answer));
    const LockGuard lock(mutex_);
    outcome_ = std::move(outcome);
    put_in_place();
    arrived_.notify_all();
}

Result<MapCache> LateAnswer::judge(Result<ContextLink::Answer> answer) {
    if (!answer) return tl::unexpected(answer.error());
    const auto link = link_.lock();
    if (!link) return fail(EPIPE, "its context has ended");
    auto blob = blob_of(*link, places_.lock().get(), *std::move(answer), creation_);
    if (!blob) return tl::unexpected(blob.error());
    const LockGuard lock(mutex_);
    fd_ = std::move(blob->fd);
    return blob->cache;
}

// From then on the stand-in's number is the object's, also for a VMM that remembers the number.
void LateAnswer::put_in_place() {
    if (!outcome_ || !has_stand_in_) return;
    const SharedFd stand_in = std::exchange(stand_in_, nullptr);
    if (!fd_) return;
    // If the resource is gone, the object is no longer needed.
    const bool wanted = stand_in.use_count() > 1;
    if (wanted && ::dup3(fd_.get(), stand_in->get(), O_CLOEXEC) < 0)
        outcome_ = fail(errno, "cannot put its descriptor in place (errno {})", errno);
    drop(std::move(fd_));
}

void LateAnswer::replace(const SharedFd& stand_in) {
    const LockGuard lock(mutex_);
    stand_in_ = stand_in;
    has_stand_in_ = true;
    put_in_place();
}

Result<MapCache> LateAnswer::settle() {
    {
        const LockGuard lock(mutex_);
        if (outcome_) return *outcome_;
    }
    const auto link = link_.lock();
    if (!link) return fail(EPIPE, "its context has ended");
    const auto self = std::static_pointer_cast<LateAnswer>(shared_from_this());
    if (auto status = link->await_late(
            cookie_,
            [self](Result<ContextLink::Answer> answer) { self->arrive(std::move(answer)); });
        !status)
        return tl::unexpected(status.error());
    UniqueLock lock(mutex_);
    if (arrived_.wait_for(lock.native(), kDelivery,
                          [this]() VIADUCT_REQUIRES(mutex_) { return outcome_.has_value(); }))
        return *outcome_;
    return fail(ETIMEDOUT, "its worker has not answered yet");
}

}  // namespace viaduct
