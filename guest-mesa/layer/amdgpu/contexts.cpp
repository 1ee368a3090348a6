#include <algorithm>

#include "guest-mesa/layer/amdgpu/driver.h"
#include "guest-mesa/layer/clock.h"
#include "guest-mesa/layer/debug.h"

namespace viaduct::guest::amdgpu {

namespace {

constexpr uint64_t kReset = AMDGPU_CTX_QUERY2_FLAGS_RESET;
constexpr uint64_t kVramLost = AMDGPU_CTX_QUERY2_FLAGS_VRAMLOST;
constexpr uint64_t kGuilty = AMDGPU_CTX_QUERY2_FLAGS_GUILTY;

/// Drivers ask at each wait. How old an answer without any flag may be: what concerns others only
/// can wait, what costs the context is seen at once.
constexpr int64_t kStateAgeNs = 50'000'000;
constexpr size_t kCallsPerJourney = 64;

}  // namespace

uint32_t Driver::reported_errors() const {
    return stream().shmem_u32(offsetof(wire::Shmem, async_error));
}

/// Finds out what new errors in the host's count mean: which contexts a reset has cost, and what
/// failed of what was sent. Other errors cost nobody: what they leave missing, submissions notice.
void Driver::attribute_errors(const Channel& channel) {
    const uint32_t seen = reported_errors();
    if (seen == attributed_errors_.load() || !host_has_states_.load()) return;
    std::vector<uint32_t> ids;
    {
        const LockGuard lock(mutex_);
        for (const auto& [id, context] : contexts_)
            if (!context.lost) ids.push_back(id);
    }
    if (!ask_states(channel, ids)) return;
    // The answers came behind everything that the host has counted.
    note_outcomes();
    attributed_errors_ = seen;
}

void Driver::note_submission(const Outcome& outcome) {
    const auto id = static_cast<uint32_t>(outcome.receipt.owner);
    const auto entry = contexts_.find(id);
    if (entry == contexts_.end() || std::exchange(entry->second.failed, true)) return;
    print_line(fmt::format("GPU context {} is lost: the host could not run a submission (errno {})",
                           id, -outcome.error));
}

/// Brings the flags of contexts up to date in one journey. False: the host does not have them.
bool Driver::ask_states(const Channel& channel, std::span<const uint32_t> ids) {
    std::vector<wire::SetPstateRequest> requests(ids.size());
    std::vector<wire::SetPstateResponse> answers(ids.size());
    std::vector<Call> calls;
    for (size_t i = 0; i < ids.size(); ++i) {
        // No command is made for it, but this one carries any operation of the CTX ioctl.
        requests[i] = make_request<wire::SetPstateRequest>(wire::Command::kSetPstate);
        requests[i].ctx_id = ids[i];
        requests[i].op = AMDGPU_CTX_OP_QUERY_STATE2;
        calls.push_back({as_bytes(requests[i]), as_bytes(answers[i])});
    }
    for (size_t first = 0; first < calls.size(); first += kCallsPerJourney) {
        const size_t count = std::min(kCallsPerJourney, calls.size() - first);
        if (stream().call_all(channel, std::span(calls).subspan(first, count)) < 0) return false;
    }

    const int64_t now = monotonic_now();
    const LockGuard lock(mutex_);
    for (size_t i = 0; i < ids.size(); ++i) {
        const auto entry = contexts_.find(ids[i]);
        if (entry == contexts_.end()) continue;
        if (answers[i].base.ret < 0) {
            host_has_states_ = false;
            return false;
        }
        Context& context = entry->second;
        context.flags = answers[i].out_flags;
        context.asked_ns = now;
        if (context.flags & (kVramLost | kGuilty)) context.lost = true;
    }
    return true;
}

bool Driver::is_lost(const Channel& channel, uint32_t id) {
    if (stream().lost()) return true;
    attribute_errors(channel);
    const LockGuard lock(mutex_);
    const auto entry = contexts_.find(id);
    if (entry == contexts_.end()) return false;
    if (entry->second.lost || entry->second.failed) return true;
    // The number of all errors is the last resort.
    return !host_has_states_.load() &&
           static_cast<int32_t>(errors() - entry->second.errors_at_start) > 0;
}

/// AMDGPU_CTX_QUERY2_FLAGS_*. Where the host does not say what became of the context, it is lost as
/// it is with Mesa's own back end: after a reset, with its memory, and by nobody's fault.
uint64_t Driver::state_of(const Channel& channel, uint32_t id) {
    const bool lost = is_lost(channel, id);
    const auto context = find_context(id);
    if (!context) return 0;
    if (lost) return context->lost ? context->flags | kReset : kReset | kVramLost;
    // Flags stay once they are set, and what costs the context raises the count of errors.
    const bool fresh = context->flags != 0 || monotonic_now() - context->asked_ns < kStateAgeNs;
    if (fresh || !host_has_states_.load()) return context->flags;
    ask_states(channel, {&id, 1});
    const auto now = find_context(id);
    return now ? now->flags : 0;
}

std::optional<Driver::Context> Driver::find_context(uint32_t id) {
    const LockGuard lock(mutex_);
    const auto entry = contexts_.find(id);
    if (entry == contexts_.end()) return std::nullopt;
    return entry->second;
}

/// True the first time that it is asked for this context.
bool Driver::report_once(uint32_t id) {
    const LockGuard lock(mutex_);
    const auto entry = contexts_.find(id);
    return entry != contexts_.end() && !std::exchange(entry->second.reported, true);
}

int Driver::create_context(const Channel& channel, int32_t priority, uint32_t& id) {
    auto request = make_request<wire::CreateCtxRequest>(wire::Command::kCreateCtx);
    request.priority_or_id = priority;
    wire::CreateCtxResponse answer{};
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    if (answer.base.ret != 0) return error_of(answer.base.ret);
    if (answer.ctx_id == 0) return -ENODEV;
    id = answer.ctx_id;
    note_outcomes();  // of a context that had the number before
    Context context;
    context.errors_at_start = errors();
    const LockGuard lock(mutex_);
    contexts_[id] = context;
    return 0;
}

int Driver::free_context(const Channel& channel, uint32_t id) {
    {
        const LockGuard lock(mutex_);
        if (contexts_.erase(id) == 0) return -EINVAL;
    }
    // The host may give the number to the next context, whose submissions count from 1 again.
    for (Timeline& timeline : timelines_) {
        const LockGuard lock(timeline.mutex);
        timeline.contexts.erase(id);
    }
    session_.fences.forget_context(id);
    user_fences_.forget_context(id);
    auto request = make_request<wire::CreateCtxRequest>(wire::Command::kCreateCtx);
    request.priority_or_id = static_cast<int32_t>(id);
    request.flags = wire::kCreateCtxDestroy;
    return stream().post(channel, as_bytes(request));
}

int Driver::stable_pstate(const Channel& channel, drm_amdgpu_ctx& arg) {
    auto request = make_request<wire::SetPstateRequest>(wire::Command::kSetPstate);
    request.ctx_id = arg.in.ctx_id;
    request.op = arg.in.op;
    request.flags = arg.in.flags;
    wire::SetPstateResponse answer{};
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    if (answer.base.ret != 0) return error_of(answer.base.ret);
    arg = {};
    arg.out.pstate.flags = answer.out_flags;
    return 0;
}

int Driver::ctx(const Channel& channel, drm_amdgpu_ctx& arg) {
    const auto in = arg.in;
    IoctlNotes::add("op={} ctx={}", uint32_t{in.op}, uint32_t{in.ctx_id});
    if (in.op == AMDGPU_CTX_OP_ALLOC_CTX) {
        uint32_t id = 0;
        if (const int error = create_context(channel, in.priority, id); error < 0) return error;
        arg = {};
        arg.out.alloc.ctx_id = id;
        IoctlNotes::add("new={}", id);
        return 0;
    }
    if (in.op == AMDGPU_CTX_OP_FREE_CTX) return free_context(channel, in.ctx_id);

    if (!find_context(in.ctx_id)) return -EINVAL;
    switch (in.op) {
        case AMDGPU_CTX_OP_QUERY_STATE: {
            const bool reset = state_of(channel, in.ctx_id) & kReset;
            arg = {};
            // As amdgpu_ctx_query() does, which knows no guilt either.
            arg.out.state.reset_status =
                reset && report_once(in.ctx_id) ? AMDGPU_CTX_UNKNOWN_RESET : AMDGPU_CTX_NO_RESET;
            return 0;
        }
        case AMDGPU_CTX_OP_QUERY_STATE2: {
            const uint64_t flags = state_of(channel, in.ctx_id);
            arg = {};
            arg.out.state.flags = flags;
            return 0;
        }
        case AMDGPU_CTX_OP_GET_STABLE_PSTATE:
        case AMDGPU_CTX_OP_SET_STABLE_PSTATE:
            return stable_pstate(channel, arg);
        default:
            return -EINVAL;
    }
}

int Driver::bo_list(const Channel&, drm_amdgpu_bo_list& arg) {
    const drm_amdgpu_bo_list_in in = arg.in;
    IoctlNotes::add("op={} list={} buffers={}", uint32_t{in.operation}, uint32_t{in.list_handle},
                    uint32_t{in.bo_number});
    std::vector<drm_amdgpu_bo_list_entry> entries;
    if (in.operation != AMDGPU_BO_LIST_OP_DESTROY) {
        if (const int error = parse_bo_list(in, entries); error < 0) return error;
    }
    arg = {};
    const LockGuard lock(mutex_);
    switch (in.operation) {
        case AMDGPU_BO_LIST_OP_CREATE:
            arg.out.list_handle = next_bo_list_++;
            bo_lists_[arg.out.list_handle] = std::move(entries);
            return 0;
        case AMDGPU_BO_LIST_OP_DESTROY:
            return bo_lists_.erase(in.list_handle) ? 0 : -ENOENT;
        case AMDGPU_BO_LIST_OP_UPDATE: {
            const auto list = bo_lists_.find(in.list_handle);
            if (list == bo_lists_.end()) return -ENOENT;
            list->second = std::move(entries);
            arg.out.list_handle = in.list_handle;
            return 0;
        }
        default:
            return -EINVAL;
    }
}

}  // namespace viaduct::guest::amdgpu
