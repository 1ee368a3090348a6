// ContextStart: opening the GPU and starting a worker for one context.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "drm-context/device/device_source.h"
#include "drm-context/front/context_link.h"
#include "drm-context/front/task_thread.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {

/// Both may take seconds, so they are a task of their own: opening wakes a sleeping GPU (Linux:
/// amdgpu_kms.c, amdgpu_driver_open_kms()), and a VM's first worker waits for its zygote. The link
/// learns how it went.
class ContextStart final : public Task {
  public:
    struct Parts {
        std::shared_ptr<ContextLink> link;
        std::shared_ptr<WorkerLauncher> launcher;
        WorkerStart start;  // without the device
        /// Opens the GPU on any thread; not called if there is a `source`.
        OpenDevice open;
        std::optional<DeviceSource> source;
        /// Watches the link's socket, which was replaced.
        std::function<Status()> watch_anew;
        Booking booking;  // kDescriptors, given back with `start`
    };
    /// A WorkerStart's: four of the channel, and the account's two.
    static constexpr uint64_t kDescriptors = 6;
    explicit ContextStart(Parts parts) : parts_(std::move(parts)) {}
    void run() override;

  private:
    Status try_to_start();
    Status start();
    Status open();
    Status start_worker();
    Status renew_socket();
    Result<WorkerStart> duplicate_start() const;

    Parts parts_;
};

}  // namespace viaduct
