#include "simgpu/intel/kernel/i915/execbuffer.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <map>

#include "simgpu/intel/kernel/i915/busy.h"
#include "simgpu/intel/kernel/i915/user_memory.h"
#include "simgpu/intel/kernel/ppgtt.h"

namespace simgpu::intel::i915 {

namespace {

constexpr uint64_t kIllegalFlags =
    kExecUnknownFlags | I915_EXEC_CONSTANTS_MASK | I915_EXEC_RESOURCE_STREAMER;
constexpr uint32_t kMostObjects = 1u << 20;  // bounded; the kernel's bound is its memory

}  // namespace

/// i915_gem_check_execbuffer()
int Execbuffer::check_arguments() const {
    if (args_.buffer_count < 1 || args_.buffer_count > INT_MAX) return -EINVAL;
    if (args_.flags & kIllegalFlags) return -EINVAL;
    const bool uses_cliprects = args_.flags & (I915_EXEC_FENCE_ARRAY | I915_EXEC_USE_EXTENSIONS);
    if (!uses_cliprects && (args_.num_cliprects != 0 || args_.cliprects_ptr != 0)) return -EINVAL;
    if (args_.DR1 != 0 || (args_.DR4 != 0 && args_.DR4 != UINT32_MAX)) return -EINVAL;
    constexpr uint32_t kQwordBits = 7;
    if ((args_.batch_start_offset | args_.batch_len) & kQwordBits) return -EINVAL;
    return args_.buffer_count > kMostObjects ? -ENOMEM : 0;
}

int Execbuffer::copy_objects() {
    objects_.resize(args_.buffer_count);
    moved_.resize(args_.buffer_count);
    return copy_from_user(objects_.data(), args_.buffers_ptr, objects_.size() * sizeof(Object));
}

int Execbuffer::select_context() {
    context_ = file_.contexts().find(static_cast<uint32_t>(args_.rsvd1));
    return context_ ? 0 : -ENOENT;
}

/// eb_select_legacy_ring(). Of two video engines the kernel chooses one for each file by lot, if
/// the submission leaves it the choice; here that is always the first.
std::optional<uint32_t> Execbuffer::legacy_index() const {
    const auto index = static_cast<uint32_t>(args_.flags & I915_EXEC_RING_MASK);
    const uint64_t choice = args_.flags & I915_EXEC_BSD_MASK;
    if (index > I915_EXEC_VEBOX || (index != I915_EXEC_BSD && choice)) return std::nullopt;
    if (index != I915_EXEC_BSD || !context_->slot(kSecondVideoSlot)) return index;
    switch (choice) {
        case I915_EXEC_BSD_DEFAULT:
        case I915_EXEC_BSD_RING1:
            return index;
        case I915_EXEC_BSD_RING2:
            return kSecondVideoSlot;
        default:
            return std::nullopt;
    }
}

int Execbuffer::select_engine() {
    const auto index = context_->has_user_engines()
                           ? std::optional(static_cast<uint32_t>(args_.flags & I915_EXEC_RING_MASK))
                           : legacy_index();
    const EngineSlot slot = index ? context_->slot(*index) : std::nullopt;
    if (!slot) return -EINVAL;
    slot_ = *index;
    ring_ = *slot;
    return 0;
}

/// eb_pin_engine(): a context's ring buffer has 16 KiB, and a request takes about 384 bytes of
/// them. With less than a page left, the caller waits until half of it is free (eb_throttle()).
int Execbuffer::pin_engine() {
    if (context_->banned(slot_)) return -EIO;
    sched::Entity& entity = context_->entity(slot_);
    const drm::FencePtr oldest = entity.previous();
    if (!oldest || oldest->is_signalled()) return 0;
    sched::JobFences half;
    entity.find(entity.last_sequence() - sched::kSchedJobs / 2, &half);
    if (half.finished) half.finished->wait_until(std::chrono::steady_clock::time_point::max());
    return 0;
}

std::vector<Reservation*> Execbuffer::reservations() const {
    std::vector<Reservation*> reservations;
    for (const PlaceRequest& request : requests_)
        reservations.push_back(&request.buffer->reservation());
    return reservations;
}

/// The job sees the buffers of its list and nothing else. Linux leaves others mapped as long
/// as it likes, and a scratch page where nothing is; a program that relies on either is wrong.
memory::PageTablePtr Execbuffer::page_table() const {
    std::map<const Buffer*, const PlaceRequest*> last;  // one that is listed twice is in one place
    for (const PlaceRequest& request : requests_) last[request.buffer.get()] = &request;
    std::map<uint64_t, memory::VaMapping> mappings;
    for (const auto& [buffer, request] : last)
        mappings[request->address] = {
            .start = request->address,
            .end = request->address + buffer->size(),
            .buffer = request->buffer,
            .offset = 0,
            .access = memory::kVaRead | memory::kVaWrite | memory::kVaExecute,
            .in_tables = true};
    return std::make_shared<const memory::PageTable>(mappings, kPpgttLayout);
}

/// eb_move_to_gpu(), await_fence_array() and what else the job waits for.
std::vector<drm::FencePtr> Execbuffer::dependencies() const {
    std::vector<drm::FencePtr> all;
    for (size_t i = 0; i < objects_.size(); ++i) {
        if (objects_[i].flags & EXEC_OBJECT_ASYNC) continue;
        Reservation& reservation = requests_[i].buffer->reservation();
        const auto before = objects_[i].flags & EXEC_OBJECT_WRITE ? reservation.pending()
                                                                  : reservation.pending_writes();
        all.insert(all.end(), before.begin(), before.end());
    }
    for (const SyncobjFence& fence : fences_)
        if (fence.fence) all.push_back(fence.fence);
    if (in_fence_) all.push_back(in_fence_);
    if (context_->last_fence) all.push_back(context_->last_fence);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

int Execbuffer::commit() {
    auto job = std::make_shared<sched::Job>();
    job->client = file_.client();
    job->context = context_;
    job->entity = &context_->entity(slot_);
    job->page_table = page_table();
    job->ibs = {{.va = requests_[batch_].address + args_.batch_start_offset,
                 .size_bytes = args_.batch_len,
                 .flags = 0}};
    job->vram_losses = file_.device().vram_loss_count();
    const drm::FencePtr finished = job->fences.finished;
    viaduct::UniqueFd out_fence;
    if (args_.flags & I915_EXEC_FENCE_OUT) {
        out_fence = finished->export_sync_file();
        if (!out_fence) return -EMFILE;
    }

    const std::lock_guard lock(context_->submission_mutex());
    job->dependencies = dependencies();
    job->sequence = job->entity->add(job->fences);
    if (context_->settings().single_timeline) context_->last_fence = finished;
    note_engine(finished, file_.chip().engines[ring_]);
    const uint64_t timeline = uint64_t{context_->id()} << 8 | slot_;
    for (size_t i = 0; i < objects_.size(); ++i) {
        const bool writes = objects_[i].flags & EXEC_OBJECT_WRITE;
        Buffer& buffer = *requests_[i].buffer;
        if (buffer.is_user_memory()) file_.note_user_memory();
        buffer.reservation().add(file_.client_id(), timeline << 1 | (writes ? 1 : 0), finished,
                                 writes ? drm::Access::kWrite : drm::Access::kRead);
    }
    signal(finished);
    file_.ring(ring_).submit(std::move(job));
    if (out_fence) {
        constexpr unsigned kOutShift = 32;
        args_.rsvd2 = (args_.rsvd2 & UINT32_MAX) |
                      uint64_t{static_cast<uint32_t>(out_fence.release())} << kOutShift;
    }
    return 0;
}

int Execbuffer::run() {
    if (const int error = check_arguments()) return error;
    if (const int error = copy_objects()) return error;
    needs_relocation_ = !(args_.flags & I915_EXEC_NO_RELOC);
    if (args_.flags & I915_EXEC_SECURE) return -ENODEV;  // since GEN11
    if (const int error = parse_extensions()) return error;
    if (const int error = parse_fence_array()) return error;
    if (const int error = parse_in_fence()) return error;
    if (const int error = select_context()) return error;
    if (const int error = select_engine()) return error;
    if (const int error = look_up()) return error;
    if (const int error = pin_engine()) return error;
    const ReservationLock lock(reservations());
    if (const int error = check_pages()) return error;
    if (const int error = place()) return error;
    if (needs_relocation_)
        if (const int error = relocate()) return error;
    // i915_reset_gen7_sol_offsets()
    const int error = args_.flags & I915_EXEC_GEN7_SOL_RESET ? -EINVAL : commit();
    if (needs_relocation_) write_offsets_back();
    return error;
}

int execbuffer2(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_i915_gem_execbuffer2*>(argument);
    return Execbuffer(file, args).run();
}

}  // namespace simgpu::intel::i915
