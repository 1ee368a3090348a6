// Command submission (Linux: amdgpu_cs.c).
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "simgpu/amd/kernel/drm_file.h"
#include "simgpu/amd/kernel/validation.h"

namespace simgpu::amdgpu::cs {

namespace {

constexpr uint32_t kMaxChunks = 1024;  // the kernel's bound is what kvmalloc gives
constexpr uint32_t kMaxChunkDwords = 1u << 20;

struct SyncobjPoint {
    uint32_t handle = 0;
    uint64_t point = 0;
};

/// The IBs of a submission that go to one queue of its context.
struct QueuePart {
    Entity* entity = nullptr;
    const IpBlock* ip = nullptr;
    std::vector<IndirectBuffer> ibs;
};

struct Chunk {
    uint32_t id = 0;
    uint32_t bytes = 0;
    const std::byte* data = nullptr;

    /// Element `index` of an array chunk; copied, for it need not be aligned.
    template <typename T>
    T element(size_t index) const {
        T value{};
        std::memcpy(&value, data + index * sizeof(T), sizeof(T));
        return value;
    }
};

/// Takes one CS ioctl apart. Nothing has changed until commit(), which is to be called with all of
/// reservations() held.
class Submission {
  public:
    Submission(DrmFile& file, ContextPtr context) : file_(file), context_(std::move(context)) {}

    int use_list(uint32_t handle);
    int parse(const Chunk& chunk);
    int finish_parsing();
    /// All that the kernel locks: page directory and buffers (amdgpu_cs_parser_bos()).
    std::vector<Reservation*> reservations() const;
    int validate();
    void wait_for_room();
    uint64_t commit();

  private:
    struct ChunkKind {
        uint32_t id;
        size_t element_size;
        int (Submission::*parse)(const Chunk&);
    };
    static const std::array<ChunkKind, 10> kKinds;

    int parse_ib(const Chunk& chunk);
    int parse_fence(const Chunk& chunk);
    int parse_dependencies(const Chunk& chunk);
    int parse_syncobj_in(const Chunk& chunk);
    int parse_syncobj_out(const Chunk& chunk);
    int parse_buffers(const Chunk& chunk);
    int parse_timeline_wait(const Chunk& chunk);
    int parse_timeline_signal(const Chunk& chunk);
    int ignore(const Chunk&) { return 0; }

    int wait_for(drm::FencePtr fence, int error);
    void add_implicit_dependencies();
    std::shared_ptr<sched::Job> make_job(const QueuePart& part) const;
    void reserve(const std::vector<std::shared_ptr<sched::Job>>& jobs);
    void reserve(Reservation& reservation,
                 const std::vector<std::shared_ptr<sched::Job>>& jobs) const;

    DrmFile& file_;
    const ContextPtr context_;
    std::vector<QueuePart> parts_;
    std::vector<drm::FencePtr> dependencies_;
    std::vector<SyncobjPoint> signals_;
    std::optional<sched::UserFence> user_fence_;
    std::shared_ptr<const BufferList> list_;
    bool has_list_ = false;
    JobResidencyPtr residency_;
};

constexpr std::array<Submission::ChunkKind, 10> Submission::kKinds = {{
    {AMDGPU_CHUNK_ID_IB, sizeof(drm_amdgpu_cs_chunk_ib), &Submission::parse_ib},
    {AMDGPU_CHUNK_ID_FENCE, sizeof(drm_amdgpu_cs_chunk_fence), &Submission::parse_fence},
    {AMDGPU_CHUNK_ID_DEPENDENCIES, sizeof(drm_amdgpu_cs_chunk_dep),
     &Submission::parse_dependencies},
    {AMDGPU_CHUNK_ID_SYNCOBJ_IN, sizeof(drm_amdgpu_cs_chunk_sem), &Submission::parse_syncobj_in},
    {AMDGPU_CHUNK_ID_SYNCOBJ_OUT, sizeof(drm_amdgpu_cs_chunk_sem), &Submission::parse_syncobj_out},
    {AMDGPU_CHUNK_ID_BO_HANDLES, sizeof(drm_amdgpu_bo_list_in), &Submission::parse_buffers},
    {AMDGPU_CHUNK_ID_SCHEDULED_DEPENDENCIES, sizeof(drm_amdgpu_cs_chunk_dep),
     &Submission::parse_dependencies},
    {AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_WAIT, sizeof(drm_amdgpu_cs_chunk_syncobj),
     &Submission::parse_timeline_wait},
    {AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_SIGNAL, sizeof(drm_amdgpu_cs_chunk_syncobj),
     &Submission::parse_timeline_signal},
    // Register shadowing exists from GFX11 on; its buffer is nothing to us.
    {kChunkCpGfxShadow, 1, &Submission::ignore},
}};

int Submission::use_list(uint32_t handle) {
    if (handle == 0) return 0;
    list_ = file_.buffer_lists().find(handle);
    has_list_ = true;
    return list_ ? 0 : -ENOENT;
}

int Submission::parse(const Chunk& chunk) {
    const auto kind = std::ranges::find(kKinds, chunk.id, &ChunkKind::id);
    if (kind == kKinds.end() || chunk.bytes < kind->element_size) return -EINVAL;
    return (this->*kind->parse)(chunk);
}

int Submission::parse_ib(const Chunk& chunk) {
    const auto in = chunk.element<drm_amdgpu_cs_chunk_ib>(0);
    const size_t most = max_ibs(in.ip_type);
    Entity* entity = nullptr;
    if (const int error =
            file_.find_entity(*context_, {in.ip_type, in.ip_instance, in.ring}, &entity))
        return error;
    auto part = std::ranges::find(parts_, entity, &QueuePart::entity);
    if (part == parts_.end())
        part = parts_.insert(parts_.end(), {entity, file_.model().find_ip(in.ip_type), {}});
    if (part->ibs.size() == most) return -EINVAL;
    part->ibs.push_back({in.va_start, in.ib_bytes, in.flags});
    // The queue of the last IB leads the gang: its number and its fence are the submission's.
    std::rotate(part, part + 1, parts_.end());
    return 0;
}

int Submission::parse_fence(const Chunk& chunk) {
    const auto in = chunk.element<drm_amdgpu_cs_chunk_fence>(0);
    BufferPtr buffer = file_.buffers().find(in.handle);
    if (!buffer) return -EINVAL;
    // amdgpu_cs_p1_user_fence(): one page, and the value within it.
    if (buffer->size() != kGpuPage || buffer->is_user_memory()) return -EINVAL;
    if (in.offset % sizeof(uint64_t) || in.offset > kGpuPage - sizeof(uint64_t)) return -EINVAL;
    user_fence_ = sched::UserFence{std::move(buffer), in.offset};
    return 0;
}

int Submission::parse_dependencies(const Chunk& chunk) {
    const size_t count = chunk.bytes / sizeof(drm_amdgpu_cs_chunk_dep);
    for (size_t i = 0; i < count; ++i) {
        const auto in = chunk.element<drm_amdgpu_cs_chunk_dep>(i);
        const ContextPtr context = file_.find_context(in.ctx_id);
        if (!context) return -EINVAL;
        Entity* entity = nullptr;
        if (const int error =
                file_.find_entity(*context, {in.ip_type, in.ip_instance, in.ring}, &entity))
            return error;
        JobFences fences;
        if (!entity->find(in.handle, &fences)) return -EINVAL;
        const bool scheduled = chunk.id == AMDGPU_CHUNK_ID_SCHEDULED_DEPENDENCIES;
        const drm::FencePtr& fence = scheduled ? fences.started : fences.finished;
        if (fence) dependencies_.push_back(fence);  // else done long ago
    }
    return 0;
}

int Submission::wait_for(drm::FencePtr fence, int error) {
    if (!fence) return error;
    if (!fence->is_signalled()) dependencies_.push_back(std::move(fence));
    return 0;
}

int Submission::parse_syncobj_in(const Chunk& chunk) {
    const size_t count = chunk.bytes / sizeof(drm_amdgpu_cs_chunk_sem);
    for (size_t i = 0; i < count; ++i) {
        const auto in = chunk.element<drm_amdgpu_cs_chunk_sem>(i);
        int error = 0;
        auto fence = file_.syncobjs().find_fence(in.handle, 0, &error);
        if (const int result = wait_for(std::move(fence), error)) return result;
    }
    return 0;
}

int Submission::parse_timeline_wait(const Chunk& chunk) {
    const size_t count = chunk.bytes / sizeof(drm_amdgpu_cs_chunk_syncobj);
    for (size_t i = 0; i < count; ++i) {
        const auto in = chunk.element<drm_amdgpu_cs_chunk_syncobj>(i);
        int error = 0;
        auto fence = in.flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT
                         ? file_.syncobjs().wait_for_fence(in.handle, in.point, &error)
                         : file_.syncobjs().find_fence(in.handle, in.point, &error);
        if (const int result = wait_for(std::move(fence), error)) return result;
    }
    return 0;
}

int Submission::parse_syncobj_out(const Chunk& chunk) {
    const size_t count = chunk.bytes / sizeof(drm_amdgpu_cs_chunk_sem);
    for (size_t i = 0; i < count; ++i) {
        const uint32_t handle = chunk.element<drm_amdgpu_cs_chunk_sem>(i).handle;
        if (!file_.syncobjs().contains(handle)) return -EINVAL;
        signals_.push_back({handle, 0});
    }
    return 0;
}

int Submission::parse_timeline_signal(const Chunk& chunk) {
    const size_t count = chunk.bytes / sizeof(drm_amdgpu_cs_chunk_syncobj);
    for (size_t i = 0; i < count; ++i) {
        const auto in = chunk.element<drm_amdgpu_cs_chunk_syncobj>(i);
        if (!file_.syncobjs().contains(in.handle)) return -EINVAL;
        signals_.push_back({in.handle, in.point});
    }
    return 0;
}

int Submission::parse_buffers(const Chunk& chunk) {
    if (has_list_) return -EINVAL;
    has_list_ = true;
    auto list = std::make_shared<BufferList>();
    const auto in = chunk.element<drm_amdgpu_bo_list_in>(0);
    if (const int error = gem::collect_buffers(file_, in, list.get()))
        return error == -ENOENT ? -EINVAL : error;
    list_ = std::move(list);
    return 0;
}

int Submission::finish_parsing() {
    if (parts_.empty()) return -EINVAL;
    // Rings of the video engines cannot write one (amdgpu_ring_funcs::no_user_fence).
    const auto is_video = [](const QueuePart& part) { return part.ip->type > AMDGPU_HW_IP_DMA; };
    if (user_fence_ && std::ranges::any_of(parts_, is_video)) return -EINVAL;
    // "generation" of amdgpu_cs_pass1(): VRAM was lost after the context was made.
    if (context_->created_at().vram_losses != file_.device().vram_loss_count()) return -ECANCELED;
    return 0;
}

std::vector<Reservation*> Submission::reservations() const {
    std::vector<Reservation*> reservations{file_.own_reservation().get()};
    if (list_)
        for (const BufferPtr& buffer : *list_) reservations.push_back(&buffer->reservation());
    return reservations;
}

/// amdgpu_cs_parser_bos(): the memory of the job.
int Submission::validate() {
    auto residency = validate_job(file_, list_.get());
    if (!residency) return residency.error();
    residency_ = std::move(*residency);
    return 0;
}

/// amdgpu_ctx_wait_prev_fence(): at most kSchedJobs jobs of a queue are pending.
void Submission::wait_for_room() {
    if (const drm::FencePtr fence = parts_.back().entity->previous())
        fence->wait_until(std::chrono::steady_clock::time_point::max());
}

void Submission::add_implicit_dependencies() {
    if (!list_) return;
    for (const BufferPtr& buffer : *list_) {
        if (record_of(*buffer).create_flags & AMDGPU_GEM_CREATE_EXPLICIT_SYNC) continue;
        for (auto& fence : buffer->reservation().pending_of_others(file_.sync_owner()))
            dependencies_.push_back(std::move(fence));
    }
}

std::shared_ptr<sched::Job> Submission::make_job(const QueuePart& part) const {
    auto job = std::make_shared<sched::Job>();
    job->client = file_.client();
    job->context = context_;
    job->entity = part.entity;
    job->ibs = part.ibs;
    job->dependencies = dependencies_;
    job->vram_losses = context_->created_at().vram_losses;
    return job;
}

uint64_t Submission::commit() {
    add_implicit_dependencies();
    const memory::PageTablePtr page_table = file_.address_space().snapshot();
    std::vector<std::shared_ptr<sched::Job>> jobs;
    for (const QueuePart& part : parts_) {
        jobs.push_back(make_job(part));
        jobs.back()->page_table = page_table;
    }
    sched::Job& leader = *jobs.back();
    leader.user_fence = std::move(user_fence_);
    // The members of a gang are handed over before its leader, and run beside it.
    for (size_t i = 0; i + 1 < jobs.size(); ++i)
        leader.dependencies.push_back(jobs[i]->fences.started);

    leader.fences.finished->on_signal([residency = std::move(residency_)](int) {});
    const std::lock_guard lock(context_->submission_mutex());
    // Only the leader is numbered: amdgpu_cs_submit().
    const uint64_t sequence = leader.entity->add(leader.fences);
    leader.sequence = sequence;
    reserve(jobs);
    for (const SyncobjPoint& signal : signals_)
        file_.syncobjs().attach_fence(signal.handle, signal.point, leader.fences.finished);
    for (size_t i = 0; i < jobs.size(); ++i)
        file_.choose_ring(*parts_[i].entity, *parts_[i].ip).submit(std::move(jobs[i]));
    return sequence;
}

void Submission::reserve(Reservation& reservation,
                         const std::vector<std::shared_ptr<sched::Job>>& jobs) const {
    for (size_t i = 0; i < jobs.size(); ++i) {
        const auto queue = static_cast<uint64_t>(parts_[i].entity - &context_->entity(0));
        const uint64_t timeline = uint64_t{context_->id()} << 8 | queue;
        // Everybody but the leader of a gang counts as a reader.
        const auto access = i + 1 == jobs.size() ? drm::Access::kWrite : drm::Access::kRead;
        reservation.add(file_.sync_owner(), timeline, jobs[i]->fences.finished, access);
    }
}

void Submission::reserve(const std::vector<std::shared_ptr<sched::Job>>& jobs) {
    reserve(*file_.own_reservation(), jobs);
    if (!list_) return;
    for (const BufferPtr& buffer : *list_) {
        if (buffer->is_user_memory()) file_.note_user_memory();
        reserve(buffer->reservation(), jobs);
    }
}

/// Reads chunk `index` of the user's array of pointers to chunks. 0 or a negative errno.
int read_chunk(uint64_t chunks, uint32_t index, Chunk* chunk) {
    uint64_t pointer = 0;
    std::memcpy(&pointer, reinterpret_cast<const uint64_t*>(chunks) + index, sizeof(pointer));
    if (pointer == 0) return -EFAULT;
    drm_amdgpu_cs_chunk header{};
    std::memcpy(&header, reinterpret_cast<const void*>(pointer), sizeof(header));
    if (header.length_dw > kMaxChunkDwords) return -EINVAL;
    if (header.chunk_data == 0 && header.length_dw != 0) return -EFAULT;
    *chunk = {header.chunk_id, header.length_dw * 4,
              reinterpret_cast<const std::byte*>(header.chunk_data)};
    return 0;
}

}  // namespace

int submit(DrmFile& file, void* argument) {
    auto& args = *static_cast<drm_amdgpu_cs*>(argument);
    const drm_amdgpu_cs_in in = args.in;
    if (in.num_chunks == 0 || in.num_chunks > kMaxChunks) return -EINVAL;
    if (in.chunks == 0) return -EFAULT;
    ContextPtr context = file.find_context(in.ctx_id);
    if (!context) return -EINVAL;
    if (context->guilty()) return -ECANCELED;

    Submission submission(file, std::move(context));
    if (const int error = submission.use_list(in.bo_list_handle)) return error;
    for (uint32_t i = 0; i < in.num_chunks; ++i) {
        Chunk chunk;
        if (const int error = read_chunk(in.chunks, i, &chunk)) return error;
        if (const int error = submission.parse(chunk)) return error;
    }
    if (const int error = submission.finish_parsing()) return error;
    const ReservationLock lock(submission.reservations());
    if (const int error = submission.validate()) return error;
    submission.wait_for_room();
    args = {};
    args.out.handle = submission.commit();
    return 0;
}

}  // namespace simgpu::amdgpu::cs
