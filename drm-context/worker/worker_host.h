// Where workers run.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "drm-context/account/limits.h"
#include "drm-context/device/device.h"
#include "drm-context/driver/table.h"
#include "drm-context/transport/channel.h"

namespace viaduct {

/// A context that ends lets its submitted work finish for this long, as the kernel does for a
/// process that exits.
inline constexpr std::chrono::milliseconds kWorkerFinishTime{2000};

/// The settings of a new worker. Plain bytes: they cross the process border as they are.
struct WorkerSettings {
    wire::ContextType type = wire::ContextType::kNone;
    LogLevel log_level = LogLevel::kWarning;
    char name[260] = {};        // of the guest process, sanitised; terminated
    char client_name[68] = {};  // what the kernel's tools call the device file; terminated
    ContextLimits limits;
    uint32_t slot = 0;  // in the account

    /// Cuts what is too long.
    void set_names(std::string_view guest_name, std::string_view client);
};

/// Everything that a new worker gets.
struct WorkerStart {
    transport::ChannelDescriptors channel;
    /// A simulated GPU's model, which the worker opens. Empty: a render node's open file is the
    /// first descriptor on the control socket, where no process between gets a copy of it.
    std::string simulated;
    // VmAccount::duplicate_fd() and duplicate_view(); mapped when the context is made.
    UniqueFd account;
    UniqueFd account_view;
    WorkerSettings settings;
};

/// A worker that was started. It announces its end in the shared page (SharedPage::exited), or its
/// end of the control socket closes. Destroying the handle ends it: a process is killed, a thread
/// must have been told to come to its end (SharedPage::abandoned) and is waited for.
class WorkerHandle {
  public:
    virtual ~WorkerHandle() = default;
    /// Ends it where it stands, if that can be done; to be repeated while it does not end. Any
    /// thread.
    virtual void kill() noexcept {}
    /// Of a thread of this process; 0 if it is none, or has not begun to run.
    virtual pid_t thread_id() const { return 0; }
};

/// Starts workers. Thread-safe.
class WorkerLauncher {
  public:
    virtual ~WorkerLauncher() = default;
    /// The worker reports its own failures in its first message over the control socket.
    virtual Result<std::unique_ptr<WorkerHandle>> start(WorkerStart start) = 0;
    /// A worker that was started sent no first word in time: what starts workers may hang.
    virtual void doubt() {}
};

/// Workers as threads of this process.
std::unique_ptr<WorkerLauncher> launch_threads();

/// Called once a worker's device is open, and before anything of the guest's is looked at: gives
/// the device as the worker may use it.
using Confine = std::function<Result<std::unique_ptr<Device>>(std::unique_ptr<Device> device)>;

/// Runs a worker on the calling thread until it ends. It does not start if `confine` (which may be
/// empty) fails. Whatever is thrown in it is its end.
void run_worker(WorkerStart start, const Confine& confine);

}  // namespace viaduct
