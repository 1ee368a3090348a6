// The xe native context: eight commands onto the ioctls of <drm/xe_drm.h>.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "drm-context/context/driver_context.h"
#include "drm-context/xe/bindings.h"
#include "uapi/xe.h"
#include "wire/xe.h"

namespace viaduct::xe {

class XeContext final : public DriverContext {
  public:
    XeContext(std::unique_ptr<Device> device, std::unique_ptr<ContextAccount> account);
    ~XeContext() override;

    /// Learns the GPU's engines and memory. ENODEV if there are none that this VM is offered.
    Status discover();

    void check_for_reset() override;

    // The commands, in files by subject: queries.cpp, buffers.cpp, vms.cpp, queues.cpp, submit.cpp.
    Status device_query(Request& request);
    Status gem_create(Request& request);
    Status vm_create(Request& request);
    Status vm_destroy(Request& request);
    Status vm_bind(Request& request);
    Status exec_queue_create(Request& request);
    Status exec_queue_destroy(Request& request);
    Status exec(Request& request);

  protected:
    Result<uint64_t> mmap_offset(GemHandle gem_handle) override;
    Status object_claimed(BufferObject& object, BlobKind kind) override;

  private:
    /// Outlives its destruction by the guest, as the kernel's does, while queues have it.
    struct Vm {
        uint32_t bound = 0;      // syncobj of the newest bind's fence
        bool has_binds = false;  // it holds one
        Bindings bindings;
    };
    struct Queue {
        uint32_t kernel_id = 0;
        /// Tells queues apart that had the same id, for the order of their ring's fences.
        uint32_t serial = 0;
        std::shared_ptr<Vm> vm;
        bool binds = false;  // of class VM_BIND: it takes no submission
    };
    /// A guest's VM_BIND, translated.
    struct BindList {
        struct Change {
            uint32_t op = 0;
            Bindings::Range range;
            BufferMemoryPtr memory;
        };
        std::vector<uapi::xe::BindOp> operations;  // the kernel's
        std::vector<Change> changes;               // what they do to Vm::bindings
    };

    // queries.cpp
    Result<std::vector<std::byte>> read_query(uint32_t query);
    Result<std::vector<std::byte>> answer_query(uint32_t query);
    Status discover_engines();
    Status discover_regions();
    void adjust_config(std::span<std::byte> answer);
    std::vector<std::byte> engines_answer() const;
    std::vector<std::byte> regions_answer();
    bool offers_low_latency() { return account().limits().priority > PriorityCeiling::kNormal; }

    // buffers.cpp
    Result<GemReference> make_kernel_buffer(const wire::xe::GemCreateRequest& wanted);
    BufferMemoryPtr memory_of(GemHandle gem_handle);

    // vms.cpp
    Result<uapi::xe::BindOp> translate(const wire::xe::BindOp& wanted, BindList& list);
    Result<GemHandle> find_buffer(const wire::xe::BindOp& wanted, BufferMemoryPtr& memory);
    Status run_binds(uint32_t vm_id, Vm& vm, BindList& list);
    static void note_binds(Vm& vm, const BindList& list);
    uint64_t mappings() const;

    // queues.cpp
    /// `queue`: the guest's id.
    static RingIndex ring_of(uint32_t queue) {
        return RingIndex(queue + wire::xe::kFirstQueueRing);
    }
    Result<uint32_t> free_queue_id();
    Status check_engines(std::span<const uapi::xe::EngineInstance> engines) const;
    LossWatch::Finding look_for_ban(uint32_t queue);

    // submit.cpp
    Status submit(const wire::xe::ExecRequest& wanted, Queue& queue, const UniqueFd& in_fence);
    Status merge_into_ring(uint32_t ring_syncobj, const UniqueFd& in_fence);

    std::vector<uapi::xe::Engine> engines_;        // of what this VM is offered
    std::vector<uapi::xe::MemRegion> regions_;     // with the sizes it is shown
    uint32_t vram_placements_ = 0;                 // regions that are not system memory
    std::map<uint32_t, std::shared_ptr<Vm>> vms_;  // by the kernel's id
    std::map<uint32_t, Queue> queues_;             // by the guest's id
    std::map<GemHandle, BufferMemoryPtr> memories_;
    std::vector<uint32_t> spare_syncobjs_;  // of VMs that are gone
    uint32_t next_serial_ = 1;
    uint32_t failed_buffers_ = 0;  // that the guest has not heard of yet
    uint32_t bans_ = 0;
};

const DriverTraits& traits();
Status fill_capset(Device& device, wire::CapsetDrm& capset);
Result<std::unique_ptr<DriverContext>> create_context(std::unique_ptr<Device> device,
                                                      std::unique_ptr<ContextAccount> account);

/// Which class an engine's queues belong to.
QueueClass class_of(uint16_t engine_class);

}  // namespace viaduct::xe
