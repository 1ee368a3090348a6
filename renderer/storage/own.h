// OwnStorage: common to all storage that is not the classic renderer's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/ids.h"
#include "base/log.h"
#include "base/mutex.h"
#include "blob/mapping.h"
#include "drm-context/account/vm_usage.h"
#include "drm-context/native_context.h"
#include "renderer/guest_dmabufs.h"
#include "renderer/storage/storage.h"

namespace viaduct {

/// A blob as it was created: this does not change, and a snapshot would hold it.
struct BlobState {
    ResourceId id = {};
    uint64_t size = 0;  // bytes
    uint32_t blob_flags = 0;
};

/// Guest memory that the VMM has attached: its array, until it is detached.
struct Attached {
    iovec* iovecs = nullptr;
    int count = 0;
};

/// The parts of the renderer that storage needs. They outlive it.
struct StorageServices {
    VmUsage& usage;
    GuestDmabufs& guest_dmabufs;
    SharedLogLimiter& log;
};

/// A descriptor of a resource's storage, as the VMM gets it.
struct ExportedStorage {
    uint32_t fd_type = 0;  // VIRGL_RENDERER_BLOB_FD_TYPE_*
    UniqueFd fd;
};

/// Maps and exports a blob by its descriptor, which the derived class provides. The runtime of a
/// resource is here: mappings, attached memory, whether the classic renderer has it, too.
class OwnStorage : public Storage {
  public:
    OwnStorage(const BlobState& state, const StorageServices& services, Attached attached = {})
        : state_(state), services_(services), attached_(attached) {}

    int map(void** address, uint64_t* size) override;
    int unmap() override;
    int map_fixed(void* address) override;
    bool has_size(uint64_t bytes) const override { return bytes == state_.size; }
    int map_info(uint32_t* info) override;
    int export_blob(uint32_t* fd_type, int* fd) override;
    Result<MemoryView> view() override;
    int info(virgl_renderer_resource_info& info) override;
    int info_ext(virgl_renderer_resource_info_ext& info) override;
    int export_query(virgl_renderer_export_query& query) override;
    void* cursor_data(uint32_t* width, uint32_t* height) override;
    int attach_iov(iovec* iovecs, int count) override;
    void detach_iov(iovec** iovecs, int* count) override;
    std::shared_ptr<ClassicRenderer> classic() const override;
    bool introduce_to(const std::shared_ptr<ClassicRenderer>& classic) override;

  protected:
    /// As much of settle() as mapping needs.
    virtual Status settle_mapping() { return settle(); }
    /// Likewise exporting. An error: it cannot be exported.
    virtual Status settle_export() { return settle(); }
    /// The file to mmap, which holds at least the blob's size. EINVAL: not mappable.
    virtual Result<BlobMapSource> map_source() = 0;
    /// How the guest should map it; kNone: not at all. After settle_mapping().
    virtual MapCache cache() const { return MapCache::kNone; }
    /// After settle_export().
    virtual Result<ExportedStorage> exported() = 0;
    /// How the image in the blob is laid out: any values.
    virtual ImageLayout layout() { return {}; }
    /// Copies the blob's first bytes, of which it has as many. False: the CPU cannot reach them.
    /// After settle().
    virtual bool read(std::span<std::byte> to);
    /// A positive or negative errno, or 0.
    virtual int create_in(ClassicRenderer& classic);
    virtual void memory_detached() VIADUCT_REQUIRES(mutex_) {}

    /// Lends a descriptor, so that a VMM without free descriptors can still map.
    Result<BlobMapSource> source_of(const SharedFd& fd) const;
    /// map_source() for the guest; an error has a line in the log.
    Result<BlobMapSource> guest_map_source();
    Result<ExportedStorage> duplicate_of(const SharedFd& fd, uint32_t fd_type) const;

    const BlobState state_;
    const StorageServices services_;
    mutable Mutex mutex_;
    Attached attached_ VIADUCT_GUARDED_BY(mutex_);

  private:
    int book_window() VIADUCT_REQUIRES(mutex_);
    bool holds(const ImageLayout& layout) const;

    std::shared_ptr<const void> mapped_file_
        VIADUCT_GUARDED_BY(mutex_);               // BlobMapSource::file, while it may be mapped
    Mapping mapping_ VIADUCT_GUARDED_BY(mutex_);  // of map()
    Booking window_ VIADUCT_GUARDED_BY(mutex_);   // of its mapping, by either of the two ways
    std::shared_ptr<ClassicRenderer> classic_
        VIADUCT_GUARDED_BY(mutex_);  // that has it under the same id, too
};

}  // namespace viaduct
