// VM_CREATE, VM_DESTROY, VM_BIND.
#include <algorithm>

#include "drm-context/device/syncobj.h"
#include "drm-context/xe/xe_context.h"

namespace viaduct::xe {

namespace w = wire::xe;
using namespace uapi::xe;

namespace {

constexpr size_t kMostVms = 64;  // drivers have one per device; each takes host page tables
// Guests cannot send more than 409 in their buffer of 16 KiB; a longer one may come embedded.
constexpr uint32_t kMostBinds = 1024;
constexpr uint64_t kTableBytes = 4096;

constexpr uint32_t kFlags = kBindReadOnly | kBindImmediate | kBindNull | kBindDumpable;
// Guest memory has no business in the host's devcoredump.
constexpr uint32_t kPassedFlags = kFlags & ~kBindDumpable;

}  // namespace

Status XeContext::vm_create(Request& request) {
    const auto wanted = request.as<w::VmCreateRequest>();
    // Long-running VMs have no fences, faulting ones show the host's process to the GPU.
    if (wanted.flags & ~kVmScratchPage)
        return fail(EINVAL, "VM flags {:#x}: guests may only ask for the scratch page",
                    wanted.flags);
    if (vms_.size() >= kMostVms)
        return fail(ENOMEM, "the context already has {} VMs, the maximum", kMostVms);
    auto vm = std::make_shared<Vm>();
    if (spare_syncobjs_.empty()) {
        const auto syncobj = create_syncobj(device());
        if (!syncobj) return tl::unexpected(syncobj.error());
        spare_syncobjs_.push_back(*syncobj);
    }
    VmCreate args{};
    args.flags = wanted.flags;
    if (const int error = device().ioctl(kVmCreate, &args); error < 0)
        return fail(-error, "the kernel refused a VM (errno {})", -error);
    vm->bound = spare_syncobjs_.back();
    spare_syncobjs_.pop_back();
    vms_.insert_or_assign(args.vm_id, std::move(vm));
    w::Response response{};
    response.value = args.vm_id;
    request.respond(response);
    return {};
}

Status XeContext::vm_destroy(Request& request) {
    const auto wanted = request.as<w::VmDestroyRequest>();
    const auto vm = vms_.extract(wanted.vm_id);
    if (!vm) return fail(ENOENT, "VM {} does not exist", wanted.vm_id);
    account().give_back_tables(kTableBytes * vm.mapped()->bindings.tables());
    vm.mapped()->bindings = Bindings();
    // Queues that have it still can execute nothing any more, so that nothing waits for its binds.
    vm.mapped()->has_binds = false;
    spare_syncobjs_.push_back(vm.mapped()->bound);
    VmDestroy args{};
    args.vm_id = wanted.vm_id;
    if (const int error = device().ioctl(kVmDestroy, &args); error < 0)
        return fail(-error, "the kernel refused to destroy VM {} (errno {})", wanted.vm_id, -error);
    return {};
}

// After the response submissions must see the mappings. The ioctl only guarantees that they will be
// made: so each submission of the VM waits for the fence of its newest bind. Binds of the VM's own
// queue are made in order (xe_vm.c), hence the newest stands for all.
Status XeContext::vm_bind(Request& request) {
    const auto wanted = request.as<w::VmBindRequest>();
    std::span<const std::byte> payload;
    const uint64_t bytes = uint64_t{wanted.num_binds} * sizeof(w::BindOp);
    if (request.size() != sizeof(wanted) + bytes ||
        !request.payload(sizeof(wanted), bytes, &payload))
        return fail(EINVAL, "{} binds do not match a request of {} bytes", wanted.num_binds,
                    request.size());
    if (wanted.num_binds > kMostBinds)
        return fail(EINVAL, "{} binds exceed the maximum of {}", wanted.num_binds, kMostBinds);
    const auto vm = vms_.find(wanted.vm_id);
    if (vm == vms_.end()) return fail(EINVAL, "VM {} does not exist", wanted.vm_id);
    if (wanted.num_binds == 0) return {};  // "is all bound?" It is, for submissions.
    BindList list;
    for (uint32_t i = 0; i < wanted.num_binds; ++i) {
        auto operation = translate(element<w::BindOp>(payload, i), list);
        if (!operation) return tl::unexpected(operation.error());
        list.operations.push_back(*operation);
    }
    return run_binds(wanted.vm_id, *vm->second, list);
}

Result<BindOp> XeContext::translate(const w::BindOp& wanted, BindList& list) {
    // The pointer would be one of the host's process. Drivers take this for "out of memory".
    if (wanted.op == kBindMapUserptr) return fail(ENOMEM, "guest memory cannot be mapped");
    if (wanted.op != kBindMap && wanted.op != kBindUnmap && wanted.op != kBindUnmapAll)
        return fail(EINVAL, "bind operation {} is not supported for guests", wanted.op);
    if (wanted.flags & ~kFlags) return fail(EINVAL, "unknown bind flags {:#x}", wanted.flags);
    const bool null = wanted.flags & kBindNull;
    if (null && (wanted.op != kBindMap || wanted.res_id != 0 || wanted.obj_offset != 0))
        return fail(EINVAL, "a null binding cannot have resource {} or an offset", wanted.res_id);
    if (wanted.op == kBindUnmapAll && (wanted.addr != 0 || wanted.range != 0))
        return fail(EINVAL, "an unmap of a whole resource cannot have a range");
    BindOp op{};
    op.op = wanted.op;
    op.flags = wanted.flags & kPassedFlags;
    op.pat_index = wanted.pat_index;
    op.range = wanted.range;
    op.addr = wanted.addr;
    BufferMemoryPtr memory;
    if (wanted.op != kBindUnmap && !null) {
        const auto handle = find_buffer(wanted, memory);
        if (!handle) return tl::unexpected(handle.error());
        op.obj = handle->value();
    }
    if (wanted.op == kBindMap) op.obj_offset = wanted.obj_offset;
    list.changes.push_back({wanted.op, {wanted.addr, wanted.range}, std::move(memory)});
    return op;
}

Result<GemHandle> XeContext::find_buffer(const w::BindOp& wanted, BufferMemoryPtr& memory) {
    const BufferObject* object = objects().find_resource(ResourceId(wanted.res_id));
    if (object) {
        // Before its page tables are charged.
        if (wanted.range > object->size || wanted.obj_offset > object->size - wanted.range)
            return fail(EINVAL, "the range exceeds resource {}", wanted.res_id);
        memory = memory_of(object->handle.get());
        // The kernel never waits for others' work on a buffer (xe_exec.c: BOOKKEEP fences alone).
        if (object->readers != Readers::kNone) memory->shown = object->handle.get();
        return object->handle.get();
    }
    // Drivers survive "no memory", and take other errors for a lost device.
    if (failed_buffers_ != 0) {
        --failed_buffers_;
        return fail(ENOMEM, "resource {} could not be created", wanted.res_id);
    }
    return fail(ENOENT, "resource {} is not attached here", wanted.res_id);
}

uint64_t XeContext::mappings() const {
    uint64_t all = 0;
    for (const auto& [id, vm] : vms_) all += vm->bindings.mappings();
    return all;
}

Status XeContext::run_binds(uint32_t vm_id, Vm& vm, BindList& list) {
    // Each operation adds a mapping, or cuts one in two, or both.
    constexpr uint64_t kMostNew = 2;
    // A guest that is at its limit must be able to unmap.
    const bool maps =
        std::ranges::find(list.changes, kBindMap, &BindList::Change::op) != list.changes.end();
    uint64_t growing = 0, most_tables = 0;
    for (const BindList::Change& change : list.changes) {
        if (change.op == kBindUnmapAll || (!maps && !vm.bindings.cuts(change.range))) continue;
        ++growing;
        most_tables += Bindings::most_tables(change.range, change.memory != nullptr);
    }
    const uint64_t limit = account().limits().mappings;
    if (limit != 0 && growing != 0 && mappings() + kMostNew * growing > limit)
        return fail(ENOMEM, "the context may have {} mappings at most (budget)", limit);
    if (most_tables != 0)
        if (auto status = account().charge_tables(kTableBytes * most_tables); !status)
            return status;

    Sync out{};
    out.type = kSyncSyncobj;
    out.flags = kSyncSignal;
    out.handle_or_addr = vm.bound;
    VmBind args{};
    args.vm_id = vm_id;
    args.num_binds = static_cast<uint32_t>(list.operations.size());
    if (args.num_binds == 1)
        args.bind = list.operations.front();
    else
        args.vector_of_binds = reinterpret_cast<uint64_t>(list.operations.data());
    args.num_syncs = 1;
    args.syncs = reinterpret_cast<uint64_t>(&out);
    const int error = device().ioctl(kVmBind, &args);
    const uint64_t before = vm.bindings.tables();
    if (error >= 0) {
        vm.has_binds = true;
        note_binds(vm, list);
    }
    account().give_back_tables(kTableBytes * (before + most_tables - vm.bindings.tables()));
    if (error < 0)
        return fail(-error, "the kernel refused {} binds in VM {} (errno {})", args.num_binds,
                    vm_id, -error);
    return {};
}

void XeContext::note_binds(Vm& vm, const BindList& list) {
    for (const BindList::Change& change : list.changes) {
        if (change.op == kBindMap)
            vm.bindings.map(change.range, change.memory);
        else if (change.op == kBindUnmap)
            vm.bindings.unmap(change.range);
        else
            vm.bindings.unmap_all(change.memory);
    }
}

}  // namespace viaduct::xe
