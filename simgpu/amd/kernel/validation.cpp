#include "simgpu/amd/kernel/validation.h"

#include <array>
#include <cerrno>

namespace simgpu::amdgpu {

namespace {

struct ScarceHeap {
    uint64_t domain = 0;
    uint64_t total = 0;  // bytes or entries
};

int check_scarce(const DrmFile& file, const BufferList& list) {
    const drm_amdgpu_info_gds& gds = file.model().gds;
    const std::array heaps = {
        ScarceHeap{AMDGPU_GEM_DOMAIN_GDS, gds.gds_total_size},
        ScarceHeap{AMDGPU_GEM_DOMAIN_GWS, gds.gws_per_compute_partition},
        ScarceHeap{AMDGPU_GEM_DOMAIN_OA, gds.oa_per_compute_partition},
    };
    for (const ScarceHeap& heap : heaps) {
        uint64_t left = heap.total;
        for (const BufferPtr& buffer : list) {
            if (!(record_of(*buffer).domains & heap.domain)) continue;
            const uint64_t units = buffer->size() / kGpuPage;
            if (units > left) return -ENOMEM;
            left -= units;
        }
    }
    return 0;
}

}  // namespace

class JobResidency {
  public:
    explicit JobResidency(DrmFile& file)
        : group_(file.always_valid_uses()), ticket_(file.device().next_use()) {
        if (group_) group_->touch(ticket_);
    }
    ~JobResidency() {
        if (!held_) return;
        for (const BufferPtr& buffer : buffers_) buffer->residence()->end_use();
        if (group_) group_->end_use();
    }
    JobResidency(const JobResidency&) = delete;
    JobResidency& operator=(const JobResidency&) = delete;

    void add(const BufferPtr& buffer) {
        if (!buffer->residence()) return;
        buffer->residence()->touch(ticket_);
        buffers_.push_back(buffer);
    }
    int restore(const BufferPtr& buffer) const {
        bool lost = false;
        if (!buffer->residence()) return 0;
        if (!buffer->residence()->restore(ticket_, &lost)) return -ENOMEM;
        if (lost) buffer->forget_content();
        return 0;
    }
    void hold() {
        held_ = true;
        for (const BufferPtr& buffer : buffers_) buffer->residence()->begin_use();
        if (group_) group_->begin_use();
    }
    const std::vector<BufferPtr>& buffers() const { return buffers_; }

  private:
    const std::shared_ptr<shared::Residence> group_;
    const uint64_t ticket_;
    bool held_ = false;
    std::vector<BufferPtr> buffers_;
};

tl::expected<JobResidencyPtr, int> validate_job(DrmFile& file, const BufferList* list) {
    if (list)
        if (const int error = check_scarce(file, *list)) return tl::unexpected(error);
    auto residency = std::make_shared<JobResidency>(file);
    // All are the youngest before the first is moved: none makes room for another.
    if (list)
        for (const BufferPtr& buffer : *list) residency->add(buffer);
    for (const BufferPtr& buffer : residency->buffers())
        if (const int error = residency->restore(buffer)) return tl::unexpected(error);
    if (file.always_valid_uses() && file.always_valid_uses()->has_evicted()) {
        for (const BufferPtr& buffer : file.buffers().all()) {
            if (!(record_of(*buffer).create_flags & AMDGPU_GEM_CREATE_VM_ALWAYS_VALID)) continue;
            if (const int error = residency->restore(buffer)) return tl::unexpected(error);
        }
    }
    if (const int error = file.address_space().update()) return tl::unexpected(error);
    residency->hold();
    return residency;
}

}  // namespace simgpu::amdgpu
