// Bindings: what one VM has mapped, as far as the kernel has accepted it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "drm-context/account/context_account.h"

namespace viaduct::xe {

/// The memory of one buffer, charged until neither a handle nor a mapping of it is left: the
/// kernel keeps a buffer that is bound.
struct BufferMemory {
    MemoryCharge charge = {};  // none: of an imported buffer
    GemHandle shown = {};      // while others may read it: its handle; 0: none
};
using BufferMemoryPtr = std::shared_ptr<BufferMemory>;

class Bindings {
  public:
    struct Range {
        uint64_t start = 0;
        uint64_t size = 0;
        uint64_t end() const { return start + size; }
    };

    /// Maps `memory` (null: a range that reads as zero) in place of what is there.
    void map(Range range, BufferMemoryPtr memory);
    void unmap(Range range);
    void unmap_all(const BufferMemoryPtr& memory);

    /// True if `range` begins or ends inside a mapping, of which a piece would be left without it.
    bool cuts(Range range) const;
    uint64_t mappings() const { return mappings_.size(); }
    /// Of mapped buffers, BufferMemory::shown: few, or none.
    std::vector<GemHandle> shown() const;
    /// Page tables that these can need at most.
    uint64_t tables() const { return tables_; }
    /// By how many tables() can grow if `range` is mapped or unmapped.
    static uint64_t most_tables(Range range, bool has_memory);

  private:
    struct Mapping {
        uint64_t end = 0;
        BufferMemoryPtr memory;
    };
    using Mappings = std::map<uint64_t, Mapping>;  // by start

    bool is_inside(uint64_t address) const;
    static uint64_t tables_of(uint64_t size, bool has_memory);
    void insert(uint64_t start, Mapping mapping);
    Mappings::iterator erase(Mappings::iterator mapping);

    Mappings mappings_;
    std::set<std::pair<const BufferMemory*, uint64_t>> starts_;  // the same, by buffer
    std::map<const BufferMemory*, uint64_t> shown_;  // how many of these are of such buffers
    uint64_t tables_ = 0;
};

}  // namespace viaduct::xe
