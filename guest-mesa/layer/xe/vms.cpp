// VM_CREATE, VM_DESTROY, VM_BIND.
#include <algorithm>
#include <cstring>

#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/xe/driver.h"

namespace viaduct::guest::xe {

namespace {

using namespace uapi::xe;

constexpr uint32_t kMostBinds = 1u << 20;
/// In one request: a stream's buffer holds 16 KiB.
constexpr size_t kBindsPerRequest = 256;

}  // namespace

int Driver::vm_create(const Channel& channel, VmCreate& arg) {
    IoctlNotes::add("flags={:#x}", arg.flags);
    if (arg.extensions || arg.reserved[0] || arg.reserved[1]) return -EINVAL;
    auto request = make_request<wire::VmCreateRequest>(wire::Command::kVmCreate);
    request.flags = arg.flags;
    wire::Response answer{};
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    arg.vm_id = answer.value;
    return error_of(answer.ret);
}

int Driver::vm_destroy(const Channel& channel, VmDestroy& arg) {
    IoctlNotes::add("vm={}", arg.vm_id);
    auto request = make_request<wire::VmDestroyRequest>(wire::Command::kVmDestroy);
    request.vm_id = arg.vm_id;
    return stream().post(channel, as_bytes(request));
}

int Driver::translate(const Channel& channel, const BindOp& op, wire::BindOp& to) {
    to = {.res_id = 0,
          .pat_index = op.pat_index,
          .pad = 0,
          .obj_offset = op.obj_offset,
          .range = op.range,
          .addr = op.addr,
          .op = op.op,
          .flags = op.flags};
    if (op.obj == 0) return 0;
    const auto object = session_.gems.find(channel, GemHandle(op.obj));
    if (!object) return -ENOENT;
    to.res_id = object->resource.value();
    return 0;
}

int Driver::send_binds(const Channel& channel, uint32_t vm_id, std::span<const wire::BindOp> ops) {
    auto head = make_request<wire::VmBindRequest>(wire::Command::kVmBind);
    head.hdr.len += static_cast<uint32_t>(ops.size_bytes());
    head.vm_id = vm_id;
    head.num_binds = static_cast<uint32_t>(ops.size());
    std::vector<std::byte> request(head.hdr.len);
    std::memcpy(request.data(), &head, sizeof(head));
    if (!ops.empty()) std::memcpy(request.data() + sizeof(head), ops.data(), ops.size_bytes());
    wire::Response answer{};
    if (const int error = stream().call(channel, {request, as_bytes(answer)}); error < 0)
        return error;
    return error_of(answer.ret);
}

// The host has every submission after its answer see the mappings, so that what they are waited by
// can signal then. What is waited for has to have happened before they are sent.
int Driver::vm_bind(const Channel& channel, VmBind& arg) {
    IoctlNotes::add("vm={} binds={} syncs={}", arg.vm_id, arg.num_binds, arg.num_syncs);
    if (arg.extensions || arg.pad || arg.pad2 || arg.reserved[0] || arg.reserved[1]) return -EINVAL;
    if (arg.num_binds > kMostBinds) return -ENOBUFS;
    if (arg.num_binds > 1 && !arg.vector_of_binds) return -EFAULT;
    const auto* from =
        arg.num_binds == 1
            ? &arg.bind
            : reinterpret_cast<const BindOp*>(static_cast<uintptr_t>(arg.vector_of_binds));
    std::vector<wire::BindOp> ops(arg.num_binds);
    for (uint32_t i = 0; i < arg.num_binds; ++i) {
        BindOp op;
        std::memcpy(&op, from + i, sizeof(op));
        if (const int error = translate(channel, op, ops[i]); error < 0) return error;
    }
    Syncs syncs;
    if (const int error = syncs.parse(arg.syncs, arg.num_syncs); error < 0) return error;
    if (const int error = syncs.wait(channel, session_, RingIndex()); error < 0) return error;
    const std::span<const wire::BindOp> all = ops;
    for (size_t sent = 0; sent < all.size() || sent == 0; sent += kBindsPerRequest) {
        const size_t count = std::min(kBindsPerRequest, all.size() - sent);
        if (const int error = send_binds(channel, arg.vm_id, all.subspan(sent, count)); error < 0)
            return error;
    }
    return syncs.signal(channel, session_);
}

}  // namespace viaduct::guest::xe
