// The i915 native context: nine commands onto the ioctls of <drm/i915_drm.h>.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "drm-context/context/driver_context.h"
#include "drm-context/i915/engines.h"
#include "drm-context/i915/page_tables.h"
#include "wire/i915.h"

namespace viaduct::i915 {

class I915Context final : public DriverContext {
  public:
    I915Context(std::unique_ptr<Device> device, std::unique_ptr<ContextAccount> account);
    ~I915Context() override;

    /// Learns the GPU's engines, and prepares context 0, which every file has. ENODEV if there is
    /// no engine, or none that this VM is offered.
    Status discover_engines();

    void check_for_reset() override;

    // The commands, in files by subject: simple_ioctls.cpp, queries.cpp, buffers.cpp,
    // gem_contexts.cpp, submit.cpp.
    Status ioctl_simple(Request& request);
    Status get_param(Request& request);
    Status query_param(Request& request);
    Status gem_create(Request& request);
    Status gem_create_ext(Request& request);
    Status gem_context_create(Request& request);
    Status gem_execbuffer2(Request& request);
    Status gem_set_mmap_mode(Request& request);
    Status gem_busy(Request& request);

    /// A resource, or its GEM handle. EINVAL: it is not attached here.
    Result<const BufferObject*> find_buffer(ResourceId res_id);
    Result<GemHandle> handle_of(ResourceId res_id);

  protected:
    Result<uint64_t> mmap_offset(GemHandle gem_handle) override;
    ImageLayout layout_of(GemHandle gem_handle) override;

  private:
    using Argument = std::span<std::byte>;
    struct SimpleIoctl;
    static const SimpleIoctl kSimpleIoctls[];

    /// A GEM context: what watch() does not hold of it.
    struct GemContext {
        bool recoverable = true;
        PageTablesPtr tables = {};  // of its address space; null: one of its own
        std::vector<std::optional<QueueClass>> engines;  // by index of its map
        /// Tells contexts apart that had the same id, for the order of their rings' fences.
        uint32_t serial = 0;
    };

    // simple_ioctls.cpp
    Status call(uint32_t request, Argument argument);
    Status pass(const SimpleIoctl& ioctl, Argument argument);
    Status get_aperture(const SimpleIoctl& ioctl, Argument argument);
    Status with_handle(const SimpleIoctl& ioctl, Argument argument);
    Status set_domain(const SimpleIoctl& ioctl, Argument argument);
    Status reset_stats(const SimpleIoctl& ioctl, Argument argument);
    Status create_context(const SimpleIoctl& ioctl, Argument argument);
    Status destroy_context(const SimpleIoctl& ioctl, Argument argument);
    Status get_context_param(const SimpleIoctl& ioctl, Argument argument);
    Status set_context_param(const SimpleIoctl& ioctl, Argument argument);
    Status create_vm(const SimpleIoctl& ioctl, Argument argument);
    Status destroy_vm(const SimpleIoctl& ioctl, Argument argument);

    // queries.cpp
    int32_t answer_query(const wire::i915::QueryParamRequest& query, Argument answer);
    int32_t query_kernel(const wire::i915::QueryParamRequest& query, Argument answer);
    int32_t engine_info(const wire::i915::QueryParamRequest& query, Argument answer);
    void limit_regions(Argument answer);

    // buffers.cpp
    struct NewBuffer {
        uint64_t size = 0;  // bytes, as the guest wants it
        uint32_t blob_id = 0;
        MapCache cache = MapCache::kCached;
        MemoryPlace place = MemoryPlace::kSystem;
    };
    template <typename Make>
    Status make_buffer(const NewBuffer& wanted, Make make);

    // gem_contexts.cpp
    Status check_room_for_context() const;
    Status check_room_for_vm() const;
    Status context_created(uint32_t id, GemContext context);
    Status lower_priority(uint32_t id);
    /// Of an address space by its id; null if it is not this guest's.
    PageTablesPtr tables_of_vm(uint64_t id) const;
    void close_in_tables(GemHandle handle);

    // submit.cpp
    Status describe_ring(RingIndex ring, const GemContext& context, uint32_t index);

    Engines engines_;                              // of what this VM is offered
    std::map<uint32_t, GemContext> gem_contexts_;  // by kernel id; all are this guest's
    uint32_t next_serial_ = 0;
    std::map<uint32_t, PageTablesPtr> vms_;  // address spaces that the guest has ids of
    std::array<std::optional<QueueClass>, wire::i915::kRingMask + 2> ring_classes_;  // by ring
};

const DriverTraits& traits();

/// Drivers learn at every start what a GPU or a VM does not have by trying it: priorities,
/// tiling, protected contexts. Such an error is an answer, and nothing to log.
constexpr bool is_plain_refusal(int error) {
    return error == EPERM || error == ENODEV || error == EOPNOTSUPP;
}

/// ioctl QUERY of one item: the length of the answer in `length` bytes at `to` (0: asks for it),
/// or a negative errno.
int32_t query_item(Device& device, uint64_t query, uint32_t flags, void* to, uint32_t length);

Result<std::unique_ptr<DriverContext>> create_context(std::unique_ptr<Device> device,
                                                      std::unique_ptr<ContextAccount> account);

}  // namespace viaduct::i915
