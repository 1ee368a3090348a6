// Workers as processes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {

struct ProcessOptions {
    bool simulated = false;  // the workers will open a simulated GPU
    /// Connects to a zygote that has not been greeted yet; does not wait for it.
    std::function<Result<UniqueFd>()> connect;
    /// How many contexts the VM has lost so far.
    std::function<uint64_t()> losses;
    /// How long a zygote may take to answer the greeting. The first one is greeted long before it
    /// is needed.
    std::chrono::milliseconds greeting_time{5000};
};

// Workers are forks of a zygote, with its address space layout and its stack canary. A guest may
// crash its workers again and again to learn these, so a zygote wears out.
inline constexpr uint64_t kWornLosses = 16;   // a new one is greeted, and taken once it answers
inline constexpr uint64_t kMostLosses = 64;   // the old one starts nothing more
inline constexpr uint64_t kWornStarts = 256;  // as kWornLosses, whatever became of the workers
/// A worn zygote ends with its last worker. Without this limit each could cost a guest only one
/// context that stays.
inline constexpr size_t kMostWornZygotes = 8;

/// Greets the first zygote. A start that fails, for whatever reason, fails with an error, and the
/// next one tries again; nothing but a process is ever started. A zygote that does not answer is
/// waited for once (EAGAIN): starts within one more greeting time fail at once, so that contexts
/// in a queue do not wait one after the other.
std::unique_ptr<WorkerLauncher> launch_processes(ProcessOptions options);

}  // namespace viaduct
