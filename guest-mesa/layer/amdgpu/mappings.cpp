// GEM_VA: the GPU's address space, and mappings whose failure shows when the driver has gone on.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "guest-mesa/layer/amdgpu/driver.h"
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/fence_debts.h"
#include "guest-mesa/layer/syncobj.h"

namespace viaduct::guest::amdgpu {

namespace {

bool adds_mapping(uint32_t operation) {
    return operation == AMDGPU_VA_OP_MAP || operation == AMDGPU_VA_OP_REPLACE;
}

bool sync_requested() {
    static const bool sync = [] {
        const char* value = std::getenv("VIADUCT_GUEST_SYNC");
        return value && *value == '1';
    }();
    return sync;
}

}  // namespace

int Driver::gem_va(const Channel& channel, GemVa& arg) {
    const drm_amdgpu_gem_va& in = arg.base;
    IoctlNotes::add("op={} handle={} va={:#x}+{:#x} offset={:#x} flags={:#x}",
                    uint32_t{in.operation}, uint32_t{in.handle}, uint64_t{in.va_address},
                    uint64_t{in.map_size}, uint64_t{in.offset_in_bo}, uint32_t{in.flags});
    auto request = make_request<wire::BoVaOpRequest>(wire::Command::kBoVaOp);
    request.va = in.va_address;
    request.vm_map_size = in.map_size;
    request.flags = in.flags;
    request.offset = in.offset_in_bo;
    request.op = in.operation;
    if (in.operation == AMDGPU_VA_OP_CLEAR || (in.flags & AMDGPU_VM_PAGE_PRT)) {
        request.flags2 = wire::kVaFlags2Sparse;
    } else {
        const auto object = session_.gems.find(channel, GemHandle(in.handle));
        if (!object) return -ENOENT;
        request.res_id = object->resource.value();
    }
    const auto finish = [&] {
        if (arg.vm_timeline_syncobj_out == 0) return 0;
        return signal_in_node(channel, session_, arg.vm_timeline_syncobj_out,
                              arg.vm_timeline_point);
    };
    // As memory: there is nothing to fail for a driver that has still to hear of the loss.
    if (stream().lost()) return finish();
    {
        const LockGuard lock(mutex_);
        forget_missing(request);
    }
    // Waiting for each would double the cost of every buffer: the next submission looks whether its
    // buffers are mapped. Where memory is short, a page table may fail, and drivers can do more
    // about that here. VIADUCT_GUEST_SYNC=1 always waits.
    constexpr uint64_t kPageTable = 4096;
    const bool confirm =
        sync_requested() || arg.vm_timeline_syncobj_out != 0 ||
        (adds_mapping(in.operation) && memory_is_short(kMappableDomains, kPageTable));
    if (!confirm) return post_mapping(channel, request, GemHandle(in.handle));

    wire::Response answer{};
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    // Drivers do not unmap what was not mapped, nor does a sparse range go with a buffer.
    if (answer.ret == -ENOMEM && in.operation == AMDGPU_VA_OP_MAP && request.res_id == 0)
        give_up_mapping(channel, request);
    return answer.ret == 0 ? finish() : error_of(answer.ret);
}

int Driver::post_mapping(const Channel& channel, wire::BoVaOpRequest& request, GemHandle handle) {
    const std::span<const std::byte> bytes = as_bytes(request);
    uint32_t seqno = 0;
    const int error =
        stream().post(channel, as_bytes(request),
                      Receipt{handle.value(), {bytes.begin(), bytes.end()}, true}, seqno);
    if (error < 0 || !adds_mapping(request.op)) return error;
    const LockGuard lock(mutex_);
    if (!newest_mapping_ || static_cast<int32_t>(seqno - *newest_mapping_) > 0)
        newest_mapping_ = seqno;
    return 0;
}

/// The host takes a missing range for one that the driver has not noticed, and refuses work while
/// there is one; an unmap shows that it is known.
void Driver::give_up_mapping(const Channel& channel, wire::BoVaOpRequest request) {
    request.op = AMDGPU_VA_OP_UNMAP;
    // If it does not arrive, the context is lost, and with it what this was for.
    (void)stream().post(channel, as_bytes(request));
}

/// Addresses that are unmapped, cleared or mapped anew miss nothing from now on.
void Driver::forget_missing(const wire::BoVaOpRequest& op) {
    missing_mappings_.erase(op.va);
    if (op.op != AMDGPU_VA_OP_CLEAR) return;
    const auto end = missing_mappings_.lower_bound(op.va + op.vm_map_size);
    missing_mappings_.erase(missing_mappings_.lower_bound(op.va), end);
}

/// Sees to it that what the driver mapped is mapped before work can use it. What failed is tried
/// again: since then the driver may have freed memory. -ENOMEM if something that the submission
/// needs is still missing; drivers do about that what they do about a full GPU.
int Driver::settle_mappings(const Channel& channel, const BufferList& buffers) {
    std::optional<uint32_t> newest;
    {
        const LockGuard lock(mutex_);
        newest = newest_mapping_;
        if (!newest && missing_mappings_.empty()) return 0;
    }
    if (newest) {
        if (const int error = stream().settle(channel, *newest); error < 0) return error;
        note_outcomes();
        const LockGuard lock(mutex_);
        if (newest_mapping_ == newest) newest_mapping_.reset();
    }
    const LockGuard one_at_a_time(mapping_again_);
    for (const MissingMapping& mapping : missing_for(buffers))
        if (const int error = map_again(channel, mapping); error < 0) return error;
    return 0;
}

/// The missing mappings that a submission with these buffers needs.
std::vector<MissingMapping> Driver::missing_for(const BufferList& buffers) {
    std::vector<MissingMapping> found;
    const LockGuard lock(mutex_);
    for (const auto& [va, mapping] : missing_mappings_) {
        const bool listed = std::find(buffers.handles.begin(), buffers.handles.end(),
                                      mapping.handle) != buffers.handles.end();
        if (listed || mapping.every_submission) found.push_back(mapping);
    }
    return found;
}

int Driver::map_again(const Channel& channel, MissingMapping mapping) {
    wire::BoVaOpRequest& request = mapping.request;
    wire::Response answer{};
    if (const int error = stream().call(channel, {as_bytes(request), as_bytes(answer)}); error < 0)
        return error;
    if (answer.ret == -ENOMEM) give_up_mapping(channel, request);
    if (answer.ret < 0) return -ENOMEM;
    const LockGuard lock(mutex_);
    missing_mappings_.erase(request.va);
    return 0;
}

/// Finds out what became of requests that nobody waited for. The owner of a submission's receipt is
/// its GPU context; that of a mapping's, which keeps the request, its buffer.
void Driver::note_outcomes() {
    // Held throughout: a thread that finds nothing new must find what another has just taken.
    const LockGuard lock(mutex_);
    for (const Outcome& outcome : stream().take_outcomes()) {
        if (outcome.receipt.request.empty())
            note_submission(outcome);
        else
            note_mapping(outcome);
    }
}

void Driver::note_mapping(const Outcome& outcome) {
    MissingMapping mapping;
    wire::BoVaOpRequest& request = mapping.request;
    std::memcpy(&request, outcome.receipt.request.data(), sizeof(request));
    forget_missing(request);
    if (outcome.error == 0 || !adds_mapping(request.op)) return;
    const bool sparse = request.res_id == 0;
    if (!sparse) mapping.handle = GemHandle(static_cast<uint32_t>(outcome.receipt.owner));
    const auto object = session_.gems.find_known(mapping.handle);
    // A buffer that has been closed misses nothing.
    if (!sparse && (!object || object->resource != ResourceId(request.res_id))) return;
    mapping.every_submission = sparse || object->always_valid;
    missing_mappings_[request.va] = mapping;
}

}  // namespace viaduct::guest::amdgpu
