// User fences in buffers where the kernel writes none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "drm-context/context/driver_context.h"

namespace viaduct::amdgpu {

/// The kernel takes user fences in buffers of one page of its own only (amdgpu_cs.c,
/// amdgpu_cs_p1_user_fence()). Guests with larger pages, or with a device that wants larger blobs,
/// have larger ones: the numbers in these are written here, when the submission is known to be
/// done. Used by the worker's thread only.
class UserFences {
  public:
    /// Bytes of a page of the kernel, the only size that it takes.
    static constexpr uint64_t kKernelPage = 4096;
    /// Pages kept mapped. In thread mode they are mappings of the VMM's process, which are limited.
    static constexpr size_t kMostPages = 64;

    struct Place {
        std::shared_ptr<const Mapping> page;
        uint32_t offset = 0;  // in the page; a multiple of 8
    };
    /// The page of a buffer that has `offset`; null if it is not mapped, or no longer.
    std::shared_ptr<const Mapping> find_page(GemHandle gem_handle, uint32_t offset) const;
    void add_page(GemHandle gem_handle, uint32_t offset, std::shared_ptr<const Mapping> page);
    /// The buffer is closed. What is still to be written is written.
    void drop_pages(GemHandle gem_handle);

    /// `value` is to be written when the ring's first `submissions` submissions are done.
    void add(RingIndex ring, uint64_t submissions, Place place, uint64_t value);
    enum class Outcome { kDone, kFailed };
    /// The first `submissions` of `ring` have ended. After a failure nothing is written, as by the
    /// GPU.
    void ended(RingIndex ring, uint64_t submissions, Outcome outcome);

  private:
    struct Pending {
        uint64_t submissions;
        Place place;
        uint64_t value;
    };
    static std::pair<GemHandle, uint32_t> key_of(GemHandle gem_handle, uint32_t offset) {
        return {gem_handle, static_cast<uint32_t>(offset / kKernelPage)};
    }

    std::map<std::pair<GemHandle, uint32_t>, std::shared_ptr<const Mapping>> pages_;
    std::map<RingIndex, std::deque<Pending>> rings_;
};

}  // namespace viaduct::amdgpu
