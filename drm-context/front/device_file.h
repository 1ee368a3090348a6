// DeviceFile: the front's one descriptor of a context's open file on the GPU.
#pragma once

#include <atomic>
#include <memory>

#include "base/unique_fd.h"
#include "drm-context/account/vm_account.h"
#include "drm-context/account/vm_usage.h"
#include "drm-context/front/task_thread.h"

namespace viaduct {

/// Closing any duplicate of an amdgpu file waits for the GPU (Linux: amdgpu_drv.c, amdgpu_flush()),
/// for a hung one without limit. So there is one descriptor per context, the context's buffers are
/// mapped through it, and it is closed on a thread that no call waits for. The context's slot in
/// the VM's account goes with it: what the context held stays charged until the kernel has it back.
///
/// Shared by the link, and by each resource that is mapped through it: a mapping keeps the file
/// open, and the last reference must not go on a thread of the VMM. Thread-safe.
class DeviceFile {
  public:
    /// `slot`: of the context. `closer`: where descriptor and slot are given back. `booking`: of
    /// the descriptor.
    static std::shared_ptr<DeviceFile> create(VmSlot slot, std::shared_ptr<TaskThread> closer,
                                              Booking booking = {});
    DeviceFile(const DeviceFile&) = delete;
    DeviceFile& operator=(const DeviceFile&) = delete;
    virtual ~DeviceFile() = default;

    /// Once. A simulated GPU's descriptor only stands for the file: its buffers bring their own.
    enum class Kind { kRenderNode, kStandIn };
    void adopt(UniqueFd fd, Kind kind);
    /// Borrowed; -1 while it is not open.
    int fd() const { return number_.load(std::memory_order_acquire); }
    /// The file to map the context's buffers through; -1 if they bring descriptors of their own.
    int mappable_fd() const { return kind_ == Kind::kRenderNode ? fd() : -1; }

    VmSlot& slot() { return slot_; }

  protected:
    DeviceFile(VmSlot slot, Booking booking)
        : booking_(std::move(booking)), slot_(std::move(slot)) {}

  private:
    Booking booking_;  // until the descriptor is closed
    VmSlot slot_;
    UniqueFd fd_;  // before the slot
    std::atomic<Kind> kind_ = Kind::kStandIn;
    std::atomic<int> number_ = -1;  // of fd_
};

/// Closes a descriptor that came from a worker, or is a GPU's, on `closer`: its close() may block.
/// Without memory for that it is closed here.
void close_elsewhere(UniqueFd fd, TaskThread& closer) noexcept;

}  // namespace viaduct
