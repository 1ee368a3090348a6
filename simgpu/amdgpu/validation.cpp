#include "simgpu/amdgpu/validation.h"

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
            if (!(buffer->record().domains & heap.domain)) continue;
            const uint64_t units = buffer->size() / kGpuPage;
            if (units > left) return -ENOMEM;
            left -= units;
        }
    }
    return 0;
}

}  // namespace

int validate_job(DrmFile& file, const BufferList* list) {
    if (list)
        if (const int error = check_scarce(file, *list)) return error;
    return file.address_space().update();
}

}  // namespace simgpu::amdgpu
