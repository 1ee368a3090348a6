#include "drm-context/front/inbox.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/log.h"

namespace viaduct {

namespace {

// Messages read at a stretch.
constexpr int kMessagesPerTurn = 64;
// Lines that one context may ever write into the VMM's log. Workers limit themselves; this is for
// one that a guest has taken over.
constexpr uint64_t kMaxLines = 1000;

// Of the kernel (include/linux/err.h): what the VMM is told must be one, and stay one negated.
constexpr int32_t kMaxErrno = 4095;

std::string text_of(const transport::Reply& reply) {
    return printable({reply.message, ::strnlen(reply.message, sizeof(reply.message))});
}

Error error_of(const transport::Reply& reply) {
    const bool is_errno = reply.error >= 1 && reply.error <= kMaxErrno;
    return {is_errno ? reply.error : EIO, text_of(reply)};
}

}  // namespace

Inbox::~Inbox() {
    for (UniqueFd* left : {&pending_work_, answer_ ? &answer_->descriptor : nullptr})
        if (left && *left) discard_(std::move(*left));
    for (auto& [late, answer] : came_late_)
        if (answer.descriptor) discard_(std::move(answer.descriptor));
    for (auto& [blob_id, answer] : announced_)
        if (answer.descriptor) discard_(std::move(answer.descriptor));
}

void Inbox::ask_for_senders(transport::Senders senders) {
    const LockGuard lock(mutex_);
    if (transport::ask_for_senders(socket_, senders)) senders_ = senders;
}

void Inbox::expect(uint64_t cookie) {
    const LockGuard lock(mutex_);
    expected_ = cookie;
    answer_.reset();
    ++unanswered_;
}

void Inbox::forget() {
    const LockGuard lock(mutex_);
    stop_waiting();
}

// A turn that the fence thread has missed meanwhile is repeated.
void Inbox::stop_waiting() {
    expected_.reset();
    if (std::exchange(skipped_, false) || hung_up_ || strays_ != 0)
        transport::signal_event(notify_);
}

// First the flag, then a look: the worker sends first, then reads the flag.
void Inbox::listen() {
    listens_.store(1, std::memory_order_seq_cst);
    transport::signal_event(notify_);
}

Result<Inbox::Answer> Inbox::wait(transport::Deadline deadline, Late late) {
    auto answer = wait_for_answer(deadline);
    {
        const LockGuard lock(mutex_);
        // It may have arrived just now: no other thread reads while it is expected.
        if (!answer && answer.error().code == ETIMEDOUT && late) {
            prompt_ += left_.emplace(*expected_, Left{std::move(late), Delivery::kPrompt}).second;
            listen();
        }
        stop_waiting();
    }
    if (!answer) return answer;
    return checked(*std::move(answer));
}

Result<Inbox::Answer> Inbox::checked(Answer answer) {
    if (answer.reply.error == 0) return answer;
    if (answer.descriptor) discard_(std::move(answer.descriptor));
    return tl::unexpected(error_of(answer.reply));
}

void Inbox::leave(uint64_t cookie, Late late, Delivery delivery) {
    const LockGuard lock(mutex_);
    left_.emplace(cookie, Left{std::move(late), delivery});
    ++unanswered_;
    if (delivery == Delivery::kLater) return;
    ++prompt_;
    listen();
}

void Inbox::cancel(uint64_t cookie) {
    const LockGuard lock(mutex_);
    Late late;
    if (take_left(cookie, late) && unanswered_ > 0) --unanswered_;
}

size_t Inbox::left() {
    const LockGuard lock(mutex_);
    return left_.size();
}

void Inbox::look() {
    const LockGuard lock(mutex_);
    if (!expected_) take_arrived();
}

// True if the answer is left; it is left no more then.
bool Inbox::take_left(uint64_t cookie, Late& late) {
    auto found = left_.extract(cookie);
    if (!found) return false;
    late = std::move(found.mapped().late);
    if (found.mapped().delivery == Delivery::kPrompt && --prompt_ == 0)
        listens_.store(0, std::memory_order_relaxed);
    return true;
}

bool Inbox::expect_again(uint64_t cookie) {
    const LockGuard lock(mutex_);
    Late late;
    if (!take_left(cookie, late)) return false;
    expected_ = cookie;
    answer_.reset();
    return true;
}

void Inbox::deliver() {
    decltype(came_late_) came;
    decltype(left_) orphans;
    {
        const LockGuard lock(mutex_);
        came.swap(came_late_);
        if (hung_up_) orphans.swap(left_);
        if (hung_up_) prompt_ = 0;
    }
    for (auto& [late, answer] : came) late(checked(std::move(answer)));
    for (auto& [cookie, left] : orphans)
        left.late(fail(EPIPE, "the worker of context {} is gone", ctx_id_));
}

void Inbox::start_anew() {
    const LockGuard lock(mutex_);
    hung_up_ = false;
    senders_ = transport::Senders::kUnnamed;
    unanswered_ = left_.size();  // their questions go to the next worker
}

Result<Inbox::Answer> Inbox::wait_for_answer(transport::Deadline deadline) {
    for (;;) {
        {
            const LockGuard lock(mutex_);
            take_arrived();
            if (answer_) return *std::exchange(answer_, std::nullopt);
            if (hung_up_) return fail(EPIPE, "the worker of context {} is gone", ctx_id_);
        }
        // wait_readable() never times out on one who keeps talking.
        if (std::chrono::steady_clock::now() >= deadline)
            return fail(ETIMEDOUT, "no answer in time");
        if (auto status = transport::wait_readable(socket_, deadline); !status)
            return tl::unexpected(status.error());
    }
}

Inbox::News Inbox::drain() {
    const LockGuard lock(mutex_);
    skipped_ = expected_.has_value();
    const bool more = !expected_ && take_arrived();
    return {more, hung_up_, std::exchange(strays_, 0)};
}

bool Inbox::hung_up() {
    const LockGuard lock(mutex_);
    return hung_up_;
}

bool Inbox::misused() {
    const LockGuard lock(mutex_);
    return misused_;
}

UniqueFd Inbox::take_pending_work() {
    const LockGuard lock(mutex_);
    return std::move(pending_work_);
}

bool Inbox::take_arrived() {
    for (int i = 0; i < kMessagesPerTurn; ++i)
        if (hung_up_ || !take_one(Wanted::kAny)) return false;
    return true;
}

// Nearly every look finds nothing, as each fence causes one: that costs one system call.
bool Inbox::take_one(Wanted wanted) {
    if (unanswered_ == 0 && !may_take_next(wanted)) return false;
    Answer message{};
    transport::Attached attached;
    const auto got = transport::receive_arrived(
        socket_, std::as_writable_bytes(std::span(&message.reply, 1)), attached);
    message.sender = attached.sender;
    std::vector<UniqueFd>& descriptors = attached.descriptors;
    const size_t most = got && may_bring_descriptor(message.reply.cookie) ? 1 : 0;
    if (descriptors.size() > most)
        hang_up_on_misuse();
    else if (!descriptors.empty())
        message.descriptor = std::move(descriptors.front());
    if (got) sort(message);
    descriptors.push_back(std::move(message.descriptor));
    // The remaining ones were not requested.
    for (UniqueFd& descriptor : descriptors)
        if (descriptor) discard_(std::move(descriptor));
    if (got) return true;
    hung_up_ = hung_up_ || got.error().code == EPIPE;
    if (got.error().code != EBADMSG) return false;
    ++strays_;  // not a message of the protocol: look at the next
    return true;
}

// While nothing was asked: examined while it is in the socket, so that the front need not close
// what it brings. Other messages than news are for the fence thread to judge, as is a hang-up.
bool Inbox::may_take_next(Wanted wanted) {
    transport::Reply next{};
    const auto brings =
        transport::peek_message(socket_, std::as_writable_bytes(std::span(&next, 1)), senders_);
    if (!brings) return wanted == Wanted::kAny && brings.error().code != EAGAIN;
    const bool is_news =
        next.cookie == transport::kAnnouncementCookie || next.cookie == transport::kLogCookie;
    if (wanted == Wanted::kNews && !is_news) return false;
    if (!*brings || may_bring_descriptor(next.cookie)) return true;
    hang_up_on_misuse();
    return false;
}

void Inbox::hang_up_on_misuse() {
    hung_up_ = misused_ = true;
    transport::signal_event(notify_);
}

bool Inbox::may_bring_descriptor(uint64_t cookie) const {
    if (cookie == transport::kLogCookie) return false;
    if (cookie == transport::kPendingWorkCookie) return !had_pending_work_;
    if (cookie == transport::kAnnouncementCookie)
        return announces_memory_ && surplus_ < transport::kMostAnnounced;
    return unanswered_ > 0;
}

// Takes the message if a call waits for it. Otherwise it is too late for a call that gave up.
void Inbox::sort(Answer& message) {
    const uint64_t cookie = message.reply.cookie;
    if (cookie == transport::kLogCookie) return log_line_of(message.reply);
    if (cookie == transport::kPendingWorkCookie) {
        if (!std::exchange(had_pending_work_, true)) pending_work_ = std::move(message.descriptor);
        return;
    }
    if (cookie == transport::kAnnouncementCookie) return keep_announcement(message);
    if (unanswered_ > 0) --unanswered_;
    if (message.reply.blob_id != 0) complete(message);
    if (cookie == expected_ && !answer_)
        answer_ = std::move(message);
    else
        set_aside(cookie, message);
}

// The answer to a question that was left, or to one that was given up.
void Inbox::set_aside(uint64_t cookie, Answer& message) {
    const bool prompt = prompt_ != 0;
    Late late;
    if (!take_left(cookie, late)) {
        ++strays_;
        return;
    }
    came_late_.emplace_back(std::move(late), std::move(message));
    if (prompt) transport::signal_event(notify_);
}

// A worker leaves few unclaimed. A second one for an id, or one too many, comes from a worker that
// was taken over, or after calls that were given up: rarely.
void Inbox::keep_announcement(Answer& message) {
    Answer& place = announced_[message.reply.blob_id];
    const bool is_new = place.reply.cookie == 0;
    std::swap(place, message);  // the newer one holds; the caller discards what it gets
    if (is_new && announced_.size() <= transport::kMostAnnounced) return;
    if (is_new) {
        std::swap(place, message);
        announced_.erase(message.reply.blob_id);
    }
    ++surplus_;
    ++strays_;
}

// An announcement that has come meanwhile is not repeated by the answer, whatever that is.
void Inbox::complete(Answer& answer) {
    const auto found = announced_.extract(answer.reply.blob_id);
    if (!found) return;
    Answer& news = found.mapped();
    const bool has_room = answer.reply.has_place == 0 && !answer.descriptor;
    if (has_room && answer.reply.error == 0 && news.reply.has_place != 0) {
        answer.reply.offset = news.reply.offset;
        answer.reply.has_place = 1;
        answer.descriptor = std::move(news.descriptor);
    }
    if (news.descriptor) discard_(std::move(news.descriptor));
}

std::optional<Inbox::Answer> Inbox::take_announcement(uint64_t blob_id) {
    const LockGuard lock(mutex_);
    for (int i = 0; i < kMessagesPerTurn && !expected_ && !hung_up_; ++i)
        if (announced_.contains(blob_id) || !take_one(Wanted::kNews)) break;
    auto found = announced_.extract(blob_id);
    if (!found) return {};
    return std::move(found.mapped());
}

void Inbox::expect_announced_memory() {
    const LockGuard lock(mutex_);
    announces_memory_ = true;
}

void Inbox::log_line_of(const transport::Reply& reply) {
    const uint64_t had = lines_++;
    if (lines_ > kMaxLines) ++strays_;
    if (lines_ > kMaxLines) return;
    const auto level =
        static_cast<LogLevel>(std::min(reply.level, static_cast<uint32_t>(LogLevel::kError)));
    log_for({.had = had}, level, "{}", text_of(reply));
    if (lines_ == kMaxLines)
        log_report(LogLevel::kWarning,
                   "context {} reached its log limit; further lines are dropped", ctx_id_);
}

}  // namespace viaduct
