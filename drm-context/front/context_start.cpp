#include "drm-context/front/context_start.h"

#include <chrono>
#include <exception>

#include "base/log.h"

namespace viaduct {

namespace {

// For a worker to close its jail and set its driver up, on a GPU that may be in the middle of a
// reset.
constexpr std::chrono::seconds kStartTime{10};

}  // namespace

void ContextStart::run() {
    const LogHold hold;  // a context that is lost is reported with its lock held
    auto status = try_to_start();
    parts_.start = {};  // before the result is visible: nothing may be left behind
    parts_.booking = {};
    if (status)
        parts_.link->finish_start();
    else
        parts_.link->fail_start(std::move(status.error()));
}

Status ContextStart::try_to_start() try { return start(); } catch (const std::exception&) {
    return tl::unexpected(Error{ENOMEM, {}});
}

Status ContextStart::start() {
    if (auto status = open(); !status) return status;
    auto status = start_worker();
    if (!status && status.error().code == ETIMEDOUT) parts_.launcher->doubt();
    // EPIPE: it was gone before its first word. If it went along with its zygote, the launcher gets
    // another.
    if (status || status.error().code != EPIPE || parts_.link->abandoned()) return status;
    if (auto renewed = renew_socket(); !renewed) return renewed;
    return start_worker();
}

Status ContextStart::open() {
    if (parts_.link->abandoned()) return fail(ECANCELED, "the context was destroyed");
    if (!parts_.source) {
        auto opened = parts_.open();
        if (!opened) return tl::unexpected(opened.error());
        parts_.source = *std::move(opened);
    }
    parts_.start.simulated = parts_.source->simulated;
    if (parts_.source->node) parts_.link->adopt_node(std::move(parts_.source->node));
    return {};
}

Status ContextStart::start_worker() {
    ContextLink& link = *parts_.link;
    if (link.abandoned()) return fail(ECANCELED, "the context was destroyed");
    if (parts_.start.simulated.empty())
        if (auto status = link.send_node(); !status) return status;
    link.expect_worker();
    auto start = duplicate_start();
    if (!start) return tl::unexpected(start.error());
    // Ours would keep the worker's end from closing with it.
    parts_.start.channel.socket.reset();
    auto worker = parts_.launcher->start(*std::move(start));
    if (!worker) return tl::unexpected(worker.error());
    link.set_worker(*std::move(worker));
    return link.wait_for_first_word(std::chrono::steady_clock::now() + kStartTime);
}

Status ContextStart::renew_socket() {
    auto sockets = transport::create_control_sockets();
    if (!sockets) return tl::unexpected(sockets.error());
    parts_.start.channel.socket = std::move(sockets->second);
    if (auto status = parts_.link->replace_socket(std::move(sockets->first)); !status)
        return status;
    return parts_.watch_anew();
}

Result<WorkerStart> ContextStart::duplicate_start() const {
    const WorkerStart& ours = parts_.start;
    WorkerStart copy{{ours.channel.memory.duplicate(), ours.channel.socket.duplicate(),
                      ours.channel.doorbell.duplicate(), ours.channel.notify.duplicate()},
                     ours.simulated,
                     ours.account.duplicate(),
                     ours.account_view.duplicate(),
                     ours.settings};
    if (!copy.channel.memory || !copy.channel.socket || !copy.channel.doorbell ||
        !copy.channel.notify || !copy.account || !copy.account_view)
        return fail(EMFILE, "no descriptor left for a worker");
    return copy;
}

}  // namespace viaduct
