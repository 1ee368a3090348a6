// Which descriptors are of a node: the part of the kernel's file table that is ours.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <unordered_map>

#include "base/mutex.h"
#include "simgpu/fork_mutex.h"
#include "simgpu/node/fake_node.h"

namespace simgpu::node {

/// One open file description of a node; several descriptors may refer to it. Thread-safe.
class OpenFile {
  public:
    using Reopen = std::function<std::unique_ptr<NodeFile>(bool claimed)>;

    /// `node`: which one, for its owner. `device`, `inode`: of the descriptor behind it.
    /// `reopen` makes a fresh NodeFile in a forked child.
    OpenFile(int node, dev_t device, ino_t inode, std::unique_ptr<NodeFile> file, Reopen reopen);
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() = default;

    int node() const { return node_; }
    dev_t device() const { return device_; }
    ino_t inode() const { return inode_; }
    /// Null if a child could not reopen it.
    std::shared_ptr<NodeFile> file();
    /// True once: after the NodeFile's claim.
    bool claim_is_new(const NodeFile& file) {
        return file.is_claimed() && !claim_seen_.exchange(true, std::memory_order_relaxed);
    }
    /// A descriptor of it is closed. Does nothing to a file that a child has not used.
    void flush(Flush kind);
    /// In a child, whose copy of the NodeFile has lost its threads: forgets it without running
    /// its destructor.
    void abandon() VIADUCT_LOCKS_UNCHECKED;

  private:
    const int node_;
    const dev_t device_;
    const ino_t inode_;
    viaduct::Mutex mutex_;
    std::shared_ptr<NodeFile> file_ VIADUCT_GUARDED_BY(mutex_);
    bool abandoned_ VIADUCT_GUARDED_BY(mutex_) = false;
    bool claimed_ VIADUCT_GUARDED_BY(mutex_) = false;  // by the parent, of an abandoned one
    std::atomic<bool> claim_seen_ = false;
    Reopen reopen_;
};

using OpenFilePtr = std::shared_ptr<OpenFile>;

/// Descriptor number to open file. Thread-safe. Destructors of NodeFiles run outside its lock, as
/// its functions return what they drop.
class OpenFiles {
  public:
    /// False: certainly not a node. Costs one load; callable at any time.
    bool may_hold(int fd) const;
    /// The open file of `fd`, or null. Drops a stale entry: one whose descriptor was closed and
    /// given away behind our back (by a raw system call, or by fclose()).
    OpenFilePtr find(int fd);
    /// The open file that an unknown descriptor `fd` was made from behind our back (sent over a
    /// socket within this process), or null; `fd` is of it from now on.
    OpenFilePtr find_twin(int fd);
    /// `fd` is of `file` from now on. Returns what the number stood for before.
    OpenFilePtr insert(int fd, OpenFilePtr file);
    OpenFilePtr remove(int fd);
    /// Forgets all in [first, last]; returns them.
    std::vector<OpenFilePtr> remove_range(unsigned first, unsigned last);
    /// One entry for each descriptor.
    std::vector<OpenFilePtr> all();
    /// False in a process that is not the one the table was made in: after vfork(), where it is
    /// still the parent's and must not be touched.
    bool is_this_process() const;

    void after_fork_in_child() VIADUCT_LOCKS_UNCHECKED;

  private:
    static constexpr unsigned kMarked = 1u << 16;  // descriptors with a bit of their own

    void mark(int fd, bool ours);
    OpenFilePtr remove_locked(int fd) VIADUCT_REQUIRES(mutex_);
    bool is_stale(int fd, const OpenFile& file) const;

    mutable ForkMutex mutex_;
    std::unordered_map<int, OpenFilePtr> files_ VIADUCT_GUARDED_BY(mutex_);
    std::array<std::atomic<uint64_t>, kMarked / 64> marks_{};
    std::atomic<unsigned> unmarked_{0};  // entries beyond kMarked
    std::atomic<pid_t> process_{0};
};

}  // namespace simgpu::node
