// Execbuffer: one EXECBUFFER2, in the kernel's order (Linux: i915_gem_execbuffer.c).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "simgpu/intel/kernel/i915/drm_file.h"
#include "simgpu/intel/kernel/i915/vm.h"

namespace simgpu::intel::i915 {

/// Nothing has changed until commit(), except the places of buffers.
class Execbuffer {
  public:
    Execbuffer(DrmFile& file, drm_i915_gem_execbuffer2& args) : file_(file), args_(args) {}

    /// 0 or a negative errno; on success args has the out fence.
    int run();

  private:
    using Object = drm_i915_gem_exec_object2;

    struct SyncobjFence {
        uint32_t handle = 0;
        uint32_t flags = 0;
        uint64_t point = 0;
        drm::FencePtr fence;  // to wait for
    };

    // execbuffer.cpp
    int check_arguments() const;
    int copy_objects();
    int select_context();
    int select_engine();
    std::optional<uint32_t> legacy_index() const;
    int pin_engine();
    std::vector<Reservation*> reservations() const;
    memory::PageTablePtr page_table() const;
    std::vector<drm::FencePtr> dependencies() const;
    int commit();

    // execbuffer_objects.cpp
    int look_up();
    int check(Object& object) const;
    bool is_batch(size_t index) const;
    int check_batch(size_t index);
    int check_pages() const;
    int place();
    void write_offsets_back() const;

    // execbuffer_relocate.cpp
    int relocate();
    int relocate_object(size_t index);
    int apply(const drm_i915_gem_relocation_entry& entry, size_t index, uint64_t* presumed);
    std::optional<size_t> find_target(uint32_t handle) const;

    // execbuffer_fences.cpp
    int parse_extensions();
    int parse_timeline_fences(unsigned long long at);
    int add_timeline_fence(const drm_i915_gem_exec_fence& fence, uint64_t point);
    int parse_fence_array();
    int parse_in_fence();
    void signal(const drm::FencePtr& fence);

    DrmFile& file_;
    drm_i915_gem_execbuffer2& args_;
    std::vector<Object> objects_;
    std::vector<bool> moved_;             // whose offset the user gets back
    std::vector<PlaceRequest> requests_;  // by object
    bool needs_relocation_ = false;
    GemContextPtr context_;
    uint32_t slot_ = 0;
    uint32_t ring_ = 0;
    size_t batch_ = 0;
    std::vector<SyncobjFence> fences_;
    drm::FencePtr in_fence_;
};

}  // namespace simgpu::intel::i915
