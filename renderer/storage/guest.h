// GuestStorage: a blob in guest memory only (blob_mem GUEST).
#pragma once

#include <vector>

#include "renderer/storage/own.h"

namespace viaduct {

/// The dma-buf of memory that is attached, made at the first request.
struct GuestDmabuf {
    bool asked = false;     // the kernel, about the memory that is attached now
    bool stale = false;     // of memory that was detached since: not given out any more
    SharedFd fd;            // stays until the resource goes, for VMMs keep its number; null: none
    uint64_t detached = 0;  // times that memory was

    SharedFd current() const { return stale ? nullptr : fd; }
    void memory_detached() {
        ++detached;
        if (fd) stale = true;
        if (!fd) asked = false;
    }
};

/// Not mappable: the guest has it already.
class GuestStorage : public OwnStorage {
  public:
    using OwnStorage::OwnStorage;

    SharedFd dmabuf() override;
    /// The same. An error, the first time: the reason why there is none. Null later.
    Result<SharedFd> obtain_dmabuf();
    Status set_dmabuf(int fd) override;
    Result<MemoryView> view() override;
    std::string_view without_dmabuf() const override {
        return "guest memory, which the GPU cannot reach";
    }

  protected:
    Result<BlobMapSource> map_source() override {
        return fail(EINVAL, "resource {} is not mappable", state_.id);
    }
    MapCache cache() const override { return MapCache::kCached; }
    Result<ExportedStorage> exported() override {
        return duplicate_of(dmabuf(), VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF);
    }
    bool read(std::span<std::byte> to) override;
    int create_in(ClassicRenderer& classic) override;
    void memory_detached() override VIADUCT_REQUIRES(mutex_) { dmabuf_.memory_detached(); }

  private:
    std::vector<iovec> entries() const VIADUCT_REQUIRES(mutex_);
    Result<SharedFd> make_dmabuf(std::span<const iovec> entries);

    GuestDmabuf dmabuf_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct
