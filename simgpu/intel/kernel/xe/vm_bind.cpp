// VM_BIND (Linux: xe_vm.c, xe_vm_bind_ioctl()).
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include "simgpu/intel/kernel/xe/drm_file.h"
#include "simgpu/intel/kernel/xe/kernel.h"
#include "simgpu/intel/kernel/xe/pat.h"
#include "simgpu/intel/kernel/xe/syncs.h"

namespace simgpu::intel::xe::vm {

using namespace uapi::xe;

namespace {

constexpr uint32_t kMaxBinds = 1u << 20;   // bounded allocation; the kernel's is kvmalloc's
constexpr size_t kMaxMappings = 1u << 20;  // of a VM; the kernel's bound is a memory cgroup's
constexpr uint32_t kMaxSyncs = 1024;       // DRM_XE_MAX_SYNCS, Linux 7.0
constexpr uint32_t kFlags = kBindReadOnly | kBindImmediate | kBindNull | kBindDumpable |
                            kBindCheckPxp | kBindCpuMirror | kBindMadviseAutoreset;

/// The rules that do not depend on the VM's state, for each operation.
int check_operation(const ChipInfo& chip, const BindOp& op) {
    if (op.extensions || op.pad || op.pad2) return -EINVAL;
    if (op.reserved[0] || op.reserved[1] || op.reserved[2]) return -EINVAL;
    if (op.flags & kBindCpuMirror) return -EINVAL;  // for VMs in fault mode
    const Coherence coherence = coherence_of(chip, op.pat_index);
    if (coherence == Coherence::kReserved) return -EINVAL;
    if (op.op > kBindPrefetch || op.flags & ~kFlags) return -EINVAL;
    const bool null = op.flags & kBindNull;
    struct Rule {
        bool applies;
        bool broken;
    };
    const std::array rules = {
        Rule{null, op.obj != 0 || op.obj_offset != 0 || op.op != kBindMap},
        Rule{op.op == kBindMap, op.obj == 0 && !null},
        Rule{op.op == kBindUnmapAll, op.obj == 0 || op.addr != 0 || op.range != 0},
        Rule{op.op == kBindMapUserptr, op.obj != 0 || coherence != Coherence::kOneWay},
        Rule{op.op == kBindPrefetch, op.obj != 0},
        Rule{op.op == kBindUnmap, op.obj != 0},
        Rule{op.prefetch_region != 0 && op.op != kBindPrefetch, true},
        Rule{op.prefetch_region > kVramRegion ||
                 !(region_bit(op.prefetch_region) & region_mask(chip)),
             true},
        Rule{(op.flags & kBindMadviseAutoreset) != 0, true},
    };
    if (std::ranges::any_of(rules, [](const Rule& rule) { return rule.applies && rule.broken; }))
        return -EINVAL;
    if (op.obj_offset % kPage || op.addr % kPage || op.range % kPage) return -EINVAL;
    return op.range == 0 && op.op != kBindUnmapAll ? -EINVAL : 0;
}

int check_buffer(const ChipInfo& chip, const Vm& vm, const BindOp& op, const Buffer& buffer) {
    if (op.range > buffer.size() || op.obj_offset > buffer.size() - op.range) return -EINVAL;
    const BoRecord record = record_of(buffer);
    // Of another device, it may be cached.
    if (coherence_of(chip, op.pat_index) != Coherence::kOneWay &&
        record.cpu_caching != kCachingWriteCombined)
        return -EINVAL;
    // xe_drm.h: such a buffer "must only ever be bound to that VM". The kernel relies on it.
    return record.vm_serial != 0 && record.vm_serial != vm.serial() ? -EINVAL : 0;
}

PageTableUpdate unmapping(const VaRange& range) {
    return {{range.start, range.end, nullptr, 0, 0}};
}

/// Takes one VM_BIND ioctl apart. Nothing has changed until commit(), which is to be called with
/// the VM's lock held, as everything from resolve() on.
class BindRequest {
  public:
    BindRequest(DrmFile& file, const VmBind& args) : file_(file), args_(args), syncs_(file) {}

    int parse();
    int find_queue(const VmPtr& vm);
    int resolve(const VmPtr& vm);
    int commit();

  private:
    int read_operations();
    bool maps() const;
    int resolve(const BindOp& op, BufferPtr* buffer);
    void apply(const BindOp& op, const BufferPtr& buffer, Bind& bind, std::vector<VaRange>& ranges);
    std::function<void(int)> user_fence_writer() const;
    int signal_only();

    DrmFile& file_;
    const VmBind& args_;
    std::vector<BindOp> operations_;
    std::vector<BufferPtr> buffers_;  // by operation; null where it has none
    VmPtr vm_;
    ExecQueuePtr queue_holder_;
    BindQueue* queue_ = nullptr;
    Syncs syncs_;
};

int BindRequest::parse() {
    if (args_.extensions || args_.pad || args_.pad2) return -EINVAL;
    if (args_.reserved[0] || args_.reserved[1]) return -EINVAL;
    if (kernel() >= Kernel::kLinux70 && args_.num_syncs > kMaxSyncs) return -EINVAL;
    if (const int error = read_operations()) return error;
    for (const BindOp& op : operations_)
        if (const int error = check_operation(file_.chip(), op)) return error;
    return 0;
}

int BindRequest::read_operations() {
    if (args_.num_binds > kMaxBinds) return -ENOBUFS;
    operations_.resize(args_.num_binds);
    if (args_.num_binds == 1) operations_[0] = args_.bind;
    if (args_.num_binds <= 1) return 0;
    if (args_.vector_of_binds == 0) return -EFAULT;
    std::memcpy(operations_.data(), reinterpret_cast<const void*>(args_.vector_of_binds),
                operations_.size() * sizeof(BindOp));
    return 0;
}

bool BindRequest::maps() const {
    return std::ranges::any_of(operations_, [](const BindOp& op) {
        return op.op == kBindMap || op.op == kBindMapUserptr;
    });
}

int BindRequest::find_queue(const VmPtr& vm) {
    vm_ = vm;
    queue_ = &vm->own_queue();
    if (args_.exec_queue_id == 0) return 0;
    queue_holder_ = file_.queues().find(args_.exec_queue_id);
    if (!queue_holder_) return -ENOENT;
    if (!queue_holder_->binds() || queue_holder_->shared_vm() != vm) return -EINVAL;
    queue_ = &queue_holder_->bind_queue();
    return 0;
}

int BindRequest::resolve(const VmPtr& vm) {
    if (vm->closed()) return -ENOENT;
    if (vm->vmas().size() + operations_.size() > kMaxMappings && maps()) return -ENOMEM;
    for (const BindOp& op : operations_)
        if (op.range > kPpgttSize || op.addr > kPpgttSize - op.range) return -EINVAL;
    for (const BindOp& op : operations_) {
        BufferPtr buffer;
        if (const int error = resolve(op, &buffer)) return error;
        buffers_.push_back(std::move(buffer));
    }
    return syncs_.parse(args_.syncs, args_.num_syncs,
                        operations_.empty() ? UserFences::kNone : UserFences::kCpu);
}

int BindRequest::resolve(const BindOp& op, BufferPtr* buffer) {
    if (op.op == kBindMapUserptr) {
        auto* address = reinterpret_cast<void*>(op.obj_offset);
        // The kernel finds out when it pins the pages.
        if (::msync(address, op.range, MS_ASYNC) != 0) return -EFAULT;
        *buffer = Buffer::wrap_user_memory(address, op.range, file_.foreign_record());
        return 0;
    }
    if (op.obj == 0) return 0;
    *buffer = file_.buffers().find(op.obj);
    return *buffer ? check_buffer(file_.chip(), *vm_, op, **buffer) : -ENOENT;
}

/// Changes the VM's mappings by one operation, and adds what the page tables have to change.
void BindRequest::apply(const BindOp& op, const BufferPtr& buffer, Bind& bind,
                        std::vector<VaRange>& ranges) {
    const VaRange range{op.addr, op.addr + op.range};
    switch (op.op) {
        case kBindMap:
        case kBindMapUserptr: {
            uint32_t access = memory::kVaRead | memory::kVaExecute;
            if (!(op.flags & kBindReadOnly)) access |= memory::kVaWrite;
            if (op.flags & kBindNull) access = memory::kVaSparse;
            if (op.op == kBindMapUserptr) file_.note_user_memory();
            vm_->vmas().map(range, buffer.get());
            const uint64_t offset = op.op == kBindMap ? op.obj_offset : 0;
            bind.updates.push_back({{range.start, range.end, buffer, offset, access}});
            ranges.push_back(range);
            return;
        }
        case kBindUnmap:
            if (!vm_->vmas().unmap(range)) return;
            bind.updates.push_back(unmapping(range));
            ranges.push_back(range);
            return;
        case kBindUnmapAll:
            for (const VaRange& mapped : vm_->vmas().ranges_of(buffer.get())) {
                vm_->vmas().unmap(mapped);
                bind.updates.push_back(unmapping(mapped));
                ranges.push_back(mapped);
            }
            return;
        default:
            return;  // PREFETCH: memory is where it is
    }
}

/// Not when the file is closed: the process's memory may have gone before.
std::function<void(int)> BindRequest::user_fence_writer() const {
    return [user = *syncs_.user_fence()](int status) {
        if (status != -ESRCH) write_user_fence(user);
    };
}

/// Linux: vm_bind_ioctl_signal_fences(), xe_sync_in_fence_get().
int BindRequest::signal_only() {
    std::vector<drm::FencePtr> fences = syncs_.waits();
    if (kernel() >= Kernel::kLinux70 && !fences.empty()) return -EOPNOTSUPP;
    if (queue_->last) fences.push_back(queue_->last);
    const drm::FencePtr fence = all_of(fences);
    syncs_.signal(fence);
    if (syncs_.user_fence())
        fence->on_signal(user_fence_writer());
    return 0;
}

int BindRequest::commit() {
    auto bind = std::make_shared<Bind>();
    bind->space = vm_->space();
    std::vector<VaRange> ranges;
    for (size_t i = 0; i < operations_.size(); ++i)
        apply(operations_[i], buffers_[i], *bind, ranges);
    if (bind->updates.empty()) return signal_only();
    std::vector<drm::FencePtr> dependencies = vm_->order(ranges, bind->done);
    if (queue_->last) dependencies.push_back(queue_->last);
    for (const drm::FencePtr& fence : syncs_.waits()) dependencies.push_back(fence);
    queue_->last = bind->done;
    syncs_.signal(bind->done);
    if (syncs_.user_fence())
        bind->done->on_signal(user_fence_writer());
    file_.binder().submit(std::move(bind), dependencies);
    return 0;
}

}  // namespace

int bind(DrmFile& file, void* argument) {
    const auto& args = *static_cast<const VmBind*>(argument);
    const VmPtr vm = file.vms().find(args.vm_id);
    if (!vm) return -EINVAL;
    BindRequest request(file, args);
    if (const int error = request.parse()) return error;
    if (const int error = request.find_queue(vm)) return error;
    const std::lock_guard lock(vm->lock());
    if (const int error = request.resolve(vm)) return error;
    return request.commit();
}

}  // namespace simgpu::intel::xe::vm
