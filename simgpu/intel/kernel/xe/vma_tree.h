// VmaTree: the mappings of a VM as its ioctls have left them, which the GPU sees once they are
// bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace simgpu::memory {
class Buffer;
}

namespace simgpu::intel::xe {

struct VaRange {
    uint64_t start = 0;
    uint64_t end = 0;

    bool overlaps(const VaRange& other) const { return start < other.end && other.start < end; }
};

/// Linux: drm_gpuvm. Only the addresses and whose they are; buffers are compared, not used. Not
/// thread-safe.
class VmaTree {
  public:
    /// Maps `buffer` (null: nothing in particular) in place of whatever is there.
    void map(const VaRange& range, const memory::Buffer* buffer);
    /// False if nothing was there.
    bool unmap(const VaRange& range);
    /// Where the buffer is mapped.
    std::vector<VaRange> ranges_of(const memory::Buffer* buffer) const;
    size_t size() const { return vmas_.size(); }

  private:
    struct Vma {
        uint64_t end = 0;
        const memory::Buffer* buffer = nullptr;
    };
    using Vmas = std::map<uint64_t, Vma>;  // by start

    void insert(uint64_t start, const Vma& vma);
    Vmas::iterator erase(Vmas::iterator vma);

    Vmas vmas_;
    std::set<std::pair<const memory::Buffer*, uint64_t>> starts_;  // the same, by buffer
};

}  // namespace simgpu::intel::xe
