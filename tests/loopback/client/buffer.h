// A GEM object of the emulated virtio-gpu driver, and the handles of one open file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/ids.h"
#include "base/unique_fd.h"
#include "simgpu/sync/reservation.h"
#include "wire/virtgpu.h"

namespace viaduct::loopback {

struct Buffer {
    ResourceId resource_id = {};
    wire::virtgpu::BlobMem blob_mem{};  // 0: a classic resource
    uint32_t blob_flags = 0;
    uint64_t size = 0;         // bytes, whole pages
    uint64_t mmap_offset = 0;  // for mmap on the node

    /// The guest kernel's dma_resv. Another for an imported buffer: that of its dma-buf.
    std::shared_ptr<simgpu::drm::Reservation> reservation =
        std::make_shared<simgpu::drm::Reservation>();

    std::mutex mutex;  // for all below
    UniqueFd memory;   // the guest's own pages, of a blob or a classic resource
    /// Fences other than this file's may be on it: the device must be asked.
    bool shared = false;
};
using BufferPtr = std::shared_ptr<Buffer>;

/// Thread-safe.
class BufferTable {
  public:
    /// Gives the buffer a handle (the smallest free one, from 1) and an mmap offset.
    GemHandle add(const BufferPtr& buffer);
    /// Null if there is none.
    BufferPtr find(GemHandle handle) const;
    BufferPtr find_by_offset(uint64_t mmap_offset) const;
    /// 0 if the file has no handle for that resource.
    GemHandle handle_of_resource(ResourceId resource_id) const;
    /// Null if there is none.
    BufferPtr remove(GemHandle handle);

  private:
    GemHandle lowest_free();

    mutable std::mutex mutex_;
    std::map<GemHandle, BufferPtr> buffers_;
    uint32_t hint_ = 1;                               // all handles below are taken
    std::unordered_map<uint64_t, BufferPtr> mapped_;  // by mmap offset
    std::unordered_map<ResourceId, GemHandle> handles_;
    uint64_t next_offset_ = 1ull << 32;  // drm_vma_manager.h: DRM_FILE_PAGE_OFFSET_START
};

}  // namespace viaduct::loopback
