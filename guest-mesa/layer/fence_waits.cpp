#include "guest-mesa/layer/fence_waits.h"

#include <drm.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "guest-mesa/layer/clock.h"
#include "guest-mesa/layer/fence_debts.h"
#include "guest-mesa/layer/syncobj.h"

namespace viaduct::guest {

namespace {

using State = FenceOrigins::State;

/// One ioctl's fences are looked at in turn, again and again: of more than these the node is asked.
constexpr size_t kMostFences = 64;
/// Between two looks of a wait in the node.
constexpr int64_t kFirstSlice = 1'000'000, kLongestSlice = 64'000'000;  // ns
/// A program that asks for a fence again and again is answered here for so long, then by the node.
constexpr int64_t kLongestDebt = 50'000'000;  // ns
/// Of more handles than these, or none where there must be some, all are paid for.
constexpr size_t kMostPaid = 1024;
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
           wait.handles.size() <= kMostFences && wait.handles.data() &&
           (wait.points.empty() || wait.points.data());
}

/// The index of a fence that has signalled (0 of a wait for all); nothing: not yet, or unknown.
std::optional<size_t> look_once(Session& session, const FenceWait& wait) {
    const Look found = look(session, wait, finished_work_of(session));
    return found.is_over ? std::optional(found.first) : std::nullopt;
}

/// Likewise, after a while.
std::optional<size_t> look_briefly(Session& session, const FenceWait& wait) {
    const bool has_time = wait.deadline > monotonic_now() + BriefWait::kLongest;
    if (!has_time || !session.brief_wait.is_promising()) return {};
    Look found;
    const bool over = session.brief_wait.wait([&] {
        found = look(session, wait, finished_work_looked_for(session));
        return found.is_over;
    });
    return over ? std::optional(found.first) : std::nullopt;
}

/// Whether the node, without the fences that it is owed, could only say that this one must wait.
/// Not for long: of work that was lost the host shows no end, but the node's fence has one.
bool owes_all(const Session& session, const FenceWait& wait, int64_t now) {
    for (size_t i = 0; i < wait.handles.size(); ++i) {
        const uint64_t point = wait.points.empty() ? 0 : wait.points[i];
        if (!session.fences.owes(wait.handles[i], point, now, kLongestDebt)) return false;
    }
    return true;
}

/// The same for programs that only ask how far a syncobj is.
int pay_old_debts(const Channel& channel, Session& session, std::span<const uint32_t> handles) {
    if (!session.fences.has_ever_owed()) return 0;
    const int64_t now = monotonic_now();
    for (const uint32_t& handle : handles) {
        if (session.fences.owes(handle, 0, now, kLongestDebt)) continue;
        if (const int error = pay_for(channel, session, {&handle, 1}); error < 0) return error;
    }
    return 0;
}

/// Has the node wait by `ask_node(deadline)`. A fence that it was owed may stand for later work,
/// too: now and then the host's numbers are looked at.
template <typename AskNode>
int wait_in_slices(Session& session, const FenceWait& wait, uint32_t& first, AskNode ask_node) {
    for (int64_t slice = kFirstSlice;; slice = std::min(2 * slice, kLongestSlice)) {
        const int64_t now = monotonic_now();
        const bool goes_on = wait.deadline > now && wait.deadline - now > slice;
        const int64_t end = goes_on ? now + slice : wait.deadline;
        const int result = ask_node(end);
        if (result != -ETIME) return result;
        if (const auto found = look_once(session, wait)) {
            first = static_cast<uint32_t>(*found);
            return 0;
        }
        if (!goes_on) return result;
    }
}

/// Looks, then has the node wait by `ask_node(deadline)`; `first`: of what looking found.
template <typename AskNode>
int look_or_ask(const Channel& channel, Session& session, const FenceWait& wait, uint32_t flags,
                uint32_t& first, AskNode ask_node) {
    const auto tell = [&](size_t index) {
        first = static_cast<uint32_t>(index);
        return 0;
    };
    const bool looks = can_look(wait, flags);
    const Look now =
        looks ? look(session, wait, finished_work_of(session)) : Look{.is_known = false};
    if (now.is_over) return tell(now.first);
    if (now.is_known) {
        const int64_t time = monotonic_now();
        if (wait.deadline <= time && owes_all(session, wait, time)) return -ETIME;
        if (const auto found = look_briefly(session, wait)) return tell(*found);
    }
    const NodeWait waits(session);
    const bool is_usual = wait.handles.data() != nullptr && wait.handles.size() <= kMostPaid;
    const int error = is_usual ? pay_for(channel, session, wait.handles)
                               : pay_for(channel, session, session.fences.owed_handles());
    if (error < 0) return error;
    if (!now.is_known) return ask_node(wait.deadline);
    // Once more: the host may have taken its time with what it had shown before.
    if (const auto found = look_once(session, wait)) return tell(*found);
    if (!session.fences.has_ever_owed()) return ask_node(wait.deadline);
    return wait_in_slices(session, wait, first, ask_node);
}

bool is_for_all(uint32_t flags) {
    return (flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL) != 0;
}

template <typename T>
std::span<const T> array_at(uint64_t address, uint32_t count) {
    return {reinterpret_cast<const T*>(static_cast<uintptr_t>(address)), count};
}

/// Both ioctls begin with the fields that older kernels know. A program's argument may be longer
/// than that, so it is not copied.
template <typename Argument>
int wait_as_asked(const Channel& channel, Session& session, unsigned long request, Argument& arg,
                  std::span<const uint64_t> points) {
    const FenceWait wait{array_at<uint32_t>(arg.handles, arg.count_handles), points,
                         arg.timeout_nsec, is_for_all(arg.flags)};
    return look_or_ask(channel, session, wait, arg.flags, arg.first_signaled,
                       [&](int64_t deadline) {
                           arg.timeout_nsec = deadline;
                           const int result = channel.ioctl(request, &arg);
                           arg.timeout_nsec = wait.deadline;
                           return result;
                       });
}

/// SYNCOBJ_QUERY must not say less than a wait has said.
void complete_query(Session& session, const drm_syncobj_timeline_array& arg) {
    const auto handles = array_at<uint32_t>(arg.handles, arg.count_handles);
    auto* points = reinterpret_cast<uint64_t*>(static_cast<uintptr_t>(arg.points));
    for (size_t i = 0; i < handles.size(); ++i)
        points[i] = std::max(
            points[i], session.fences.newest_signalled(handles[i], finished_work_of(session)));
}

}  // namespace

int wait_for_points(const Channel& channel, Session& session, std::span<const uint32_t> handles,
                    std::span<const uint64_t> points, int64_t deadline, uint32_t flags,
                    uint32_t* first) {
    uint32_t found = 0;
    const int result = look_or_ask(
        channel, session, {handles, points, deadline, is_for_all(flags)}, flags, found,
        [&](int64_t end) { return syncobj::wait(channel, handles, points, end, flags, &found); });
    if (first) *first = found;
    return result;
}

int query_point(const Channel& channel, Session& session, uint32_t handle, uint64_t& point) {
    if (const int error = pay_old_debts(channel, session, {&handle, 1}); error < 0) return error;
    const int result = syncobj::query(channel, handle, point);
    if (result >= 0)
        point = std::max(point, session.fences.newest_signalled(handle, finished_work_of(session)));
    return result;
}

bool asks_for_fences(unsigned long request, const void* argument) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    if (number == _IOC_NR(DRM_IOCTL_SYNCOBJ_QUERY))
        return (static_cast<const drm_syncobj_timeline_array*>(argument)->flags &
                DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED) == 0;
    return number == _IOC_NR(DRM_IOCTL_SYNCOBJ_WAIT) ||
           number == _IOC_NR(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT);
}

int ask_for_fences(const Channel& channel, Session& session, unsigned long request,
                   void* argument) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    if (number == _IOC_NR(DRM_IOCTL_SYNCOBJ_QUERY)) {
        const auto& arg = *static_cast<const drm_syncobj_timeline_array*>(argument);
        if (arg.handles != 0 && arg.count_handles <= kMostPaid)
            if (const int error = pay_old_debts(channel, session,
                                                array_at<uint32_t>(arg.handles, arg.count_handles));
                error < 0)
                return error;
        const int result = channel.ioctl(request, argument);
        if (result >= 0) complete_query(session, arg);
        return result;
    }
    if (number == _IOC_NR(DRM_IOCTL_SYNCOBJ_WAIT))
        return wait_as_asked(channel, session, request, *static_cast<drm_syncobj_wait*>(argument),
                             {});
    auto& arg = *static_cast<drm_syncobj_timeline_wait*>(argument);
    return wait_as_asked(channel, session, request, arg,
                         array_at<uint64_t>(arg.points, arg.count_handles));
}

}  // namespace viaduct::guest
