#include "drm-context/front/fence_thread.h"

#include <pthread.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <system_error>

#include "base/log.h"
#include "drm-context/front/timing.h"
#include "drm-context/transport/control_socket.h"

namespace viaduct {

namespace {

constexpr uint64_t kStopKey = 0;  // the others are numbered from 1
// For what was thrown to pass, most likely a lack of memory.
constexpr std::chrono::milliseconds kPause{10};

Status watch(int epoll, int fd, uint64_t key, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = key;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        return fail(errno, "epoll: {}", std::strerror(errno));
    return {};
}

// A worker's messages need no turn: what the thread has to look at comes with a notification.
Status watch_for_end(int epoll, int socket, uint64_t key) {
    return watch(epoll, socket, key, EPOLLRDHUP | EPOLLET);
}

}  // namespace

Result<std::unique_ptr<FenceThread>> FenceThread::start(FenceCallback on_fence) try {
    UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
    auto stop = transport::create_event();
    if (!epoll || !stop) return fail(EMFILE, "no descriptor left for the fence thread");
    if (auto status = watch(epoll.get(), stop->get(), kStopKey, EPOLLIN); !status)
        return tl::unexpected(status.error());
    return std::unique_ptr<FenceThread>(
        new FenceThread(std::move(on_fence), std::move(epoll), *std::move(stop)));
} catch (const std::system_error& error) {
    return fail(EAGAIN, "cannot start the fence thread: {}", error.what());
}

FenceThread::FenceThread(FenceCallback on_fence, UniqueFd epoll, UniqueFd stop)
    : on_fence_(std::move(on_fence)),
      epoll_(std::move(epoll)),
      stop_(std::move(stop)),
      thread_([this] { run(); }) {
    ::pthread_setname_np(thread_.native_handle(), "viaduct-fences");
}

void FenceThread::stop() {
    if (!thread_.joinable()) return;
    transport::signal_event(stop_.get());
    thread_.join();
    decltype(watched_) left;  // a context that is being started may ask for it still
    {
        const LockGuard lock(mutex_);
        left.swap(watched_);
    }
    for (const auto& [number, watched] : left) watched.link->abandon();
    left.clear();  // waits for the ends of workers that are threads
}

void FenceThread::abandon_all() noexcept {
    const LockGuard reporting(report_mutex_);
    const LockGuard lock(mutex_);
    reported_from_ = next_number_;
    for (const auto& [number, watched] : watched_) watched.link->abandon();
}

Status FenceThread::add(std::shared_ptr<ContextLink> link) {
    const LockGuard lock(mutex_);
    const uint64_t number = next_number_++;
    if (auto status = watch(epoll_.get(), link->notify_fd(), number, EPOLLIN | EPOLLET); !status)
        return status;
    if (auto status = watch_for_end(epoll_.get(), link->socket_fd(), number); !status) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, link->notify_fd(), nullptr);
        return status;
    }
    transport::signal_event(link->notify_fd());  // the thread may have slept without a time limit
    watched_.emplace(number, Watched{std::move(link), {}, 0});
    return {};
}

Status FenceThread::watch_anew(const ContextLink& link) {
    const LockGuard lock(mutex_);
    for (const auto& [number, watched] : watched_)
        if (watched.link.get() == &link)
            return watch_for_end(epoll_.get(), link.socket_fd(), number);
    return {};
}

void FenceThread::run() {
    for (bool goes_on = true; goes_on;) {
        try {
            goes_on = take_turn();
        } catch (const std::exception& error) {
            limiter_.log(LogLevel::kError, "fence thread", "the fence thread retries after: {}",
                         error.what());
            repeat_turn();
        }
    }
}

bool FenceThread::take_turn() {
    epoll_event events[16];
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events), time_to_check());
    const LogHold hold;  // contexts are lost with their locks held
    for (int i = 0; i < count; ++i) {
        if (events[i].data.u64 == kStopKey) return false;
        serve(events[i].data.u64);
    }
    check_progress();
    return true;
}

void FenceThread::repeat_turn() {
    std::this_thread::sleep_for(kPause);
    const LockGuard lock(mutex_);
    for (const auto& [number, watched] : watched_)
        transport::signal_event(watched.link->notify_fd());
}

int FenceThread::time_to_check() {
    const LockGuard lock(mutex_);
    if (watched_.empty()) return -1;
    const auto left = next_check_ - std::chrono::steady_clock::now();
    return std::max(0,
                    static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
}

void FenceThread::check_progress() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_check_) return;
    next_check_ = now + check_interval();
    for (const auto& link : links()) link->check_progress(now);
}

// Oldest first.
std::vector<std::shared_ptr<ContextLink>> FenceThread::links() {
    std::vector<std::shared_ptr<ContextLink>> links;
    const LockGuard lock(mutex_);
    for (const auto& [number, watched] : watched_) links.push_back(watched.link);
    return links;
}

bool FenceThread::make_room(std::chrono::milliseconds most) {
    for (const auto& link : links())
        if (link->winds_down()) return link->end_within(most);
    return false;
}

FenceThread::Watched* FenceThread::find(uint64_t number) {
    const LockGuard lock(mutex_);
    const auto found = watched_.find(number);
    return found == watched_.end() ? nullptr : &found->second;
}

void FenceThread::serve(uint64_t number) {
    if (Watched* watched = find(number)) collect(number, *watched);
}

void FenceThread::report(uint64_t number, const ContextLink& link, const RetiredFence& fence) {
    const LockGuard lock(report_mutex_);
    if (number >= reported_from_) on_fence_(link.ctx_id(), fence.ring_idx, fence.fence_id);
}

void FenceThread::collect(uint64_t number, Watched& watched) {
    ContextLink& link = *watched.link;
    const bool over = link.collect(watched.retired);
    for (; watched.reported < watched.retired.size(); ++watched.reported)
        report(number, link, watched.retired[watched.reported]);
    watched.retired.clear();
    watched.reported = 0;
    if (!over) return;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, link.notify_fd(), nullptr);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, link.socket_fd(), nullptr);
    decltype(watched_)::node_type gone;  // without the lock: a worker's thread is waited for
    const LockGuard lock(mutex_);
    gone = watched_.extract(number);
}

}  // namespace viaduct
