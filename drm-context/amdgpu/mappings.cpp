// BO_VA_OP: the GPU address space, and what its page tables cost.
//
// A buffer of 4 KiB can be mapped at a million addresses. Each 2 MiB that it touches costs a page
// table in VRAM, which the kernel does not charge, and kernel objects (amdgpu_vm_pt.c:
// amdgpu_vm_pt_create()).
#include <amdgpu_drm.h>

#include <algorithm>

#include "drm-context/amdgpu/amdgpu_context.h"

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

namespace {

constexpr uint64_t kGpuPage = 4096;    // bytes of the GPU's (amdgpu_gart.h: AMDGPU_GPU_PAGE_SIZE)
constexpr uint64_t kPageTable = 4096;  // bytes of one region's
// High addresses are sign-extended; both forms name the same page (amdgpu_gmc.h:
// AMDGPU_GMC_HOLE_MASK).
constexpr uint64_t kAddressMask = 0x0000'ffff'ffff'ffff;
// Refused mappings that are remembered; a guest that ignores more is lost at once.
constexpr size_t kMaxRefused = 1024;

bool adds_mapping(uint32_t op) {
    return op == AMDGPU_VA_OP_MAP || op == AMDGPU_VA_OP_REPLACE;
}

// The kernel takes an unaligned address for its page when it unmaps (amdgpu_vm.c:
// amdgpu_vm_bo_unmap()), and refuses it otherwise (amdgpu_vm_verify_parameters()).
VaRange range_of(const w::BoVaOpRequest& op) {
    const uint64_t start = op.va & kAddressMask;
    return {op.op == AMDGPU_VA_OP_UNMAP ? start & ~(kGpuPage - 1) : start, op.vm_map_size};
}

// The kernel refuses all others.
bool is_range(VaRange range) {
    return range.size != 0 && range.size <= kAddressMask && range.end() <= kAddressMask + 1;
}

MappedRanges::Kind kind_of(const w::BoVaOpRequest& op) {
    return op.flags2 & w::kVaFlags2Sparse ? MappedRanges::Kind::kSparse
                                          : MappedRanges::Kind::kBuffer;
}

}  // namespace

Status AmdgpuContext::bo_va_op(Request& request) {
    const auto op = request.as<w::BoVaOpRequest>();
    if (op.flags2 & ~w::kVaFlags2Sparse) return fail(EINVAL, "unknown flags2 {:#x}", op.flags2);
    if (op.flags > UINT32_MAX) return fail(EINVAL, "unknown page flags {:#x}", op.flags);
    const bool sparse = (op.flags2 & w::kVaFlags2Sparse) != 0;
    const bool clears = op.op == AMDGPU_VA_OP_CLEAR;
    // The kernel goes by the page flag and ignores the buffer then (amdgpu_gem.c:
    // amdgpu_gem_va_ioctl()): the range would stay when the buffer that it is booked to is closed.
    if (!clears && sparse != ((op.flags & AMDGPU_VM_PAGE_PRT) != 0))
        return fail(EINVAL, "page flags {:#x} and flags2 {:#x} must agree on sparse", op.flags,
                    op.flags2);
    // Sparse ranges name no buffer, nor does a clear of everything in a range.
    const bool without_buffer = sparse || (clears && op.res_id == 0);
    GemHandle handle;
    if (!without_buffer) {
        // The guest may have closed the buffer already: an error of this command only.
        const BufferObject* object = objects().find_resource(ResourceId(op.res_id));
        if (!object) return fail(EINVAL, "resource {} is not attached here", op.res_id);
        handle = object->handle.get();
    }
    Status status = change_mappings(op, handle);
    if (status) return status;
    // No memory: what GEM_NEW does. The guest's driver may read the answer and give the buffer up;
    // Mesa's own back end does not, and its next submission is refused (check_mappings).
    const bool may_recover = status.error().code == ENOMEM && adds_mapping(op.op);
    if (may_recover && refused_mappings_.size() < kMaxRefused)
        refused_mappings_.insert_or_assign(range_of(op).start, handle);
    else
        losses().count();
    return fail(status.error().code, "operation {} on {} bytes at {:#x} of resource {}: {}", op.op,
                op.vm_map_size, op.va, op.res_id, status.error().message);
}

Status AmdgpuContext::change_mappings(const w::BoVaOpRequest& op, GemHandle handle) {
    const MappedRanges::Growth growth = growth_by(op);
    if (auto status = charge_growth(growth); !status) return status;
    drm_amdgpu_gem_va args{};
    args.handle = handle.value();
    args.operation = op.op;
    args.flags = static_cast<uint32_t>(op.flags);
    args.va_address = op.va;
    args.offset_in_bo = op.offset;
    args.map_size = op.vm_map_size;
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_VA, &args); error < 0) {
        account().give_back_tables(growth.regions * kPageTable);
        if (error == -ENOENT && unmaps_refused(op, handle)) {
            refused_mappings_.erase(range_of(op).start);
            return {};
        }
        return fail(-error, "the kernel refused it (errno {})", -error);
    }
    note_mapping(op, handle, growth.regions);
    return {};
}

MappedRanges::Growth AmdgpuContext::growth_by(const w::BoVaOpRequest& op) const {
    const VaRange range = range_of(op);
    if (!is_range(range)) return {};
    if (op.op == AMDGPU_VA_OP_MAP) return mapped_.growth_by_map(range, kind_of(op));
    if (op.op == AMDGPU_VA_OP_CLEAR) return mapped_.growth_by_clear(range);
    if (op.op == AMDGPU_VA_OP_REPLACE) return mapped_.growth_by_replace(range, kind_of(op));
    return {};
}

/// Charges the page tables that an operation adds. ENOMEM beyond a limit.
Status AmdgpuContext::charge_growth(const MappedRanges::Growth& growth) {
    const auto fits = [](uint64_t more, uint64_t now, uint64_t limit) {
        return more == 0 || limit == 0 || (now <= limit && more <= limit - now);
    };
    const ContextLimits& limits = account().limits();
    if (!fits(growth.mappings, mapped_.mappings(), limits.mappings))
        return fail(ENOMEM, "{} more mappings exceed the limit: {} of {} exist", growth.mappings,
                    mapped_.mappings(), limits.mappings);
    if (!fits(growth.regions, mapped_.regions(), limits.regions))
        return fail(ENOMEM, "{} more regions of 2 MiB exceed the limit: {} of {} are mapped",
                    growth.regions, mapped_.regions(), limits.regions);
    return growth.regions == 0 ? Status() : account().charge_tables(growth.regions * kPageTable);
}

/// Follows an operation that the kernel has accepted, for whose tables `charged` regions are paid.
void AmdgpuContext::note_mapping(const w::BoVaOpRequest& op, GemHandle handle, uint64_t charged) {
    const VaRange range = range_of(op);
    forget_refused(op);
    if (!is_range(range) && op.op != AMDGPU_VA_OP_UNMAP) return;
    const uint64_t before = mapped_.regions();
    if (op.op == AMDGPU_VA_OP_UNMAP) mapped_.unmap(range.start);
    if (op.op == AMDGPU_VA_OP_CLEAR || op.op == AMDGPU_VA_OP_REPLACE) mapped_.clear(range);
    if (adds_mapping(op.op)) mapped_.map(range, kind_of(op), handle);
    settle_tables(before + charged);
}

/// `charged`: the regions that are paid for. Refunds those that are gone.
void AmdgpuContext::settle_tables(uint64_t charged) {
    const uint64_t now = mapped_.regions();
    if (charged > now) account().give_back_tables((charged - now) * kPageTable);
}

void AmdgpuContext::drop_mappings(GemHandle handle) {
    const uint64_t before = mapped_.regions();
    mapped_.forget_buffer(handle);
    settle_tables(before);
    std::erase_if(refused_mappings_,
                  [handle](const auto& refused) { return refused.second == handle; });
}

void AmdgpuContext::give_back_all_tables() {
    account().give_back_tables(mapped_.regions() * kPageTable);
}

/// True of an UNMAP of what was refused: the guest has read the answer and given the range up. A
/// sparse one has no buffer whose close would show that.
bool AmdgpuContext::unmaps_refused(const w::BoVaOpRequest& op, GemHandle handle) const {
    if (op.op != AMDGPU_VA_OP_UNMAP) return false;
    const auto refused = refused_mappings_.find(range_of(op).start);
    return refused != refused_mappings_.end() && refused->second == handle;
}

/// The kernel has accepted `op`: addresses that it has unmapped, mapped or cleared miss nothing.
void AmdgpuContext::forget_refused(const w::BoVaOpRequest& op) {
    const VaRange range = range_of(op);
    refused_mappings_.erase(range.start);
    if (op.op == AMDGPU_VA_OP_CLEAR && is_range(range))
        refused_mappings_.erase(refused_mappings_.lower_bound(range.start),
                                refused_mappings_.lower_bound(range.end()));
}

/// A guest that did not hear of a refused mapping would let the GPU run into addresses that are
/// not there. ENOMEM: one was refused, and neither unmapped or cleared nor its buffer closed since.
Status AmdgpuContext::check_mappings() const {
    if (refused_mappings_.empty()) return {};
    return fail(ENOMEM,
                "the mapping at {:#x} failed for lack of memory, and the guest still uses it",
                refused_mappings_.begin()->first);
}

}  // namespace viaduct::amdgpu
