#include "guest-mesa/layer/amdgpu/driver.h"
#include "guest-mesa/layer/debug.h"

namespace viaduct::guest::amdgpu {

uint32_t Driver::reported_errors() const {
    return stream().shmem_u32(offsetof(wire::Shmem, async_error));
}

bool Driver::is_lost(const Context& context) const {
    return stream().lost() || static_cast<int32_t>(errors() - context.errors_at_start) > 0;
}

std::optional<Driver::Context> Driver::find_context(uint32_t id) {
    const std::lock_guard lock(mutex_);
    const auto entry = contexts_.find(id);
    if (entry == contexts_.end()) return std::nullopt;
    return entry->second;
}

int Driver::create_context(const Channel& channel, int32_t priority, uint32_t& id) {
    auto request = make_request<wire::CreateCtxRequest>(wire::Command::kCreateCtx);
    request.priority_or_id = priority;
    wire::CreateCtxResponse answer{};
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    if (answer.base.ret < 0) return answer.base.ret;
    if (answer.ctx_id == 0) return -ENODEV;
    id = answer.ctx_id;
    const std::lock_guard lock(mutex_);
    contexts_[id] = Context{errors()};
    return 0;
}

int Driver::free_context(const Channel& channel, uint32_t id) {
    {
        const std::lock_guard lock(mutex_);
        if (contexts_.erase(id) == 0) return -EINVAL;
    }
    // The host may give the number to the next context, whose submissions count from 1 again.
    for (Timeline& timeline : timelines_) {
        const std::lock_guard lock(timeline.mutex);
        timeline.contexts.erase(id);
    }
    session_.fences.forget_context(id);
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
    if (answer.base.ret < 0) return answer.base.ret;
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

    const auto context = find_context(in.ctx_id);
    if (!context) return -EINVAL;
    const bool lost = is_lost(*context);
    switch (in.op) {
        case AMDGPU_CTX_OP_QUERY_STATE:
            arg = {};
            arg.out.state.reset_status = lost ? AMDGPU_CTX_GUILTY_RESET : AMDGPU_CTX_NO_RESET;
            return 0;
        case AMDGPU_CTX_OP_QUERY_STATE2:
            arg = {};
            if (lost)
                arg.out.state.flags = AMDGPU_CTX_QUERY2_FLAGS_RESET |
                                      AMDGPU_CTX_QUERY2_FLAGS_VRAMLOST |
                                      AMDGPU_CTX_QUERY2_FLAGS_GUILTY;
            return 0;
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
    const std::lock_guard lock(mutex_);
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
