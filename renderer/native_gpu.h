// NativeGpu: the one GPU behind capset 6, probed when first asked for.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/ids.h"
#include "base/log.h"
#include "base/mutex.h"
#include "renderer/provider.h"

namespace viaduct {

/// Finds the GPU once, remembers the answer, and logs in one line which it is and why, or why there
/// is none. VMMs ask for the capability set before init, when nothing is known of their display
/// yet: that there is a GPU then stays true, since init may change to another only where that one
/// is usable. A VMM may also change its user before init (QEMU's -run-with user=): what was opened
/// and started until then was the former user's, and is made again. Thread-safe; no lock is held
/// while the factory or the VMM's callbacks run.
class NativeGpu {
  public:
    /// `user`: the process's. Replaced by tests.
    NativeGpu(HostFactory factory, FenceCallback on_fence, std::function<uid_t()> user = ::geteuid)
        : factory_(std::move(factory)), on_fence_(std::move(on_fence)), user_(std::move(user)) {}

    /// The capability set, or nothing if there is no usable GPU. Probes if need be.
    std::optional<wire::CapsetDrm> capset();
    /// From init: probes, through the VMM's descriptor if it gives one, else with its display's GPU
    /// in mind.
    void start(const Callbacks& callbacks);
    /// Fences of the contexts until now, all of which must be gone, are not called back afterwards.
    /// The GPU stays: nobody has to wait for it to open.
    void reset();
    /// No fence callback starts afterwards. All contexts must be gone. Forgets GPU and VMM.
    void shut_down();

    Result<std::unique_ptr<NativeContext>> create_context(ContextId ctx_id, std::string_view name);
    Result<UniqueFd> signalled_sync_file();

  private:
    std::shared_ptr<NativeContextHost> host();
    std::shared_ptr<NativeContextHost> probe(const VmmGpu& vmm);
    bool keeps_host(const VmmGpu& vmm) const VIADUCT_REQUIRES(mutex_);
    void announce(const NativeContextHost& host);

    const HostFactory factory_;
    const FenceCallback on_fence_;
    const std::function<uid_t()> user_;
    Mutex mutex_;
    VmmGpu vmm_ VIADUCT_GUARDED_BY(mutex_);
    bool started_ VIADUCT_GUARDED_BY(mutex_) = false;   // a VMM is connected
    std::string announced_ VIADUCT_GUARDED_BY(mutex_);  // the last line about which GPU it is
    std::shared_ptr<NativeContextHost> host_ VIADUCT_GUARDED_BY(mutex_);
    uid_t made_by_ VIADUCT_GUARDED_BY(mutex_) = 0;  // the user that the process had then
    std::optional<wire::CapsetDrm> capset_ VIADUCT_GUARDED_BY(mutex_);
    LogLimiter log_ VIADUCT_GUARDED_BY(mutex_);
    bool absent_ VIADUCT_GUARDED_BY(mutex_) = false;  // probed in vain since the last start()
};

}  // namespace viaduct
