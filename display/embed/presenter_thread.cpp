#include "display/embed/presenter_thread.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <system_error>

namespace viaduct::embed {

PresenterThread::PresenterThread(std::unique_ptr<wayland::Connection> connection,
                                 wayland::Presenter::Options options,
                                 wayland::PresenterListener& listener, Turn turn)
    : listener_(listener), turn_(std::move(turn)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake_) throw std::system_error(errno, std::generic_category(), "eventfd");
    thread_ = std::thread(&PresenterThread::run, this, std::move(connection), std::move(options));
}

PresenterThread::~PresenterThread() {
    {
        const LockGuard lock(mutex_);
        ending_ = true;
    }
    wake();
    thread_.join();
}

void PresenterThread::wake() {
    ::eventfd_write(wake_.get(), 1);
}

Status PresenterThread::present(Frame frame, uint64_t number) {
    std::optional<Handed> old(Handed{std::move(frame), number});  // closed without the lock
    {
        const LockGuard lock(mutex_);
        if (ended_) return fail(ENOTCONN, "the presenter has ended");
        if (handed_) overtaken_.push_back(handed_->number);
        old->damage_lost = std::exchange(skipped_, false);
        handed_.swap(old);
    }
    wake();
    return {};
}

void PresenterThread::frame_skipped() {
    const LockGuard lock(mutex_);
    skipped_ = true;
}

wayland::PresenterCounts PresenterThread::counts() const {
    const LockGuard lock(mutex_);
    return counts_;
}

void PresenterThread::run(std::unique_ptr<wayland::Connection> connection,
                          wayland::Presenter::Options options) try {
    options.before_events = [this](const wayland::PresenterCounts& counts) { publish(counts); };
    wayland::Presenter presenter(std::move(connection), std::move(options), listener_);
    take_turns(presenter);
} catch (const std::exception& error) {
    give_all_up(nullptr, error.what());
}

void PresenterThread::take_turns(wayland::Presenter& presenter) try {
    do {
        turn_(presenter);
        pollfd ready[] = {{wake_.get(), POLLIN, 0}, {presenter.fd(), POLLIN, 0}};
        ::poll(ready, std::size(ready), -1);
        presenter.dispatch();
    } while (take_over(presenter));
} catch (const std::exception& error) {
    give_all_up(&presenter, error.what());
}

void PresenterThread::give_all_up(wayland::Presenter* presenter, const char* why) try {
    std::optional<Handed> handed;
    std::vector<uint64_t> overtaken;
    {
        const LockGuard lock(mutex_);
        ended_ = true;
        handed.swap(handed_);
        overtaken.swap(overtaken_);
    }
    for (const uint64_t number : overtaken) give_up(number);
    if (handed) give_up(handed->number);
    const Error error{ENOMEM, why};
    if (presenter)
        presenter->abandon(error);
    else
        listener_.lost(error);
} catch (const std::exception&) {  // not even enough memory to say so
}

bool PresenterThread::take_over(wayland::Presenter& presenter) {
    eventfd_t count = 0;
    ::eventfd_read(wake_.get(), &count);
    std::optional<Handed> handed;
    std::vector<uint64_t> overtaken;
    {
        const LockGuard lock(mutex_);
        handed.swap(handed_);
        overtaken.swap(overtaken_);
        num_overtaken_ += overtaken.size();
        if (ending_) return false;
    }
    publish(presenter.counts());
    for (const uint64_t number : overtaken) give_up(number);
    if (!overtaken.empty() || (handed && handed->damage_lost)) presenter.frames_skipped();
    if (handed && !presenter.present(std::move(handed->frame), handed->number))
        give_up(handed->number);
    return true;
}

// Before the listener hears of what is counted.
void PresenterThread::publish(const wayland::PresenterCounts& counts) {
    const LockGuard lock(mutex_);
    counts_ = counts;
    counts_.superseded += num_overtaken_;
}

void PresenterThread::give_up(uint64_t number) {
    listener_.dropped(number);
    listener_.released(number);
}

}  // namespace viaduct::embed
