// Registry, where several processes share a file: what a child keeps of its parent's, and the file
// of its own that a process gets in place of one with another's context.
#include <drm.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/registry.h"

namespace viaduct::guest {

namespace {

constexpr unsigned kFirstRender = 128;  // minor of the first render node

}  // namespace

Registry::Replacement& Registry::State::replacement_of(const FileMark& mark) {
    const auto known = std::ranges::find(replacements, mark, &Replacement::mark);
    if (known != replacements.end()) return *known;
    replacements.push_back({mark, nullptr});
    return replacements.back();
}

std::vector<int> Registry::State::descriptors_of(const File& file) const {
    std::vector<int> fds;
    for (const auto& [fd, slot] : slots)
        if (slot.file.get() == &file) fds.push_back(fd);
    return fds;
}

/// `parents`: the parent's state, if it is known to be whole. Its contexts are another process's
/// now.
void Registry::adapt_to_new_process(const State* parents) {
    auto* own = new State;
    std::unordered_map<const File*, FilePtr> inherited;
    if (parents) {
        for (const Replacement& replacement : parents->replacements)
            own->replacement_of(replacement.mark);
        for (const auto& [fd, slot] : parents->slots) {
            const FileMark* mark = slot.file ? slot.file->known_mark() : nullptr;
            if (!mark) continue;
            FilePtr& file = inherited[slot.file.get()];
            if (!file) {
                file = std::make_shared<File>(slot.file->node.capset(), slot.file->node.driver());
                file->mark = *mark;
                file->is_elsewhere = true;
                own->replacement_of(*mark);
            }
            own->set(fd, {slot.identity, file});
        }
    }
    process_.store(::getpid());
    state_.store(own, std::memory_order_release);
}

void Registry::before_fork() {
    state().mutex.lock();
}

void Registry::after_fork_in_parent() {
    state().mutex.unlock();
}

void Registry::after_fork_in_child() {
    witness_.settle([this] { adapt_to_new_process(state_.load()); });
}

/// Puts a file of our own behind `fd` and the known copies of it.
int Registry::leave_to_its_owner(int fd, FilePtr& file) {
    State& state = this->state();
    const LockGuard lock(state.mutex);
    const auto current = state.slots.find(fd);
    if (current == state.slots.end()) return -ENODEV;  // closed meanwhile
    FilePtr& now = current->second.file;
    if (now != file) {  // another thread was here first
        file = now;
        return file ? 0 : -ENODEV;
    }
    if (!file->is_elsewhere) {
        // Two descriptors of one file may look like two files until its context begins.
        if (FilePtr begun = find_begun(state, fd)) {
            now = file = std::move(begun);
            return 0;
        }
        if (file->speaks_virtgpu) return -ENODEV;
    }
    const FilePtr stranger = file;  // outlives its lock
    const LockGuard begin_lock(stranger->begin_mutex);
    if (!is_still(fd, *file, current->second.identity)) {
        state.drop(fd);
        return -EBADF;
    }
    FilePtr own = replace(state, *file);
    if (!own) {
        file->is_refused = true;
        return -ENODEV;
    }
    file = std::move(own);
    return 0;
}

/// Replaces `file` behind its descriptors. Returns the new file, null on failure.
Registry::FilePtr Registry::replace(State& state, const File& file) {
    std::vector<int> fds = state.descriptors_of(file);
    std::erase_if(fds, [&](int fd) VIADUCT_REQUIRES(state.mutex) {
        return !is_still(fd, file, state.slots.at(fd).identity);
    });
    if (fds.empty()) return nullptr;
    Replacement& replacement = state.replacement_of(*file.mark);
    if (const int error = open_own(state, replacement, fds); error < 0) {
        print_line(
            fmt::format("descriptor {} has a context of another process, and its node cannot "
                        "be opened anew: {}",
                        fds[0], std::strerror(-error)));
        return nullptr;
    }
    for (const int fd : fds) state.slots[fd].file = replacement.own;
    return replacement.own;
}

/// Whether the number is still `file`'s. An inherited one goes by its node alone: this process has
/// done nothing through it, so another file of the node loses nothing by being replaced.
bool Registry::is_still(int fd, const File& file, const Descriptors::Identity& identity) {
    return file.is_elsewhere ? descriptors_.identity(fd) == identity
                             : file.mark->is_on({kernel_, fd});
}

/// Puts the file of our own behind `fds`: as it is, or opened if it is not or has been closed.
int Registry::open_own(const State& state, Replacement& replacement, std::span<const int> fds) {
    if (replacement.own) {
        for (const int other : state.descriptors_of(*replacement.own)) {
            const FileMark* mark = replacement.own->known_mark();
            if (mark && !mark->is_on({kernel_, other})) continue;
            return descriptors_.join(fds, other);
        }
    }
    if (drives_display(fds[0])) return -EBUSY;
    if (const int error = descriptors_.reopen(fds); error < 0) return error;
    if (debug_enabled())
        print_line(
            fmt::format("descriptor {} has a context of another process: the node is opened "
                        "anew for this one",
                        fds[0]));
    replacement.own = probe(fds[0]);
    return replacement.own ? 0 : -ENODEV;
}

/// As libdrm's drmIsMaster(): the kernel looks for the magic, which there is none of, only for a
/// master.
bool Registry::drives_display(int fd) {
    const auto identity = descriptors_.identity(fd);
    if (!identity || minor(identity->node) >= kFirstRender) return false;
    drm_auth auth{};
    return kernel_.ioctl(fd, DRM_IOCTL_AUTH_MAGIC, &auth) == -EINVAL;
}

}  // namespace viaduct::guest
