// GPU contexts (Linux: amdgpu_ctx.c, amdgpu_vm.c).
#include <linux/capability.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "simgpu/amd/kernel/drm_file.h"
#include "simgpu/drm/capable.h"

namespace simgpu::amdgpu::ctx {

namespace {

constexpr std::array<int32_t, 6> kPriorities = {
    AMDGPU_CTX_PRIORITY_UNSET,  AMDGPU_CTX_PRIORITY_VERY_LOW, AMDGPU_CTX_PRIORITY_LOW,
    AMDGPU_CTX_PRIORITY_NORMAL, AMDGPU_CTX_PRIORITY_HIGH,     AMDGPU_CTX_PRIORITY_VERY_HIGH,
};

int allocate(DrmFile& file, int32_t priority, drm_amdgpu_ctx* args) {
    // "For backwards compatibility reasons, we need to accept ioctls with garbage in the priority
    // field": amdgpu_ctx_ioctl().
    if (std::ranges::find(kPriorities, priority) == kPriorities.end() ||
        priority == AMDGPU_CTX_PRIORITY_UNSET)
        priority = AMDGPU_CTX_PRIORITY_NORMAL;
    if (priority > AMDGPU_CTX_PRIORITY_NORMAL && !drm::capable(CAP_SYS_NICE)) return -EACCES;
    file.watch_vram();
    const auto entities = static_cast<size_t>(file.model().ring_count());
    const ResetCounts counts{file.device().reset_count(), file.device().vram_loss_count()};
    const viaduct::LockGuard manager(file.context_manager());
    const auto id = file.contexts().add([&](uint32_t number) {
        return std::make_shared<Context>(number, priority, entities, counts);
    });
    if (!id) return id.error();
    *args = {};
    args->out.alloc.ctx_id = *id;
    return 0;
}

int release(DrmFile& file, uint32_t id) {
    // amdgpu_ctx_free() drops the reference with the lock held.
    const viaduct::LockGuard manager(file.context_manager());
    const ContextPtr context = file.contexts().take(id);
    if (!context) return -EINVAL;
    file.release_context(*context);
    return 0;
}

int query_state(DrmFile& file, Context& context, drm_amdgpu_ctx* args) {
    const bool news = context.take_news(file.device().reset_count());
    *args = {};
    // amdgpu_ctx_query(): "this should ideally return NO, GUILTY, or INNOCENT"; it does not.
    args->out.state.reset_status = news ? AMDGPU_CTX_UNKNOWN_RESET : AMDGPU_CTX_NO_RESET;
    return 0;
}

int query_state2(DrmFile& file, const Context& context, drm_amdgpu_ctx* args) {
    const ResetCounts& then = context.created_at();
    uint64_t flags = 0;
    if (then.resets != file.device().reset_count()) flags |= AMDGPU_CTX_QUERY2_FLAGS_RESET;
    if (then.vram_losses != file.device().vram_loss_count())
        flags |= AMDGPU_CTX_QUERY2_FLAGS_VRAMLOST;
    if (context.guilty()) flags |= AMDGPU_CTX_QUERY2_FLAGS_GUILTY;
    if (file.device().resetting()) flags |= kQueryResetInProgress;
    *args = {};
    args->out.state.flags = flags;
    return 0;
}

int stable_pstate(DrmFile& file, const Context& context, drm_amdgpu_ctx* args) {
    const drm_amdgpu_ctx_in in = args->in;
    if (in.op == AMDGPU_CTX_OP_SET_STABLE_PSTATE) {
        const uint32_t state = in.flags & AMDGPU_CTX_STABLE_PSTATE_FLAGS_MASK;
        if ((in.flags & ~uint32_t{AMDGPU_CTX_STABLE_PSTATE_FLAGS_MASK}) ||
            state > AMDGPU_CTX_STABLE_PSTATE_PEAK)
            return -EINVAL;
        return file.device().set_stable_pstate(pstate_owner(file, context), state) ? 0 : -EBUSY;
    }
    if (in.flags != 0) return -EINVAL;
    *args = {};
    args->out.pstate.flags = file.device().stable_pstate();
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
            return in.flags == 0 ? release(file, in.ctx_id) : -EINVAL;
        default:
            break;
    }
    const viaduct::LockGuard manager(file.context_manager());
    const ContextPtr found = file.contexts().find(in.ctx_id);
    if (!found) return -EINVAL;
    switch (in.op) {
        case AMDGPU_CTX_OP_QUERY_STATE:
            return in.flags == 0 ? query_state(file, *found, &args) : -EINVAL;
        case AMDGPU_CTX_OP_QUERY_STATE2:
            return in.flags == 0 ? query_state2(file, *found, &args) : -EINVAL;
        case AMDGPU_CTX_OP_GET_STABLE_PSTATE:
        case AMDGPU_CTX_OP_SET_STABLE_PSTATE:
            return stable_pstate(file, *found, &args);
        default:
            return -EINVAL;
    }
}

int vm(DrmFile&, void* argument) {
    auto& args = *static_cast<drm_amdgpu_vm*>(argument);
    // "No valid flags defined yet": amdgpu_vm_ioctl(). All files that reserve a VMID get the same
    // one and none is refused (amdgpu_vmid_alloc_reserved()); its cost, flushes of the TLB, is not
    // modelled.
    if (args.in.flags != 0) return -EINVAL;
    const uint32_t operation = args.in.op;
    if (operation != AMDGPU_VM_OP_RESERVE_VMID && operation != AMDGPU_VM_OP_UNRESERVE_VMID)
        return -EINVAL;
    args = {};
    return 0;
}

}  // namespace simgpu::amdgpu::ctx
