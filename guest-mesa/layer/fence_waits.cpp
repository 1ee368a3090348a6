#include "guest-mesa/layer/fence_waits.h"

#include <drm.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "guest-mesa/layer/clock.h"
#include "guest-mesa/layer/syncobj.h"

namespace viaduct::guest {

namespace {

using State = FenceOrigins::State;

/// One ioctl's fences are looked at in turn, again and again: of more than these the node is asked.
constexpr size_t kMostFences = 64;
/// Of a fence that the host has shown: many times wire::FinishedWork::kLongestDelay.
constexpr int64_t kLongestReport = 1'000'000'000;  // ns
/// drm.h of Linux 6.6; a hint for the node, which need not be asked.
constexpr uint32_t kWaitDeadline = 1 << 3;
constexpr uint32_t kKnownFlags =
    DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT | kWaitDeadline;

struct FenceWait {
    std::span<const uint32_t> handles;
    std::span<const uint64_t> points;  // empty: the syncobjs are binary
    int64_t deadline = 0;              // CLOCK_MONOTONIC, ns
    bool for_all = false;
};

struct Look {
    bool is_over = false;
    size_t first = 0;  // that has signalled, of a wait for any
    bool is_known = true;
};

auto finished_work_of(const Session& session) {
    return [&stream = *session.stream](const FenceOrigin& origin) {
        return origin.request && stream.has_finished(origin.timeline, *origin.request);
    };
}

bool needs_fences_in_time(const Session& session) {
    return session.is_shared || session.node_waits != 0;
}

/// The same, and tells the host what is looked for, unless others need the fences in time. They may
/// say so at the same moment: the question is asked again.
auto finished_work_looked_for(const Session& session) {
    return [&session](const FenceOrigin& origin) {
        if (!origin.request) return false;
        CommandStream& stream = *session.stream;
        if (stream.has_finished(origin.timeline, *origin.request)) return true;
        if (needs_fences_in_time(session)) return false;
        stream.look_for(origin.timeline, *origin.request);
        if (needs_fences_in_time(session)) stream.look_for_nothing(origin.timeline);
        return false;
    };
}

/// A wait with a fence that is not known is the node's, errors included.
template <typename HasFinished>
Look look(Session& session, const FenceWait& wait, HasFinished has_finished) {
    size_t signalled = 0, first = 0;
    for (size_t i = wait.handles.size(); i-- > 0;) {
        const uint64_t point = wait.points.empty() ? 0 : wait.points[i];
        const State state = session.fences.state(wait.handles[i], point, has_finished);
        if (state == State::kUnknown) return {.is_known = false};
        if (state != State::kSignalled) continue;
        ++signalled;
        first = i;
    }
    return {wait.for_all ? signalled == wait.handles.size() : signalled != 0, first};
}

bool can_look(const FenceWait& wait, uint32_t flags) {
    return (flags & ~kKnownFlags) == 0 && !wait.handles.empty() &&
           wait.handles.size() <= kMostFences;
}

/// The index of a fence that has signalled (0 of a wait for all); nothing: not yet, or unknown.
std::optional<size_t> look_once(Session& session, const FenceWait& wait, uint32_t flags) {
    if (!can_look(wait, flags)) return {};
    const Look found = look(session, wait, finished_work_of(session));
    return found.is_over ? std::optional(found.first) : std::nullopt;
}

/// Likewise, after a while; nothing: the node is to wait.
std::optional<size_t> wait_briefly(Session& session, const FenceWait& wait, uint32_t flags) {
    if (!can_look(wait, flags)) return {};
    Look found = look(session, wait, finished_work_of(session));
    if (found.is_over) return found.first;
    const bool has_time = wait.deadline > monotonic_now() + BriefWait::kLongest;
    if (!found.is_known || !has_time || !session.brief_wait.is_promising()) return {};
    const bool over = session.brief_wait.wait([&] {
        found = look(session, wait, finished_work_looked_for(session));
        return found.is_over;
    });
    return over ? std::optional(found.first) : std::nullopt;
}

/// Somebody waits for fences in the node: the host is to report them in time.
class NodeWait {
  public:
    explicit NodeWait(Session& session) : session_(session) {
        ++session_.node_waits;
        session_.stream->look_for_nothing();
    }
    ~NodeWait() { --session_.node_waits; }
    NodeWait(const NodeWait&) = delete;
    NodeWait& operator=(const NodeWait&) = delete;

  private:
    Session& session_;
};

/// Looks, then has the node wait by `ask_node()`; `first`: of what looking found.
template <typename AskNode>
int look_or_ask(Session& session, const FenceWait& wait, uint32_t flags, uint32_t& first,
                AskNode ask_node) {
    auto found = wait_briefly(session, wait, flags);
    std::optional<NodeWait> waits;
    if (!found) {
        waits.emplace(session);
        // Once more: the host may have taken its time with what it had shown before.
        found = look_once(session, wait, flags);
    }
    if (!found) return ask_node();
    first = static_cast<uint32_t>(*found);
    return 0;
}

bool is_for_all(uint32_t flags) {
    return (flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL) != 0;
}

template <typename T>
std::span<const T> array_at(uint64_t address, uint32_t count) {
    return {reinterpret_cast<const T*>(static_cast<uintptr_t>(address)), count};
}

/// Both ioctls begin with the fields that older kernels know.
template <typename Argument>
int wait_as_asked(const Channel& channel, Session& session, unsigned long request, Argument& arg,
                  std::span<const uint64_t> points) {
    const FenceWait wait{array_at<uint32_t>(arg.handles, arg.count_handles), points,
                         arg.timeout_nsec, is_for_all(arg.flags)};
    return look_or_ask(session, wait, arg.flags, arg.first_signaled,
                       [&] { return channel.ioctl(request, &arg); });
}

}  // namespace

int send_work(const Channel& channel, Session& session, std::span<std::byte> request,
              const GpuSubmission& submission, Receipt receipt, const FenceOrigin& origin) {
    // Before it is sent: whoever sees the fence may at once give the syncobj another.
    for (const auto& signalled : submission.out)
        session.fences.set(signalled.handle, signalled.point, origin);
    uint32_t number = 0;
    const int error =
        session.stream->execute(channel, request, submission, std::move(receipt), number);
    for (const auto& signalled : submission.out) {
        if (error < 0)
            session.fences.take_back(signalled.handle, signalled.point, origin);
        else
            session.fences.set_request(signalled.handle, signalled.point, origin, number);
    }
    return error;
}

int wait_for_points(const Channel& channel, Session& session, std::span<const uint32_t> handles,
                    std::span<const uint64_t> points, int64_t deadline, uint32_t flags,
                    uint32_t* first) {
    uint32_t found = 0;
    const int result = look_or_ask(
        session, {handles, points, deadline, is_for_all(flags)}, flags, found,
        [&] { return syncobj::wait(channel, handles, points, deadline, flags, &found); });
    if (first) *first = found;
    return result;
}

void let_the_node_know(const Channel& channel, Session& session, uint32_t handle) {
    const auto [point, binary] = session.fences.told(handle);
    if (point == 0 && !binary) return;
    const NodeWait waits(session);
    const int64_t deadline = monotonic_now() + kLongestReport;
    if (binary) {
        drm_syncobj_wait wait{};
        wait.handles = user_pointer(&handle);
        wait.count_handles = 1;
        wait.timeout_nsec = deadline;
        channel.ioctl(DRM_IOCTL_SYNCOBJ_WAIT, &wait);
    } else {
        syncobj::wait(channel, {&handle, 1}, {&point, 1}, deadline);
    }
}

bool is_wait(unsigned long request) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    return number == _IOC_NR(DRM_IOCTL_SYNCOBJ_WAIT) ||
           number == _IOC_NR(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT);
}

int wait_by_ioctl(const Channel& channel, Session& session, unsigned long request, void* argument) {
    if (_IOC_NR(request) == _IOC_NR(DRM_IOCTL_SYNCOBJ_WAIT))
        return wait_as_asked(channel, session, request, *static_cast<drm_syncobj_wait*>(argument),
                             {});
    auto& arg = *static_cast<drm_syncobj_timeline_wait*>(argument);
    return wait_as_asked(channel, session, request, arg,
                         array_at<uint64_t>(arg.points, arg.count_handles));
}

void complete_query(Session& session, unsigned long request, const void* argument) {
    if (_IOC_NR(request) != _IOC_NR(DRM_IOCTL_SYNCOBJ_QUERY) || !argument) return;
    const auto& arg = *static_cast<const drm_syncobj_timeline_array*>(argument);
    if (arg.flags & DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED) return;
    const auto handles = array_at<uint32_t>(arg.handles, arg.count_handles);
    auto* points = reinterpret_cast<uint64_t*>(static_cast<uintptr_t>(arg.points));
    for (size_t i = 0; i < handles.size(); ++i)
        points[i] = std::max(
            points[i], session.fences.newest_signalled(handles[i], finished_work_of(session)));
}

}  // namespace viaduct::guest
