// GPU contexts (Linux: amdgpu_ctx.c, amdgpu_vm.c).
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "simgpu/amdgpu/drm_file.h"

namespace simgpu::amdgpu::ctx {

namespace {

constexpr std::array<int32_t, 6> kPriorities = {
    AMDGPU_CTX_PRIORITY_UNSET,  AMDGPU_CTX_PRIORITY_VERY_LOW, AMDGPU_CTX_PRIORITY_LOW,
    AMDGPU_CTX_PRIORITY_NORMAL, AMDGPU_CTX_PRIORITY_HIGH,     AMDGPU_CTX_PRIORITY_VERY_HIGH,
};

bool may_raise_priority() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capget, &header, data) != 0) return false;
    return data[CAP_TO_INDEX(CAP_SYS_NICE)].effective & CAP_TO_MASK(CAP_SYS_NICE);
}

int allocate(DrmFile& file, int32_t priority, drm_amdgpu_ctx* args) {
    // "For backwards compatibility reasons, we need to accept ioctls with garbage in the priority
    // field": amdgpu_ctx_ioctl().
    if (std::ranges::find(kPriorities, priority) == kPriorities.end() ||
        priority == AMDGPU_CTX_PRIORITY_UNSET)
        priority = AMDGPU_CTX_PRIORITY_NORMAL;
    if (priority > AMDGPU_CTX_PRIORITY_NORMAL && !may_raise_priority()) return -EACCES;
    const auto rings = static_cast<size_t>(file.model().ring_count());
    const auto id = file.contexts().add(
        [&](uint32_t number) { return std::make_shared<Context>(number, priority, rings); });
    if (!id) return id.error();
    *args = {};
    args->out.alloc.ctx_id = *id;
    return 0;
}

int query_state(Context& context, drm_amdgpu_ctx* args) {
    const bool news = context.take_news();
    const bool guilty = context.guilty();
    *args = {};
    args->out.state.hangs = guilty ? 1 : 0;
    args->out.state.reset_status = !news    ? AMDGPU_CTX_NO_RESET
                                   : guilty ? AMDGPU_CTX_GUILTY_RESET
                                            : AMDGPU_CTX_INNOCENT_RESET;
    return 0;
}

int query_state2(const Context& context, drm_amdgpu_ctx* args) {
    *args = {};
    if (context.was_reset()) args->out.state.flags |= AMDGPU_CTX_QUERY2_FLAGS_RESET;
    if (context.guilty()) args->out.state.flags |= AMDGPU_CTX_QUERY2_FLAGS_GUILTY;
    return 0;
}

int stable_pstate(Context& context, drm_amdgpu_ctx* args) {
    const drm_amdgpu_ctx_in in = args->in;
    if (in.op == AMDGPU_CTX_OP_SET_STABLE_PSTATE) {
        const uint32_t state = in.flags & AMDGPU_CTX_STABLE_PSTATE_FLAGS_MASK;
        if ((in.flags & ~uint32_t{AMDGPU_CTX_STABLE_PSTATE_FLAGS_MASK}) ||
            state > AMDGPU_CTX_STABLE_PSTATE_PEAK)
            return -EINVAL;
        context.stable_pstate = state;
        return 0;
    }
    if (in.flags != 0) return -EINVAL;
    *args = {};
    args->out.pstate.flags = context.stable_pstate;
    return 0;
}

}  // namespace

int context(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_ctx*>(argument);
    const drm_amdgpu_ctx_in in = args.in;
    switch (in.op) {
        case AMDGPU_CTX_OP_ALLOC_CTX:
            return in.flags == 0 ? allocate(file, in.priority, &args) : -EINVAL;
        case AMDGPU_CTX_OP_FREE_CTX:
            return in.flags == 0 && file.contexts().take(in.ctx_id) ? 0 : -EINVAL;
        default:
            break;
    }
    const ContextPtr found = file.contexts().find(in.ctx_id);
    if (!found) return -EINVAL;
    switch (in.op) {
        case AMDGPU_CTX_OP_QUERY_STATE:
            return in.flags == 0 ? query_state(*found, &args) : -EINVAL;
        case AMDGPU_CTX_OP_QUERY_STATE2:
            return in.flags == 0 ? query_state2(*found, &args) : -EINVAL;
        case AMDGPU_CTX_OP_GET_STABLE_PSTATE:
        case AMDGPU_CTX_OP_SET_STABLE_PSTATE:
            return stable_pstate(*found, &args);
        default:
            return -EINVAL;
    }
}

int vm(DrmFile&, void* argument) {
    auto& args = *static_cast<drm_amdgpu_vm*>(argument);
    // "No valid flags defined yet": amdgpu_vm_ioctl(). VMIDs are not modelled: reserving one always
    // works and changes nothing.
    if (args.in.flags != 0) return -EINVAL;
    const uint32_t operation = args.in.op;
    if (operation != AMDGPU_VM_OP_RESERVE_VMID && operation != AMDGPU_VM_OP_UNRESERVE_VMID)
        return -EINVAL;
    args = {};
    return 0;
}

}  // namespace simgpu::amdgpu::ctx
