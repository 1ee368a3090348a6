// ContextLink: the questions to a worker, and how long their answers are waited for.
#include <algorithm>
#include <chrono>
#include <utility>

#include "drm-context/front/context_link.h"

namespace viaduct {

using std::chrono::steady_clock;
using transport::RecordType;
using namespace std::chrono_literals;

Result<ContextLink::Answer> ContextLink::ask_bytes(RecordType type, uint64_t cookie,
                                                   std::span<const std::byte> call) {
    const LockGuard lock(ask_mutex_);
    const auto start = steady_clock::now();
    auto answer = wait_for_answer(start + patience_.allowance(start), type, cookie, call);
    charge(start, answer ? 0 : answer.error().code);
    if (!answer) return tl::unexpected(judge_wait(std::move(answer.error()), start));
    return answer;
}

// An error that ended a wait, as the caller gets it.
Error ContextLink::judge_wait(Error error, steady_clock::time_point start) {
    if (error.code == ETIMEDOUT)
        return {ETIMEDOUT, fmt::format("context {}: no answer from its worker in {} ms", ctx_id_,
                                       (steady_clock::now() - start) / 1ms)};
    if (error.code == EPIPE) {
        // The guest is told before the call fails.
        const LockGuard lost(mutex_);
        if (!let_go_) lose("its worker has ended");
    }
    return error;
}

Result<std::variant<ContextLink::Answer, ContextLink::Left>> ContextLink::ask_or_leave_bytes(
    RecordType type, uint64_t cookie, std::span<const std::byte> call,
    std::chrono::milliseconds most, Late late) {
    if (inbox_.left() >= kMostLeft) {
        inbox_.look();
        inbox_.deliver();
    }
    if (inbox_.left() >= kMostLeft) {
        auto answer = ask_bytes(type, cookie, call);
        if (!answer) return tl::unexpected(std::move(answer.error()));
        return *std::move(answer);
    }
    const LockGuard lock(ask_mutex_);
    const auto start = steady_clock::now();
    const auto deadline =
        start + std::min<steady_clock::duration>(most, patience_.allowance(start));
    if (deadline == start || !started()) {
        const auto delivery = most == 0ms ? Inbox::Delivery::kLater : Inbox::Delivery::kPrompt;
        if (auto status = leave(type, cookie, call, std::move(late), delivery); !status)
            return tl::unexpected(status.error());
        return Left{cookie};
    }
    inbox_.expect(cookie);
    if (auto status = send(type, call); !status) {
        inbox_.forget();
        return tl::unexpected(status.error());
    }
    auto answer = inbox_.wait(deadline, std::move(late));
    charge(start, answer ? 0 : answer.error().code);
    if (answer) return *std::move(answer);
    if (answer.error().code == ETIMEDOUT) return Left{cookie};
    return tl::unexpected(judge_wait(std::move(answer.error()), start));
}

Status ContextLink::leave(RecordType type, uint64_t cookie, std::span<const std::byte> call,
                          Late late, Inbox::Delivery delivery) {
    inbox_.leave(cookie, std::move(late), delivery);
    auto status =
        delivery == Inbox::Delivery::kLater ? send_without_hurry(type, call) : send(type, call);
    if (!status) inbox_.cancel(cookie);
    return status;
}

Status ContextLink::await_late(uint64_t cookie, Late late) {
    const LockGuard lock(ask_mutex_);
    const auto start = steady_clock::now();
    const auto deadline = start + patience_.allowance(start);
    if (auto status = wait_for_start(deadline); !status) return status;
    inbox_.deliver();
    if (!inbox_.expect_again(cookie)) return {};
    wake_worker();  // its question may have been sent without hurry
    auto answer = inbox_.wait(deadline, late);
    const int error = answer ? 0 : answer.error().code;
    charge(start, error);
    if (error == ETIMEDOUT) return tl::unexpected(judge_wait(std::move(answer.error()), start));
    if (!answer) answer = tl::unexpected(judge_wait(std::move(answer.error()), start));
    late(std::move(answer));
    return {};
}

void ContextLink::wake_worker() {
    const LockGuard lock(mutex_);
    outbox_.wake();
}

Result<ContextLink::Answer> ContextLink::wait_for_answer(Deadline deadline, RecordType type,
                                                         uint64_t cookie,
                                                         std::span<const std::byte> call) {
    // The first word is another thread's to read.
    if (auto status = wait_for_start(deadline); !status) return tl::unexpected(status.error());
    inbox_.expect(cookie);
    if (auto status = send(type, call); !status) {
        inbox_.forget();
        return tl::unexpected(status.error());
    }
    return inbox_.wait(deadline);
}

void ContextLink::charge(steady_clock::time_point start, int error) {
    patience_.spend(
        start, steady_clock::now(),
        error == ETIMEDOUT ? Patience::Outcome::kGivenUp : Patience::Outcome::kAnswered);
}

}  // namespace viaduct
