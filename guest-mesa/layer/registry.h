// Registry: which descriptors of this process are native contexts.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "guest-mesa/layer/kernel.h"
#include "guest-mesa/layer/open_node.h"

namespace viaduct::guest {

/// What the registry asks of the system about a descriptor; tests answer it themselves.
class Descriptors {
  public:
    virtual ~Descriptors() = default;

    /// Tells one file from another behind the same number.
    struct Identity {
        dev_t device;
        ino_t inode;
        dev_t node;  // of a character device, else 0
        bool operator==(const Identity&) const = default;
    };
    /// Nothing if `fd` is closed.
    virtual std::optional<Identity> identity(int fd) = 0;
    /// True if both share one open file description.
    virtual bool same_file(int fd, int other) = 0;
};

/// Recognises native contexts at the first ioctl on a descriptor, not at open(): so those that came
/// over a socket, from a parent or through a path nobody foresaw are recognised too. A file
/// description, however many descriptors it has, is one OpenNode.
///
/// Threads: any. Descriptors that are not DRM nodes never take a lock here.
///
/// Processes: a child of fork() shares its parent's file descriptions, hence the parent's context
/// on the host, whose command stream only the parent can continue. In the child those descriptors
/// are "inherited": driver ioctls and GEM_CLOSE answer -ENODEV, which drivers take as a lost
/// device; files that the child opens itself work. A child of vfork() runs in the parent's memory,
/// so its close() and dup2() must not be believed: whatever a process of another id does passes
/// through.
class Registry {
  public:
    Registry(Kernel& kernel, Descriptors& descriptors);

    /// An ioctl on any descriptor, ours or not: ≥ 0 or a negative errno.
    int ioctl(int fd, unsigned long request, void* argument);

    /// `fd` is about to be closed.
    void forget(int fd);
    /// All from `first` to `last` are about to be closed.
    void forget_range(unsigned first, unsigned last);
    /// `copy` has just become another descriptor of `original`'s file.
    void copied(int original, int copy);

    // For pthread_atfork().
    void before_fork() { mutex_.lock(); }
    void after_fork_in_parent() { mutex_.unlock(); }
    void after_fork_in_child();

  private:
    enum class Kind : uint8_t { kForeign, kNode, kInherited };
    struct Slot {
        Descriptors::Identity identity;
        Kind kind = Kind::kForeign;
        std::shared_ptr<OpenNode> node;  // only of kNode
    };
    static constexpr int kMaxFds = 1 << 20;  // the kernel's default limit (fs.nr_open)

    bool is_own_process() const;
    bool is_known(int fd) const;
    void set_slot(int fd, Slot slot);
    void drop_slot(int fd);
    Slot find_slot(int fd);
    Slot recognise(int fd, const Descriptors::Identity& identity);

    Kernel& kernel_;
    Descriptors& descriptors_;
    std::atomic<pid_t> process_;
    struct Free {
        void operator()(void* memory) const { std::free(memory); }
    };
    /// By descriptor: whether slots_ has it, for those who must not take the lock. From calloc(),
    /// which hands out such a size untouched: what no descriptor reaches costs no memory.
    std::unique_ptr<uint8_t[], Free> known_;
    std::mutex mutex_;  // guards slots_
    std::unordered_map<int, Slot> slots_;
};

}  // namespace viaduct::guest
