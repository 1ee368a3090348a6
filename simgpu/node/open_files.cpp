#include "simgpu/node/open_files.h"

#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "simgpu/node/next.h"

namespace simgpu::node {

namespace {

// kcmp(2): do two descriptors of this process refer to one open file description? False also where
// the kernel does not tell.
bool same_description(int a, int b) {
    const pid_t process = ::getpid();
    return ::syscall(SYS_kcmp, process, process, KCMP_FILE, a, b) == 0;
}

}  // namespace

OpenFile::OpenFile(int node, dev_t device, ino_t inode, std::unique_ptr<NodeFile> file,
                   Reopen reopen)
    : node_(node),
      device_(device),
      inode_(inode),
      file_(std::move(file)),
      reopen_(std::move(reopen)) {}

std::shared_ptr<NodeFile> OpenFile::file() {
    const viaduct::LockGuard lock(mutex_);
    if (abandoned_) {
        abandoned_ = false;
        file_ = reopen_(claimed_);
    }
    return file_;
}

void OpenFile::flush(Flush kind) {
    std::shared_ptr<NodeFile> file;
    {
        const viaduct::LockGuard lock(mutex_);
        if (!abandoned_) file = file_;
    }
    if (file) file->flush(kind);
}

void OpenFile::abandon() {
    // The mutex may be held by a thread that this process does not have: it is made anew. We are
    // alone here, as every child is at first.
    claimed_ = abandoned_ ? claimed_ : file_ && file_->is_claimed();
    new (&mutex_) viaduct::Mutex;
    new (&file_) std::shared_ptr<NodeFile>;
    abandoned_ = true;
}

bool OpenFiles::may_hold(int fd) const {
    if (fd < 0) return false;
    const auto number = static_cast<unsigned>(fd);
    if (number >= kMarked) return unmarked_.load(std::memory_order_acquire) != 0;
    return (marks_[number / 64].load(std::memory_order_acquire) >> number % 64 & 1) != 0;
}

void OpenFiles::mark(int fd, bool ours) {
    const auto number = static_cast<unsigned>(fd);
    const uint64_t bit = uint64_t{1} << number % 64;
    if (number >= kMarked) {
        unmarked_.fetch_add(ours ? 1u : ~0u, std::memory_order_release);
    } else if (ours) {
        marks_[number / 64].fetch_or(bit, std::memory_order_release);
    } else {
        marks_[number / 64].fetch_and(~bit, std::memory_order_release);
    }
}

OpenFilePtr OpenFiles::find(int fd) {
    if (!may_hold(fd)) return nullptr;
    OpenFilePtr stale;  // dropped after the lock
    const viaduct::LockGuard lock(mutex_);
    const auto found = files_.find(fd);
    if (found == files_.end()) return nullptr;
    if (!is_stale(fd, *found->second)) return found->second;
    stale = remove_locked(fd);
    return nullptr;
}

bool OpenFiles::is_stale(int fd, const OpenFile& file) const {
    struct stat st = {};
    return next::fstat(fd, &st) != 0 || st.st_dev != file.device() || st.st_ino != file.inode();
}

OpenFilePtr OpenFiles::find_twin(int fd) {
    const viaduct::LockGuard lock(mutex_);
    for (const auto& [other, file] : files_) {
        if (other == fd || is_stale(fd, *file) || !same_description(fd, other)) continue;
        OpenFilePtr twin = file;
        files_[fd] = twin;
        mark(fd, true);
        return twin;
    }
    return nullptr;
}

OpenFilePtr OpenFiles::insert(int fd, OpenFilePtr file) {
    const viaduct::LockGuard lock(mutex_);
    if (process_ == 0) process_ = ::getpid();
    auto& entry = files_[fd];
    if (!entry) mark(fd, true);
    std::swap(entry, file);
    return file;
}

OpenFilePtr OpenFiles::remove(int fd) {
    if (!may_hold(fd)) return nullptr;
    const viaduct::LockGuard lock(mutex_);
    return remove_locked(fd);
}

OpenFilePtr OpenFiles::remove_locked(int fd) {
    const auto found = files_.find(fd);
    if (found == files_.end()) return nullptr;
    OpenFilePtr file = std::move(found->second);
    files_.erase(found);
    mark(fd, false);
    return file;
}

std::vector<OpenFilePtr> OpenFiles::remove_range(unsigned first, unsigned last) {
    std::vector<OpenFilePtr> removed;
    const viaduct::LockGuard lock(mutex_);
    for (auto entry = files_.begin(); entry != files_.end();) {
        const auto number = static_cast<unsigned>(entry->first);
        if (number < first || number > last) {
            ++entry;
            continue;
        }
        mark(entry->first, false);
        removed.push_back(std::move(entry->second));
        entry = files_.erase(entry);
    }
    return removed;
}

std::vector<OpenFilePtr> OpenFiles::all() {
    const viaduct::LockGuard lock(mutex_);
    std::vector<OpenFilePtr> open;
    for (const auto& [fd, file] : files_) open.push_back(file);
    return open;
}

bool OpenFiles::is_this_process() const {
    const pid_t process = process_;
    return process == 0 || process == ::getpid();
}

void OpenFiles::after_fork_in_child() {
    process_ = ::getpid();
    for (auto& [fd, file] : files_) file->abandon();
}

}  // namespace simgpu::node
