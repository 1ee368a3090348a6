// Registry: which descriptors of this process are native contexts.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "guest-mesa/layer/file_mark.h"
#include "guest-mesa/layer/fork_witness.h"
#include "guest-mesa/layer/kernel.h"
#include "guest-mesa/layer/open_node.h"

namespace viaduct::guest {

/// The system's view of descriptors, which the registry depends on; tests replace it.
class Descriptors {
  public:
    virtual ~Descriptors() = default;

    /// Tells files of one node from those of another and from all else.
    struct Identity {
        dev_t device;
        ino_t inode;
        dev_t node;  // of a character device, else 0
        bool operator==(const Identity&) const = default;
    };
    /// Nothing if `fd` is closed.
    virtual std::optional<Identity> identity(int fd) = 0;
    /// Opens the node of `fds[0]` anew, and puts the new file behind all these numbers. Whether
    /// exec closes them stays as it is. 0 or a negative errno.
    virtual int reopen(std::span<const int> fds) = 0;
    /// Puts the file of `other` behind all these numbers, likewise.
    virtual int join(std::span<const int> fds, int other) = 0;
};

/// Recognises native contexts at the first ioctl on a descriptor, not at open(): so those that came
/// over a socket, from a parent or through a path nobody foresaw are recognised too. A file
/// description, however many descriptors it has, is one OpenNode.
///
/// A number may be closed and used anew without a call that we see: by a raw system call, by
/// io_uring. So each ioctl on an open context asks the file for its mark first (FileMark), and
/// looks at the number afresh if it has another or none.
///
/// Threads: any. Descriptors that are not DRM nodes never take a lock here.
///
/// Processes: a child of fork() shares its parent's file descriptions, and so does a program that
/// inherits descriptors over exec() or receives them over a socket. What is shared includes the
/// context on the host, whose command stream only the process that began it can continue. Every
/// other process gets a file of its own: with its first ioctl that needs a context, the node is
/// opened anew, and the new file put behind the inherited numbers. None of the first process's
/// handles is in it, and nothing the other process does reaches the first one's context. Where the
/// file is a display's (DRM master), which a new file would not be, driver ioctls answer -ENODEV.
///
/// A child of vfork() runs in the parent's memory, so its close() and dup2() must not be believed.
class Registry {
  public:
    Registry(Kernel& kernel, Descriptors& descriptors);
    ~Registry();

    /// An ioctl on any descriptor, ours or not: ≥ 0 or a negative errno.
    int ioctl(int fd, unsigned long request, void* argument);

    /// `fd` is about to be closed.
    void forget(int fd);
    /// All from `first` to `last` are about to be closed.
    void forget_range(unsigned first, unsigned last);
    /// `copy` has just become another descriptor of `original`'s file.
    void copied(int original, int copy);

    // For pthread_atfork(). A child that was made past it is noticed all the same (ForkWitness).
    void before_fork() VIADUCT_LOCKS_UNCHECKED;
    void after_fork_in_parent() VIADUCT_LOCKS_UNCHECKED;
    void after_fork_in_child();

  private:
    /// An open file that offers a native context.
    struct File {
        File(const wire::CapsetDrm& capset, const DriverRow& driver) : node(capset, driver) {}

        /// Null before the file's context has begun: until then nothing depends on which file of
        /// the node this is.
        const FileMark* known_mark() const {
            return has_begun.load(std::memory_order_acquire) ? &*mark : nullptr;
        }

        OpenNode node;
        Mutex begin_mutex;  // guards `mark` until has_begun
        std::optional<FileMark> mark;
        std::atomic<bool> has_begun = false;
        /// The program speaks to virtio-gpu itself: the context is one that it made.
        std::atomic<bool> speaks_virtgpu = false;
        /// The context is another process's; `mark` is set, and a file of our own is to take the
        /// place. Refused: none can.
        std::atomic<bool> is_elsewhere = false;
        std::atomic<bool> is_refused = false;
    };
    using FilePtr = std::shared_ptr<File>;

    struct Slot {
        Descriptors::Identity identity;
        FilePtr file;  // null: no native context, everything passes through
    };
    /// A file whose context is another process's, and the file that takes its place here; null
    /// until a descriptor needs it.
    struct Replacement {
        FileMark mark;
        FilePtr own;
    };
    /// The state of one process. A child begins with a new one and abandons its copy of the
    /// parent's, since threads that the child does not have may hold locks in it.
    struct State {
        State();
        struct Free {
            void operator()(void* memory) const { std::free(memory); }
        };
        /// By descriptor: whether slots has it, for those who must not take the lock. From
        /// calloc(), which hands out such a size untouched: what no descriptor reaches costs no
        /// memory.
        const std::unique_ptr<uint8_t[], Free> known;
        Mutex mutex;
        std::unordered_map<int, Slot> slots VIADUCT_GUARDED_BY(mutex);
        std::vector<Replacement> replacements VIADUCT_GUARDED_BY(mutex);

        bool is_known(int fd) const;
        void set(int fd, Slot slot) VIADUCT_REQUIRES(mutex);
        void drop(int fd) VIADUCT_REQUIRES(mutex);
        Replacement& replacement_of(const FileMark& mark) VIADUCT_REQUIRES(mutex);
        /// The descriptors of `file` that are known.
        std::vector<int> descriptors_of(const File& file) const VIADUCT_REQUIRES(mutex);
    };

    State& state();
    void adapt_to_new_process(const State* parents) VIADUCT_LOCKS_UNCHECKED;
    bool is_own_process() const;

    FilePtr find_file(int fd);
    FilePtr find_begun(const State& state, int fd) const VIADUCT_REQUIRES(state.mutex);
    FilePtr recognise(State& state, int fd) VIADUCT_REQUIRES(state.mutex);
    FilePtr probe(int fd);
    int begin(int fd, FilePtr& file);
    int begin_context(int fd, File& file);
    int leave_to_its_owner(int fd, FilePtr& file);
    FilePtr replace(State& state, const File& file) VIADUCT_REQUIRES(state.mutex);
    bool is_still(int fd, const File& file, const Descriptors::Identity& identity);
    int open_own(const State& state, Replacement& replacement, std::span<const int> fds)
        VIADUCT_REQUIRES(state.mutex);
    bool drives_display(int fd);

    Kernel& kernel_;
    Descriptors& descriptors_;
    ForkWitness witness_;
    std::atomic<pid_t> process_;
    std::atomic<State*> state_;
};

}  // namespace viaduct::guest
