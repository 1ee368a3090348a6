// Where workers run.
#pragma once

#include <memory>
#include <string>

#include "drm-context/account/limits.h"
#include "drm-context/context_types.h"
#include "drm-context/device/device.h"
#include "drm-context/transport/channel.h"

namespace viaduct {

/// What a new worker gets.
struct WorkerStart {
    transport::ChannelEnd end;
    std::unique_ptr<Device> device;
    const ContextTypeInfo* type = nullptr;
    std::string name;         // of the guest process, sanitised
    std::string client_name;  // what the kernel's tools call the device file
    ContextLimits limits;
    UniqueFd account;   // VmAccount::duplicate_fd(); mapped when the context is made
    uint32_t slot = 0;  // in the account
};

/// A running worker. Destroying it waits for its end, which it has announced in the shared page
/// (SharedPage::exited) or been told to come to (SharedPage::abandoned).
class WorkerHandle {
  public:
    virtual ~WorkerHandle() = default;
};

/// Runs the worker on a thread of this process.
Result<std::unique_ptr<WorkerHandle>> start_worker_thread(WorkerStart start);

}  // namespace viaduct
