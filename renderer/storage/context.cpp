#include "renderer/storage/context.h"

#include <utility>

namespace viaduct {

namespace {

uint32_t fd_type_of(BlobKind kind) {
    static constexpr uint32_t kTypes[] = {VIRGL_RENDERER_BLOB_FD_TYPE_SHM,
                                          VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF,
                                          VIRGL_RENDERER_BLOB_FD_TYPE_OPAQUE};
    return kTypes[static_cast<size_t>(kind)];
}

}  // namespace

ContextStorage::ContextStorage(const BlobState& state, const StorageServices& services,
                               Attached attached, Object object)
    : OwnStorage(state, services, attached),
      creator_(std::move(object.creator)),
      kind_(object.kind),
      fd_(std::move(object.fd)),
      charge_(std::move(object.given.charge)),
      booked_(services.usage.take_resource()),
      is_private_(object.given.is_private),
      cache_(object.given.cache),
      late_(std::move(object.given.late)) {
    if (late_ && fd_) late_->replace(fd_);
}

Status ContextStorage::settle() {
    std::shared_ptr<LateBlob> late;
    {
        const LockGuard lock(mutex_);
        late = late_;
    }
    if (!late) return {};
    const auto cache = late->settle();
    if (cache) {
        const LockGuard lock(mutex_);
        cache_ = *cache;
        late_.reset();
        return {};
    }
    services_.log.log(LogLevel::kWarning, "late_blob", "resource {}: {}", state_.id,
                      cache.error().message);
    return tl::unexpected(cache.error());
}

// The descriptor of a blob that was announced may come later.
Status ContextStorage::settle_mapping() {
    if (opaque() && creator_.expired())
        return fail(EINVAL, "resource {}: its context is gone", state_.id);
    {
        const LockGuard lock(mutex_);
        const auto cache = late_ ? late_->foreseen() : std::nullopt;
        if (cache) cache_ = *cache;
        if (cache) return {};
    }
    return settle();
}

// Some VMMs (crosvm, libkrun) export each blob when it is created: no worker is waited for to say
// no.
Status ContextStorage::settle_export() {
    if (is_private_) return fail(EPERM, "resource {} is not for export", state_.id);
    return settle();
}

bool ContextStorage::has_stand_in() const {
    const LockGuard lock(mutex_);
    return fd_ && late_;
}

MapCache ContextStorage::cache() const {
    const LockGuard lock(mutex_);
    return cache_;
}

Result<BlobMapSource> ContextStorage::map_source() {
    if (!(state_.blob_flags & VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE))
        return fail(EINVAL, "resource {} is not mappable", state_.id);
    if (!opaque() && !has_stand_in()) return source_of(fd_);
    const auto creator = creator_.lock();
    if (!creator) return fail(EINVAL, "resource {}: its context is gone", state_.id);
    return creator->native->map_source(state_.id, state_.size);
}

SharedFd ContextStorage::dmabuf() {
    return kind_ == BlobKind::kDmabuf ? fd_ : nullptr;
}

Result<UniqueFd> ContextStorage::new_dmabuf() {
    if (auto status = settle_export(); !status) return tl::unexpected(status.error());
    const auto creator = creator_.lock();
    if (!creator) return fail(EINVAL, "resource {}: its context is gone", state_.id);
    return creator->native->export_blob(state_.id);
}

ImageLayout ContextStorage::layout() {
    if (kind_ != BlobKind::kDmabuf || !settle()) return {};
    const auto creator = creator_.lock();
    if (!creator) return {};
    return creator->native->image_layout(state_.id).value_or(ImageLayout());
}

Result<ExportedStorage> ContextStorage::exported() {
    if (!opaque()) return duplicate_of(fd_, fd_type_of(kind_));
    auto dmabuf = new_dmabuf();
    if (!dmabuf) return tl::unexpected(dmabuf.error());
    return ExportedStorage{VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF, *std::move(dmabuf)};
}

}  // namespace viaduct
