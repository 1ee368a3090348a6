// Watches: descriptors with a function each, behind one descriptor that a caller's loop can poll.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "base/unique_fd.h"

namespace viaduct::wayland {

/// Not thread-safe. Never blocks.
class Watches {
  public:
    using Id = uint64_t;  // 0: none
    using Ready = std::function<void()>;

    Watches();
    /// Readable while something is to be done.
    int fd() const { return epoll_.get(); }

    /// Calls `ready` from dispatch() while `fd` (borrowed) is readable. 0: the kernel refuses.
    Id add(int fd, Ready ready);
    /// Calls `ready` once, and closes `fd` before.
    Id add_once(UniqueFd fd, Ready ready);
    /// Also calls the function while `fd` can be written to.
    void want_to_write(Id id, bool wanted);
    /// May be called from a function, also for the one that runs.
    void remove(Id id);
    /// Runs the functions of all descriptors that are ready now.
    void dispatch();
    size_t size() const { return entries_.size(); }

  private:
    struct Entry {
        int fd = -1;
        UniqueFd owned;  // of add_once
        Ready ready;
        bool writing = false;
    };
    Id insert(int fd, UniqueFd owned, Ready ready);

    UniqueFd epoll_;
    std::map<Id, Entry> entries_;
    Id last_ = 0;
};

}  // namespace viaduct::wayland
