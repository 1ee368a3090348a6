// The amdgpu kernel driver's interface, over a native context.
#pragma once

#include <amdgpu_drm.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/mutex.h"
#include "guest-mesa/layer/amdgpu/info_cache.h"
#include "guest-mesa/layer/amdgpu/seqno_map.h"
#include "guest-mesa/layer/amdgpu/submission.h"
#include "guest-mesa/layer/amdgpu/user_fences.h"
#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/request.h"
#include "wire/amdgpu_rings.h"

namespace viaduct::guest::amdgpu {

PciIdentity pci_identity(const viaduct::wire::CapsetDrm& capset);
std::optional<uint64_t> capability(const viaduct::wire::CapsetDrm& capset, uint64_t capability);

/// GEM_VA as it became with Linux 6.15: longer than older headers know.
struct GemVa {
    drm_amdgpu_gem_va base;
    uint64_t vm_timeline_point;
    uint32_t vm_timeline_syncobj_out;
    uint32_t num_syncobj_handles;
    uint64_t input_fence_syncobj_handles;
};

/// An ioctl that is refused without a look at its argument.
struct Refused {};

/// Domains of memory that a CPU can map.
inline constexpr uint64_t kMappableDomains =
    AMDGPU_GEM_DOMAIN_CPU | AMDGPU_GEM_DOMAIN_GTT | AMDGPU_GEM_DOMAIN_VRAM;

/// A range that the driver believes to be mapped, and that the host could not map.
struct MissingMapping {
    wire::BoVaOpRequest request{};
    GemHandle handle = {};          // of its buffer; 0: a sparse range
    bool every_submission = false;  // needs it, or only those that list the buffer
};

/// See GuestDriver. The ioctls are grouped as the kernel's are: queries.cpp, buffers.cpp,
/// mappings.cpp, contexts.cpp, submit.cpp, fences.cpp.
class Driver final : public GuestDriver {
  public:
    static Result<std::unique_ptr<GuestDriver>> create(const Channel& channel, Session& session);

    int ioctl(const Channel& channel, unsigned long request, void* argument) override;
    int prepare_export(const Channel& channel, GemHandle handle) override;
    void forget_buffer(const Channel& channel, GemHandle handle) override;

    // The ioctls: rows of a table, hence public.
    int info(const Channel& channel, drm_amdgpu_info& arg);

    int gem_create(const Channel& channel, drm_amdgpu_gem_create& arg);
    int gem_mmap(const Channel& channel, drm_amdgpu_gem_mmap& arg);
    int gem_va(const Channel& channel, GemVa& arg);
    int gem_op(const Channel& channel, drm_amdgpu_gem_op& arg);
    int gem_metadata(const Channel& channel, drm_amdgpu_gem_metadata& arg);
    int gem_wait_idle(const Channel& channel, drm_amdgpu_gem_wait_idle& arg);
    int gem_userptr(const Channel& channel, drm_amdgpu_gem_userptr& arg);
    int vm(const Channel& channel, drm_amdgpu_vm& arg);

    int ctx(const Channel& channel, drm_amdgpu_ctx& arg);
    int bo_list(const Channel& channel, drm_amdgpu_bo_list& arg);
    int cs(const Channel& channel, drm_amdgpu_cs& arg);

    int wait_cs(const Channel& channel, drm_amdgpu_wait_cs& arg);
    int wait_fences(const Channel& channel, drm_amdgpu_wait_fences& arg);
    int fence_to_handle(const Channel& channel, drm_amdgpu_fence_to_handle& arg);

    int sched(const Channel& channel, drm_amdgpu_sched& arg);

  private:
    struct Context {
        /// errors() when it was made: more of them since then mean that it is lost.
        uint32_t errors_at_start = 0;
        /// The host's own word for it: a reset cost this context.
        bool lost = false;
        /// The host could not run a submission, which the driver believes to be done.
        bool failed = false;
        /// AMDGPU_CTX_QUERY2_FLAGS_* as the host last answered, at CLOCK_MONOTONIC asked_ns.
        uint64_t flags = 0;
        int64_t asked_ns = 0;
        /// QUERY_STATE has reported its reset: it does so once.
        bool reported = false;
    };
    /// A ring of the GPU as the guest sees it: a timeline syncobj whose points count submissions.
    struct Timeline {
        Mutex order;  // held while a submission is numbered and sent
        uint32_t syncobj = 0;

        Mutex mutex;
        uint64_t points VIADUCT_GUARDED_BY(mutex) = 0;
        std::map<uint32_t, SeqnoMap> contexts VIADUCT_GUARDED_BY(mutex);  // by context id
    };
    /// A fence as the kernel's interface names it, found.
    struct FencePoint {
        uint32_t syncobj = 0;
        uint64_t point = 0;  // 0: complete long ago
    };

    Driver(Session& session, const wire::RingNumbering& numbering, uint64_t blob_granule)
        : session_(session),
          numbering_(numbering),
          blob_granule_(blob_granule),
          timelines_(numbering.count()) {}

    CommandStream& stream() const { return *session_.stream; }
    /// `ring`: 1 … numbering_.count().
    Timeline& timeline_of(RingIndex ring) { return timelines_[ring.value() - 1]; }

    // queries.cpp
    InfoAnswer query_info(const Channel& channel, const InfoQuery& query, uint32_t size);

    // buffers.cpp
    int create_on_host(const Channel& channel, const drm_amdgpu_gem_create_in& in,
                       virtgpu::ResourceCreateBlob& blob);
    int create_once(const Channel& channel, const drm_amdgpu_gem_create_in& in,
                    virtgpu::ResourceCreateBlob& blob);
    bool host_keeps_valid(uint64_t flags) const;
    int find_stand_in(const Channel& channel, GemHandle& handle);
    bool memory_is_short(uint64_t domains, uint64_t size) const;
    int check_allocation(const Channel& channel, ResourceId resource);
    int query_buffer(const Channel& channel, GemHandle handle, wire::BoQueryInfoResponse& answer);
    int set_metadata(const Channel& channel, ResourceId resource,
                     const drm_amdgpu_gem_metadata& arg);

    // mappings.cpp
    int post_mapping(const Channel& channel, wire::BoVaOpRequest& request, GemHandle handle);
    void give_up_mapping(const Channel& channel, wire::BoVaOpRequest request);
    void forget_missing(const wire::BoVaOpRequest& op) VIADUCT_REQUIRES(mutex_);
    int settle_mappings(const Channel& channel, const BufferList& buffers);
    std::vector<MissingMapping> missing_for(const BufferList& buffers);
    int map_again(const Channel& channel, MissingMapping mapping);
    void note_outcomes();
    void note_mapping(const Outcome& outcome) VIADUCT_REQUIRES(mutex_);

    // contexts.cpp
    int create_context(const Channel& channel, int32_t priority, uint32_t& id);
    int free_context(const Channel& channel, uint32_t id);
    int stable_pstate(const Channel& channel, drm_amdgpu_ctx& arg);
    void note_submission(const Outcome& outcome) VIADUCT_REQUIRES(mutex_);
    /// Asynchronous failures that the host reported and nobody has accounted for. Counts only where
    /// the host does not say what became of single contexts.
    uint32_t errors() const { return reported_errors() - forgiven_errors_.load(); }
    uint32_t reported_errors() const;
    bool is_lost(const Channel& channel, uint32_t id);
    uint64_t state_of(const Channel& channel, uint32_t id);
    void attribute_errors(const Channel& channel);
    bool ask_states(const Channel& channel, std::span<const uint32_t> ids);
    std::optional<Context> find_context(uint32_t id);
    bool report_once(uint32_t id);

    // submit.cpp
    bool has_too_many_ibs(const Channel& channel, const Submission& submission);
    int collect_buffers(const Channel& channel, Submission& submission, BufferList& buffers);
    int resolve_in_fences(const Channel& channel, Submission& submission);
    std::shared_ptr<const GpuCounter> counter_of(const Channel& channel,
                                                 const Submission& submission, uint64_t seqno);
    int send_submission(const Channel& channel, const Submission& submission,
                        const BufferList& buffers, uint64_t& seqno);

    // fences.cpp
    int find_fence(const drm_amdgpu_fence& fence, FencePoint& found);
    void trim(const Channel& channel, Timeline& timeline);

    Session& session_;
    const wire::RingNumbering numbering_;
    const uint64_t blob_granule_;
    InfoCache info_cache_;
    std::vector<Timeline> timelines_;  // ring n's at [n - 1]
    UserFences user_fences_;

    std::atomic<uint32_t> next_blob_id_ = 1;
    std::atomic<uint32_t> forgiven_errors_ = 0;
    std::atomic<uint32_t> attributed_errors_ = 0;  // reported_errors() that were looked into
    std::atomic<bool> host_has_states_ = true;     // it answers for single contexts

    Mutex mapping_again_;  // held while missing mappings are made
    Mutex mutex_;
    std::map<uint32_t, Context> contexts_ VIADUCT_GUARDED_BY(mutex_);
    std::map<uint32_t, std::vector<drm_amdgpu_bo_list_entry>> bo_lists_ VIADUCT_GUARDED_BY(mutex_);
    uint32_t next_bo_list_ VIADUCT_GUARDED_BY(mutex_) = 1;
    /// The newest mapping whose outcome nobody has looked at: the number of its request.
    std::optional<uint32_t> newest_mapping_ VIADUCT_GUARDED_BY(mutex_);
    std::map<uint64_t, MissingMapping> missing_mappings_ VIADUCT_GUARDED_BY(mutex_);  // by address
    /// Buffers that the host cannot keep valid for us: listed in every submission.
    std::set<GemHandle> always_listed_ VIADUCT_GUARDED_BY(mutex_);
    /// Once the host is lost: buffer → the guest's own memory that is mapped in its place.
    std::map<GemHandle, GemHandle> stand_ins_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct::guest::amdgpu
