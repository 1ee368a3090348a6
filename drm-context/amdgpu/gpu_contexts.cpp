// CREATE_CTX, RESERVE_VMID, SET_PSTATE, CS_QUERY_FENCE_STATUS.
#include <amdgpu_drm.h>

#include <algorithm>

#include "drm-context/amdgpu/amdgpu_context.h"

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

namespace {

// By PriorityCeiling.
constexpr int32_t kCeilings[] = {AMDGPU_CTX_PRIORITY_LOW, AMDGPU_CTX_PRIORITY_NORMAL,
                                 AMDGPU_CTX_PRIORITY_HIGH, AMDGPU_CTX_PRIORITY_VERY_HIGH};

// The kernel refuses priorities above normal without CAP_SYS_NICE, which drivers expect and which a
// VMM may well have; what is normal is lowered without a word. The kernel takes unknown values for
// normal (amdgpu_ctx_ioctl).
Result<int32_t> permitted_priority(int32_t wanted, PriorityCeiling ceiling) {
    const int32_t highest = kCeilings[static_cast<size_t>(ceiling)];
    const bool raised =
        wanted == AMDGPU_CTX_PRIORITY_HIGH || wanted == AMDGPU_CTX_PRIORITY_VERY_HIGH;
    if (raised && wanted > highest)
        return fail(EACCES, "priority {} is above {}, the highest this VM may have", wanted,
                    highest);
    if (raised || wanted == AMDGPU_CTX_PRIORITY_VERY_LOW) return wanted;
    return std::min(wanted == AMDGPU_CTX_PRIORITY_LOW ? wanted : AMDGPU_CTX_PRIORITY_NORMAL,
                    highest);
}

}  // namespace

Status AmdgpuContext::create_ctx(Request& request) {
    const auto wanted = request.as<w::CreateCtxRequest>();
    if (wanted.flags & ~w::kCreateCtxDestroy)
        return fail(EINVAL, "flags {:#x} unknown", wanted.flags);
    drm_amdgpu_ctx args{};
    if (wanted.flags & w::kCreateCtxDestroy) {
        const auto id = static_cast<uint32_t>(wanted.priority_or_id);
        if (!watch().destroyed(id)) return fail(EINVAL, "GPU context {} does not exist", id);
        gpu_contexts_.erase(id);
        args.in.op = AMDGPU_CTX_OP_FREE_CTX;
        args.in.ctx_id = id;
        device().ioctl(DRM_IOCTL_AMDGPU_CTX, &args);
        return {};
    }
    const auto priority = permitted_priority(wanted.priority_or_id, account().limits().priority);
    if (!priority) return tl::unexpected(priority.error());
    args.in.op = AMDGPU_CTX_OP_ALLOC_CTX;
    args.in.priority = *priority;
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_CTX, &args); error < 0)
        return fail(-error, "priority {} (errno {})", wanted.priority_or_id, -error);
    const uint32_t id = args.out.alloc.ctx_id;
    gpu_contexts_.insert_or_assign(id, GpuContext());
    watch().created(id);
    request.respond(w::CreateCtxResponse{{}, id, 0});
    return {};
}

// There is one VMID to reserve in each hub of the device (amdgpu_ids.c:
// amdgpu_vmid_alloc_reserved()); VMs that all reserve it share it, and flush each other's.
Status AmdgpuContext::reserve_vmid(Request& request) {
    constexpr uint64_t kUnreserve = 1;
    const auto wanted = request.as<w::ReserveVmidRequest>();
    if (wanted.flags & ~kUnreserve) return fail(EINVAL, "flags {:#x} unknown", wanted.flags);
    if (!account().limits().allows(DeviceWide::kVmid)) {
        if (wanted.flags & kUnreserve) return {};  // as the kernel, for one that was not reserved
        return fail(EACCES, "this VM may not reserve a VMID (allow = \"vmid\")");
    }
    drm_amdgpu_vm args{};
    args.in.op =
        wanted.flags & kUnreserve ? AMDGPU_VM_OP_UNRESERVE_VMID : AMDGPU_VM_OP_RESERVE_VMID;
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_VM, &args); error < 0)
        return fail(-error, "the kernel refused it (errno {})", -error);
    return {};
}

// The request carries an operation of the kernel's CTX ioctl, and hosts on libdrm pass any on
// (libdrm: amdgpu_cs_ctx_stable_pstate()). So it is also the one command by which a guest can ask
// for the state of a context; the flags fit in 32 bits.
Status AmdgpuContext::set_pstate(Request& request) {
    const auto wanted = request.as<w::SetPstateRequest>();
    if (wanted.pad != 0) return fail(EINVAL, "pad is {:#x}, not 0", wanted.pad);
    if (!owns_ctx(wanted.ctx_id)) return fail(EINVAL, "unknown GPU context {}", wanted.ctx_id);
    uint64_t flags = 0;
    Status status;
    if (wanted.op == AMDGPU_CTX_OP_QUERY_STATE2)
        status = query_state(wanted.ctx_id, flags);
    else if (wanted.op == AMDGPU_CTX_OP_GET_STABLE_PSTATE ||
             wanted.op == AMDGPU_CTX_OP_SET_STABLE_PSTATE)
        status = stable_pstate(wanted, flags);
    else
        status =
            fail(EINVAL, "operation {} neither sets a power state nor queries a context's state",
                 wanted.op);
    if (status) request.respond(w::SetPstateResponse{{}, static_cast<uint32_t>(flags), 0});
    return status;
}

// A state that is set forces the clocks of the whole GPU (amdgpu_ctx.c:
// amdgpu_ctx_set_stable_pstate()), and GET reads them.
Status AmdgpuContext::stable_pstate(const w::SetPstateRequest& wanted, uint64_t& flags) {
    if (!account().limits().allows(DeviceWide::kPstate)) {
        const bool sets = wanted.op == AMDGPU_CTX_OP_SET_STABLE_PSTATE;
        if (!sets || wanted.flags == AMDGPU_CTX_STABLE_PSTATE_NONE) return {};
        return fail(EACCES, "this VM may not force power state {} (allow = \"pstate\")",
                    wanted.flags);
    }
    drm_amdgpu_ctx args{};
    args.in.op = wanted.op;
    args.in.flags = wanted.flags;
    args.in.ctx_id = wanted.ctx_id;
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_CTX, &args); error < 0)
        return fail(-error, "operation {} (errno {})", wanted.op, -error);
    if (wanted.op == AMDGPU_CTX_OP_GET_STABLE_PSTATE) flags = args.out.pstate.flags;
    return {};
}

Status AmdgpuContext::cs_query_fence_status(Request& request) {
    const auto wanted = request.as<w::CsQueryFenceStatusRequest>();
    if (!owns_ctx(wanted.ctx_id)) return fail(EINVAL, "unknown GPU context {}", wanted.ctx_id);
    drm_amdgpu_wait_cs args{};
    args.in.handle = wanted.fence;
    args.in.timeout = 0;  // absolute: other commands are behind this one; the guest asks again
    args.in.ip_type = wanted.ip_type;
    args.in.ip_instance = wanted.ip_instance;
    args.in.ring = wanted.ring;
    args.in.ctx_id = wanted.ctx_id;
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_WAIT_CS, &args); error < 0)
        return fail(-error, "fence {} (errno {})", wanted.fence, -error);
    request.respond(w::CsQueryFenceStatusResponse{{}, args.out.status == 0 ? 1u : 0u, 0});
    return {};
}

}  // namespace viaduct::amdgpu
