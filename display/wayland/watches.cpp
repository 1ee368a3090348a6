#include "display/wayland/watches.h"

#include <sys/epoll.h>

namespace viaduct::wayland {

Watches::Watches() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

Watches::Id Watches::insert(int fd, UniqueFd owned, Ready ready) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = ++last_;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return 0;
    entries_.emplace(last_, Entry{fd, std::move(owned), std::move(ready)});
    return last_;
}

Watches::Id Watches::add(int fd, Ready ready) {
    return insert(fd, {}, std::move(ready));
}

Watches::Id Watches::add_once(UniqueFd fd, Ready ready) {
    const int number = fd.get();
    return insert(number, std::move(fd), std::move(ready));
}

void Watches::want_to_write(Id id, bool wanted) {
    const auto entry = entries_.find(id);
    if (entry == entries_.end() || entry->second.writing == wanted) return;
    entry->second.writing = wanted;
    epoll_event event{};
    event.events = wanted ? EPOLLIN | EPOLLOUT : EPOLLIN;
    event.data.u64 = id;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, entry->second.fd, &event);
}

// Not left to the last close(): the descriptor may have duplicates.
void Watches::remove(Id id) {
    const auto entry = entries_.find(id);
    if (entry == entries_.end()) return;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, entry->second.fd, nullptr);
    entries_.erase(entry);
}

void Watches::dispatch() {
    epoll_event events[16];
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events), 0);
    for (int i = 0; i < count; ++i) {
        const Id id = events[i].data.u64;
        const auto entry = entries_.find(id);
        if (entry == entries_.end()) continue;  // removed by one before
        const Ready ready = entry->second.ready;
        if (entry->second.owned) remove(id);
        ready();
    }
}

}  // namespace viaduct::wayland
