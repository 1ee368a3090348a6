#include "simgpu/sync/fd_watcher.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <map>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "simgpu/fork_mutex.h"
#include "simgpu/gpu_thread.h"

namespace simgpu::drm {

namespace {

/// One per process and never destroyed: its thread may outlive every other static object.
class FdWatcher {
  public:
    static FdWatcher& instance();

    /// 0 if the kernel refuses.
    uint64_t add(int fd, std::function<void()> ready);
    void remove(uint64_t id, int fd);
    pid_t owner() const { return owner_; }

  private:
    void run();
    void deliver(uint64_t id);

    const pid_t owner_ = ::getpid();
    viaduct::UniqueFd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
    viaduct::Mutex mutex_;
    bool running_ VIADUCT_GUARDED_BY(mutex_) = false;
    uint64_t next_id_ VIADUCT_GUARDED_BY(mutex_) = 1;
    std::map<uint64_t, std::function<void()>> waiting_ VIADUCT_GUARDED_BY(mutex_);
};

FdWatcher& FdWatcher::instance() {
    static auto& mutex = *new ForkMutex;  // outlives static objects
    static FdWatcher* watcher = nullptr;
    const viaduct::LockGuard lock(mutex);
    // Threads do not survive fork(): a child begins with a watcher of its own.
    if (!watcher || watcher->owner() != ::getpid()) watcher = new FdWatcher;
    return *watcher;
}

uint64_t FdWatcher::add(int fd, std::function<void()> ready) {
    const viaduct::LockGuard lock(mutex_);
    const uint64_t id = next_id_++;
    epoll_event event{.events = EPOLLIN | EPOLLONESHOT, .data = {.u64 = id}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return 0;
    waiting_.emplace(id, std::move(ready));
    if (!running_) start_gpu_thread([this] { run(); }).detach();
    running_ = true;
    return id;
}

void FdWatcher::remove(uint64_t id, int fd) {
    // A forked child shares our epoll set: letting go of its copies must not end our watches.
    if (owner_ != ::getpid()) return;
    std::function<void()> dropped;  // destroyed without the lock
    const viaduct::LockGuard lock(mutex_);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    if (const auto entry = waiting_.find(id); entry != waiting_.end()) {
        dropped = std::move(entry->second);
        waiting_.erase(entry);
    }
}

void FdWatcher::run() {
    std::array<epoll_event, 16> events;
    for (;;) {
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; ++i) deliver(events[static_cast<size_t>(i)].data.u64);
    }
}

void FdWatcher::deliver(uint64_t id) {
    std::function<void()> ready;
    {
        const viaduct::LockGuard lock(mutex_);
        const auto entry = waiting_.find(id);
        if (entry == waiting_.end()) return;
        ready = std::move(entry->second);
        waiting_.erase(entry);
    }
    ready();
}

/// The handle that watch_descriptor() returns.
class Watch {
  public:
    Watch(FdWatcher& watcher, viaduct::UniqueFd fd, std::function<void()> ready)
        : watcher_(watcher), fd_(std::move(fd)), id_(watcher.add(fd_.get(), std::move(ready))) {}
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() {
        if (valid()) watcher_.remove(id_, fd_.get());
    }
    bool valid() const { return id_ != 0; }

  private:
    FdWatcher& watcher_;
    viaduct::UniqueFd fd_;
    const uint64_t id_;
};

}  // namespace

std::shared_ptr<void> watch_descriptor(viaduct::UniqueFd fd, std::function<void()> ready) {
    auto watch = std::make_shared<Watch>(FdWatcher::instance(), std::move(fd), std::move(ready));
    return watch->valid() ? watch : nullptr;
}

}  // namespace simgpu::drm
