// The i915 kernel driver's interface, over a native context.
#pragma once

#include <i915_drm.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/mutex.h"
#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/request.h"
#include "wire/i915.h"

namespace viaduct::guest::i915 {

namespace wire = viaduct::wire::i915;

PciIdentity pci_identity(const viaduct::wire::CapsetDrm& capset);
std::optional<uint64_t> capability(const viaduct::wire::CapsetDrm& capset, uint64_t capability);

class Submission;

/// An ioctl that is answered without a look at its argument.
struct Unseen {};

/// See GuestDriver. The ioctls are grouped as the kernel's are: queries.cpp, buffers.cpp,
/// contexts.cpp, submit.cpp.
class Driver final : public GuestDriver {
  public:
    static Result<std::unique_ptr<GuestDriver>> create(const Channel& channel, Session& session);

    int ioctl(const Channel& channel, unsigned long request, void* argument) override;
    int prepare_export(const Channel& channel, GemHandle handle) override;
    void forget_buffer(const Channel&, GemHandle) override {}

    // The ioctls: rows of a table, hence public.
    int get_param(const Channel& channel, drm_i915_getparam_t& arg);
    int query(const Channel& channel, drm_i915_query& arg);
    int reg_read(const Channel& channel, drm_i915_reg_read& arg);

    int gem_create(const Channel& channel, drm_i915_gem_create& arg);
    int gem_create_ext(const Channel& channel, drm_i915_gem_create_ext& arg);
    int gem_mmap_offset(const Channel& channel, drm_i915_gem_mmap_offset& arg);
    int gem_set_domain(const Channel& channel, drm_i915_gem_set_domain& arg);
    int gem_set_tiling(const Channel& channel, drm_i915_gem_set_tiling& arg);
    int gem_get_tiling(const Channel& channel, drm_i915_gem_get_tiling& arg);
    int gem_get_aperture(const Channel& channel, drm_i915_gem_get_aperture& arg);
    int gem_madvise(const Channel& channel, drm_i915_gem_madvise& arg);
    int gem_busy(const Channel& channel, drm_i915_gem_busy& arg);
    int gem_wait(const Channel& channel, drm_i915_gem_wait& arg);
    int gem_userptr(const Channel& channel, drm_i915_gem_userptr& arg);

    int context_create(const Channel& channel, drm_i915_gem_context_create_ext& arg);
    int context_destroy(const Channel& channel, drm_i915_gem_context_destroy& arg);
    int context_get_param(const Channel& channel, drm_i915_gem_context_param& arg);
    int context_set_param(const Channel& channel, drm_i915_gem_context_param& arg);
    int reset_stats(const Channel& channel, drm_i915_reset_stats& arg);
    int vm_create(const Channel& channel, drm_i915_gem_vm_control& arg);
    int vm_destroy(const Channel& channel, drm_i915_gem_vm_control& arg);

    int execbuffer2(const Channel& channel, drm_i915_gem_execbuffer2& arg);

    int ignored(const Channel&, Unseen&) { return 0; }
    int unsupported(const Channel&, Unseen&) { return -EOPNOTSUPP; }

  private:
    /// A ring of the host as the guest sees it: a timeline syncobj whose points count submissions.
    struct Timeline {
        Mutex order;           // held while a submission is numbered and sent
        uint32_t syncobj = 0;  // 0: nothing has been sent yet
        std::atomic<uint64_t> points = 0;
    };

    Driver(Session& session, uint64_t blob_granule)
        : session_(session), blob_granule_(blob_granule) {}

    CommandStream& stream() const { return *session_.stream; }

    /// Passes an ioctl on. Those that only write are not waited for.
    int pass(const Channel& channel, uint32_t request, std::span<std::byte> argument);
    template <typename Argument>
    int pass(const Channel& channel, uint32_t request, Argument& argument) {
        return pass(channel, request, as_bytes(argument));
    }
    template <typename Argument>
    int pass_with_handle(const Channel& channel, uint32_t request, Argument& argument);

    // queries.cpp
    int query_item(const Channel& channel, drm_i915_query_item& item);

    // buffers.cpp
    int create_blob(const Channel& channel, std::span<std::byte> request, uint32_t blob_id,
                    uint64_t size, GemHandle& handle);
    int check_allocation(const Channel& channel, ResourceId resource);
    int wait_idle(const Channel& channel, GemHandle handle, int64_t deadline);

    // contexts.cpp
    /// A context that nothing has used yet: its parameters, packed as the wire has them.
    struct FreshContext {
        uint32_t flags = 0;
        bool has_engines = false;
        std::vector<std::byte> params{};
    };
    static int pack_params(uint64_t first, FreshContext& to);
    int create_context(const Channel& channel, const FreshContext& fresh, uint32_t& id);
    int set_engines(const Channel& channel, const drm_i915_gem_context_param& arg);
    void note_use(uint32_t context);
    bool is_banned(uint32_t context);
    void note_outcomes();

    // submit.cpp
    int wait_for_fences(const Channel& channel, const Submission& submission, RingIndex ring);
    int send(const Channel& channel, Submission& submission, RingIndex ring);

    Session& session_;
    const uint64_t blob_granule_;
    std::array<Timeline, wire::kRingMask + 2> timelines_;  // by ring
    std::atomic<uint32_t> next_blob_id_ = 1;

    Mutex making_contexts_;  // held while one is made, and before mutex_
    Mutex mutex_;
    std::map<uint32_t, FreshContext> fresh_contexts_ VIADUCT_GUARDED_BY(mutex_);  // by id
    std::set<uint32_t> failed_contexts_
        VIADUCT_GUARDED_BY(mutex_);  // the host could not run one of their submissions
};

}  // namespace viaduct::guest::i915
