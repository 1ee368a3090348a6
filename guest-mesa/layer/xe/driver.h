// The xe kernel driver's interface, over a native context.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/request.h"
#include "guest-mesa/layer/xe/syncs.h"
#include "uapi/xe.h"
#include "wire/xe.h"

namespace viaduct::guest::xe {

namespace wire = viaduct::wire::xe;

PciIdentity pci_identity(const viaduct::wire::CapsetDrm& capset);
std::optional<uint64_t> capability(const viaduct::wire::CapsetDrm& capset, uint64_t capability);

/// See GuestDriver. The ioctls are grouped as the kernel's are: queries.cpp, buffers.cpp, vms.cpp,
/// queues.cpp.
class Driver final : public GuestDriver {
  public:
    static Result<std::unique_ptr<GuestDriver>> create(const Channel& channel, Session& session);

    int ioctl(const Channel& channel, unsigned long request, void* argument) override;
    int prepare_export(const Channel& channel, GemHandle handle) override;
    void forget_buffer(const Channel&, GemHandle) override {}

    // The ioctls: rows of a table, hence public.
    int device_query(const Channel& channel, uapi::xe::DeviceQuery& arg);
    int gem_create(const Channel& channel, uapi::xe::GemCreate& arg);
    int gem_mmap_offset(const Channel& channel, uapi::xe::GemMmapOffset& arg);
    int vm_create(const Channel& channel, uapi::xe::VmCreate& arg);
    int vm_destroy(const Channel& channel, uapi::xe::VmDestroy& arg);
    int vm_bind(const Channel& channel, uapi::xe::VmBind& arg);
    int exec_queue_create(const Channel& channel, uapi::xe::ExecQueueCreate& arg);
    int exec_queue_destroy(const Channel& channel, uapi::xe::ExecQueueDestroy& arg);
    int exec_queue_get_property(const Channel& channel, uapi::xe::ExecQueueGetProperty& arg);
    int exec(const Channel& channel, uapi::xe::Exec& arg);
    int wait_user_fence(const Channel& channel, uapi::xe::WaitUserFence& arg);

  private:
    struct Queue {
        bool binds = false;
        /// The host refused a submission that the program takes for submitted.
        bool failed = false;
        uint64_t submissions = 0;
    };

    Driver(Session& session, uint64_t blob_granule)
        : session_(session), blob_granule_(blob_granule) {}

    CommandStream& stream() const { return *session_.stream; }
    static RingIndex ring_of(uint32_t queue) { return RingIndex(queue + wire::kFirstQueueRing); }
    bool is_banned(uint32_t queue);
    void note_outcomes();
    int translate(const Channel& channel, const uapi::xe::BindOp& op, wire::BindOp& to);
    int send_binds(const Channel& channel, uint32_t vm_id, std::span<const wire::BindOp> ops);
    int send_exec(const Channel& channel, const uapi::xe::Exec& arg, const Syncs& syncs);

    Session& session_;
    const uint64_t blob_granule_;
    std::atomic<uint32_t> next_blob_id_ = 1;
    Mutex mutex_;
    std::map<uint32_t, Queue> queues_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct::guest::xe
