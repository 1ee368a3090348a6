// The amdgpu native context: ten commands onto the ioctls of <drm/amdgpu_drm.h>.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "drm-context/amdgpu/mapped_ranges.h"
#include "drm-context/amdgpu/submission_buffers.h"
#include "drm-context/amdgpu/user_fences.h"
#include "drm-context/context/driver_context.h"
#include "wire/amdgpu.h"
#include "wire/amdgpu_rings.h"

struct drm_amdgpu_gem_create_in;
struct drm_amdgpu_gem_metadata;
struct drm_amdgpu_memory_info;

namespace viaduct::amdgpu {

class Submission;

class AmdgpuContext final : public DriverContext {
  public:
    AmdgpuContext(std::unique_ptr<Device> device, std::unique_ptr<ContextAccount> account);
    ~AmdgpuContext() override;

    /// Learns the GPU's rings. ENODEV if it has none.
    Status discover_rings();

    void check_for_reset() override;
    void work_ended(RingIndex ring, uint64_t submissions, bool failed) override {
        user_fences_.ended(ring, submissions,
                           failed ? UserFences::Outcome::kFailed : UserFences::Outcome::kDone);
    }

    /// True if the guest created GPU context `ctx_id` here.
    bool owns_ctx(uint32_t ctx_id) const { return watch().exists(ctx_id); }
    /// The fence ring of an IB; 0 if this GPU has no such ring.
    RingIndex timeline_of(uint32_t ip_type, uint32_t ring) const {
        return RingIndex(numbering_.find(ip_type, ring).value_or(0));
    }

    /// GEM handles that every submission lists besides what the guest names.
    const std::set<GemHandle>& always_listed() const { return always_listed_; }

    /// Decides on BufferObject::readers that are kUnchecked.
    void check_readers(BufferObject& object);

    // The commands, in files by subject: queries.cpp, buffers.cpp, mappings.cpp, gpu_contexts.cpp,
    // submit.cpp.
    Status query_info(Request& request);
    Status gem_new(Request& request);
    Status bo_va_op(Request& request);
    Status set_metadata(Request& request);
    Status bo_query_info(Request& request);
    Status cs_submit(Request& request);
    Status create_ctx(Request& request);
    Status reserve_vmid(Request& request);
    Status set_pstate(Request& request);
    Status cs_query_fence_status(Request& request);

  protected:
    Result<uint64_t> mmap_offset(GemHandle gem_handle) override;
    void control_created() override { refresh_heaps(); }
    Status object_claimed(BufferObject& object, BlobKind kind) override;
    bool is_replaced_when_shared(const BufferObject& object) const override {
        return always_valid_.contains(object.handle.get());
    }
    ImageLayout layout_of(GemHandle gem_handle) override;

  private:
    /// Large enough for the largest adjusted answer.
    using KernelAnswer = std::array<std::byte, 256>;
    struct AdjustedQuery {
        uint32_t query;
        uint32_t size;  // bytes of the kernel's answer
        void (AmdgpuContext::*adjust)(const wire::amdgpu::QueryInfoRequest&, KernelAnswer&);
    };
    static const AdjustedQuery kAdjustedQueries[];

    /// A GPU context: what watch() does not hold of it.
    struct GpuContext {
        std::set<RingIndex> rings;  // it has submitted to these
        uint64_t loss_flags = 0;    // AMDGPU_CTX_QUERY2_FLAGS_* that the kernel does not report
    };

    uint32_t offered_rings(uint32_t ip_type, uint32_t available);
    int32_t answer_query(const wire::amdgpu::QueryInfoRequest& query, std::span<std::byte> answer);
    int32_t query_adjusted(const AdjustedQuery& row, const wire::amdgpu::QueryInfoRequest& query,
                           std::span<std::byte> answer);
    template <typename T, typename Change>
    void change(KernelAnswer& answer, Change change);
    void adjust_rings(const wire::amdgpu::QueryInfoRequest& query, KernelAnswer& answer);
    void adjust_memory(const wire::amdgpu::QueryInfoRequest& query, KernelAnswer& answer);
    void adjust_sizes(const wire::amdgpu::QueryInfoRequest& query, KernelAnswer& answer);
    void adjust_usage(const wire::amdgpu::QueryInfoRequest& query, KernelAnswer& answer);
    void adjust_counter(const wire::amdgpu::QueryInfoRequest& query, KernelAnswer& answer);
    bool read_memory(drm_amdgpu_memory_info& memory);
    void refresh_heaps();
    void note_refused_buffer(const wire::amdgpu::GemNewRequest& wanted);
    uint64_t largest_buffer(uint32_t domains);
    void forget_old_refusal();
    void note_created_buffer(uint64_t bytes);

    // buffers.cpp
    Status check_domains(const wire::amdgpu::GemNewRequest& wanted);
    Result<GemReference> make_kernel_buffer(const wire::amdgpu::GemNewRequest& wanted);
    void handle_closed(GemHandle handle);
    Result<drm_amdgpu_gem_create_in> creation_of(GemHandle gem_handle);
    Result<drm_amdgpu_gem_metadata> metadata_of(GemHandle gem_handle);
    Status make_charged_object(const wire::amdgpu::GemNewRequest& wanted, uint64_t size,
                               MemoryCharge charge);

    // mappings.cpp
    Status change_mappings(const wire::amdgpu::BoVaOpRequest& op, GemHandle handle);
    MappedRanges::Growth growth_by(const wire::amdgpu::BoVaOpRequest& op) const;
    Status charge_growth(const MappedRanges::Growth& growth);
    void note_mapping(const wire::amdgpu::BoVaOpRequest& op, GemHandle handle, uint64_t charged);
    void settle_tables(uint64_t charged);
    void drop_mappings(GemHandle handle);
    void give_back_all_tables();
    bool unmaps_refused(const wire::amdgpu::BoVaOpRequest& op, GemHandle handle) const;
    void forget_refused(const wire::amdgpu::BoVaOpRequest& op);
    Status check_mappings() const;

    Status stable_pstate(const wire::amdgpu::SetPstateRequest& wanted, uint64_t& flags);
    Status wait_for_in_fence(Submission& submission, const UniqueFd& in_fence);
    Status run_submission(Submission& submission, uint32_t ctx_id, RingIndex ring);
    Result<UserFences::Place> user_fence_place(GemHandle gem_handle, uint32_t offset);

    // resets.cpp
    uint64_t kernel_state(uint32_t ctx_id);
    int error_of_own_work(uint32_t ctx_id, const GpuContext& context);
    LossWatch::Finding look_for_loss(uint32_t ctx_id);
    LossWatch::Finding lost(uint32_t ctx_id, uint64_t state, int error);
    void note_failed_submission(uint32_t ctx_id, int error);
    Status query_state(uint32_t ctx_id, uint64_t& flags);

    wire::amdgpu::RingNumbering numbering_;        // of what this VM is offered
    std::map<uint32_t, GpuContext> gpu_contexts_;  // by kernel id; all created by this guest
    /// How the buffers that are always valid were asked for, until they are claimed.
    std::map<GemHandle, wire::amdgpu::GemNewRequest> always_valid_;
    std::set<GemHandle> always_listed_;
    MappedRanges mapped_;
    std::map<uint64_t, GemHandle> refused_mappings_;  // by address
    UserFences user_fences_;                          // that the kernel does not write
    SubmissionBuffers submission_buffers_;            // of the submission that is being made
    uint64_t refused_bytes_ = 0;    // the smallest buffer the kernel had no memory for
    int64_t refused_until_ns_ = 0;  // of monotonic_ns(): that is forgotten then
};

const DriverTraits& traits();

/// Which class the rings of a hardware IP type belong to.
QueueClass class_of(uint32_t ip_type);

/// ioctl AMDGPU_INFO: `query` into `size` bytes at `to`. 0 or a negative errno.
int query_kernel(Device& device, uint32_t query, void* to, uint32_t size);

Result<std::unique_ptr<DriverContext>> create_context(std::unique_ptr<Device> device,
                                                      std::unique_ptr<ContextAccount> account);

}  // namespace viaduct::amdgpu
