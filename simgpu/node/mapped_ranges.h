// Which addresses show a node: the part of the process's mappings that keeps files open.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "simgpu/fork_mutex.h"
#include "simgpu/node/fake_node.h"

namespace simgpu::node {

using NodeFilePtr = std::shared_ptr<NodeFile>;

/// Address ranges and the open files that they keep alive (Linux: vm_area_struct.vm_file).
/// Thread-safe. Destructors of NodeFiles run outside its lock, as its functions return what they
/// drop.
class MappedRanges {
  public:
    /// True: surely nothing is mapped. Costs one load; callable at any time.
    bool empty() const { return count_.load(std::memory_order_acquire) == 0; }
    /// `file` was mapped at [start, start + length), whatever was there before. Returns what that
    /// kept alive.
    std::vector<NodeFilePtr> add(const void* start, size_t length, NodeFilePtr file);
    /// Nothing of a node is at [start, start + length) any more: cuts what reaches beyond.
    std::vector<NodeFilePtr> remove(const void* start, size_t length);
    /// The file that is mapped at `address`, or null.
    NodeFilePtr find(const void* address);

    /// Forgets all without running destructors: the files' threads are not in the child.
    void after_fork_in_child() VIADUCT_LOCKS_UNCHECKED;

  private:
    struct Range {
        uintptr_t end = 0;
        NodeFilePtr file;
    };

    std::vector<NodeFilePtr> remove_locked(uintptr_t start, uintptr_t end) VIADUCT_REQUIRES(mutex_);

    ForkMutex mutex_;
    std::map<uintptr_t, Range> ranges_ VIADUCT_GUARDED_BY(mutex_);  // by start
    std::atomic<size_t> count_{0};
};

/// The mappings of the process, as open_files().
MappedRanges& mapped_ranges();

}  // namespace simgpu::node
