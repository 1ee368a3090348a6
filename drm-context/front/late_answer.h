// LateAnswer: a blob whose worker did not answer in time, and may do so later.
#pragma once

#include <condition_variable>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "base/shared_fd.h"
#include "base/unique_fd.h"
#include "drm-context/front/blob_places.h"
#include "drm-context/front/context_link.h"
#include "drm-context/native_context.h"

namespace viaduct {

/// A request, and the creation that its place is kept for.
struct Creation {
    BlobRequest request;
    BlobPlaces::Creation number = 0;
};

/// The blob of a worker's answer to kCreateBlob; `places` gets where it is mapped from, if that is
/// said and can be used (null: the context has gone, and the blobs that it shares have not). A
/// guest may have taken the worker over, so the caching, the descriptor and the place are checked;
/// a descriptor that fails is closed on another thread.
Result<BlobObject> blob_of(ContextLink& link, BlobPlaces* places, ContextLink::Answer answer,
                           const Creation& creation);

/// The same for any descriptor: `size` bytes at `offset` of it can be mapped for good.
Result<UniqueFd> accept_memory(ContextLink& link, UniqueFd fd, uint64_t offset, uint64_t size);

/// Thread-safe: the fence thread delivers the answer, the VMM's thread waits for it.
class LateAnswer final : public LateBlob {
  public:
    LateAnswer(std::weak_ptr<ContextLink> link, std::weak_ptr<BlobPlaces> places,
               const Creation& creation)
        : link_(std::move(link)), places_(std::move(places)), creation_(creation) {}
    ~LateAnswer() override;
    LateAnswer(const LateAnswer&) = delete;
    LateAnswer& operator=(const LateAnswer&) = delete;

    /// The worker has announced the object. True if it can be used as announced: then neither its
    /// creation nor its mapping need wait for the answer.
    bool foresee(ContextLink::Answer announcement);
    /// That object's BlobObject::is_private.
    bool is_private() const { return is_private_; }
    /// The answer has this cookie.
    void set_cookie(uint64_t cookie) { cookie_ = cookie; }
    /// Takes the answer, or the reason why there is none. At most once.
    void arrive(Result<ContextLink::Answer> answer);

    Result<MapCache> settle() override;
    std::optional<MapCache> foreseen() override;
    void replace(const SharedFd& stand_in) override;

  private:
    Result<MapCache> judge(Result<ContextLink::Answer> answer);
    void put_in_place() VIADUCT_REQUIRES(mutex_);
    void drop(UniqueFd fd);

    const std::weak_ptr<ContextLink> link_;
    const std::weak_ptr<BlobPlaces> places_;
    const Creation creation_;
    uint64_t cookie_ = 0;      // set before anybody settles
    bool is_private_ = false;  // likewise

    Mutex mutex_;
    std::condition_variable arrived_;
    std::optional<Result<MapCache>> outcome_ VIADUCT_GUARDED_BY(mutex_);
    std::optional<MapCache> foreseen_ VIADUCT_GUARDED_BY(mutex_);
    UniqueFd fd_ VIADUCT_GUARDED_BY(mutex_);  // of a kDmabuf, until it is in its place
    SharedFd stand_in_
        VIADUCT_GUARDED_BY(mutex_);  // until the answer comes, so that its descriptor is booked
    bool has_stand_in_ VIADUCT_GUARDED_BY(mutex_) = false;
};

}  // namespace viaduct
