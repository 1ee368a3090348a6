// ContextStorage: an object of a native context (blob_mem HOST3D, HOST3D_GUEST).
#pragma once

#include <memory>

#include "renderer/context.h"
#include "renderer/storage/own.h"

namespace viaduct {

/// The control buffer or a dma-buf, which have a descriptor of their own; or an opaque object,
/// which is mapped and exported through its context and dies with it.
class ContextStorage : public OwnStorage {
  public:
    /// The object as its context gave it out; its descriptor is shared with workers that have not
    /// received it yet.
    struct Object {
        std::weak_ptr<Context> creator;
        BlobKind kind;
        SharedFd fd;       // null if it is opaque
        BlobObject given;  // without its descriptor
    };
    ContextStorage(const BlobState& state, const StorageServices& services, Attached attached,
                   Object object);

    Status settle() override;
    SharedFd dmabuf() override;
    bool makes_dmabufs() const override { return opaque() && !is_private_; }
    Result<UniqueFd> new_dmabuf() override;

  protected:
    Status settle_mapping() override;
    Status settle_export() override;
    Result<BlobMapSource> map_source() override;
    MapCache cache() const override;
    Result<ExportedStorage> exported() override;
    ImageLayout layout() override;

  private:
    bool opaque() const { return !fd_; }
    bool has_stand_in() const;

    const std::weak_ptr<Context> creator_;
    const BlobKind kind_;
    const SharedFd fd_;
    const std::shared_ptr<const void> charge_;  // BlobObject::charge
    const Booking booked_;                      // one resource of a native context
    const bool is_private_;                     // BlobObject::is_private
    MapCache cache_ VIADUCT_GUARDED_BY(mutex_);
    std::shared_ptr<LateBlob> late_
        VIADUCT_GUARDED_BY(mutex_);  // BlobObject::late, until it is settled
};

}  // namespace viaduct
