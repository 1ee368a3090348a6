#include "drm-context/worker/isolation.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "drm-context/worker/zygote_link.h"

namespace viaduct {

namespace {

enum class Isolation { kUnset, kProcess, kThread };

Isolation isolation_from_environment() {
    const char* text = ::secure_getenv("VIADUCT_ISOLATION");
    const std::string_view wish = text ? text : "";
    if (wish == "process") return Isolation::kProcess;
    if (wish == "thread") return Isolation::kThread;
    if (!wish.empty())
        log(LogLevel::kWarning,
            "VIADUCT_ISOLATION=\"{}\" is neither process nor thread: process is taken",
            sanitise(wish));
    return Isolation::kUnset;
}

/// The number after `field` in /proc/PID/status; -1 if it cannot be read.
long status_field(pid_t pid, std::string_view field) {
    std::ifstream file(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(field)) return std::strtol(line.c_str() + field.size(), nullptr, 10);
    return -1;
}

/// True if this process has confined itself since it was started: then it may be killed for
/// starting another (QEMU's -sandbox on,spawn=deny). A container's filter is on its parent too.
bool has_own_seccomp_filter() {
    constexpr std::string_view kFilters = "Seccomp_filters:";  // since Linux 5.11
    const long ours = status_field(::getpid(), kFilters);
    if (ours < 0) return status_field(::getpid(), "Seccomp:") > 0;
    return ours > std::max(0L, status_field(::getppid(), kFilters));
}

class WorkerProcess final : public WorkerHandle {
  public:
    WorkerProcess(std::shared_ptr<ZygoteLink> zygote, uint64_t worker)
        : zygote_(std::move(zygote)), worker_(worker) {}
    ~WorkerProcess() override { kill(); }
    void kill() override { zygote_->kill(worker_); }

  private:
    const std::shared_ptr<ZygoteLink> zygote_;
    const uint64_t worker_;
};

/// Processes; unless they were asked for by name, threads if it shows that there can be none.
class ProcessLauncher final : public WorkerLauncher {
  public:
    ProcessLauncher(bool simulated, Isolation wish) : simulated_(simulated), wish_(wish) {
        if (auto zygote = connect()) greeted_ = *std::move(zygote);  // else the first start tells
    }

    Result<std::unique_ptr<WorkerHandle>> start(WorkerStart start) override {
        const std::lock_guard lock(mutex_);
        if (threads_) return threads_->start(std::move(start));
        auto worker = start_process(start);
        // A zygote that somebody killed, or that hangs, says nothing about the next one.
        if (!worker && (worker.error().code == EPIPE || worker.error().code == ETIMEDOUT))
            worker = start_process(start);
        if (worker || proven_ || wish_ == Isolation::kProcess) return worker;
        use_threads(worker.error().message);
        return threads_->start(std::move(start));
    }

  private:
    Result<std::unique_ptr<WorkerHandle>> start_process(const WorkerStart& start) {
        if (!zygote_)
            if (auto status = get_zygote(); !status) return tl::unexpected(status.error());
        auto worker = zygote_->start(start);
        if (worker) return std::make_unique<WorkerProcess>(zygote_, *worker);
        if (worker.error().code == EPIPE) zygote_.reset();
        return tl::unexpected(worker.error());
    }

    Status get_zygote() {
        auto zygote = greeted_ ? std::exchange(greeted_, nullptr) : connect();
        if (!zygote) return tl::unexpected(zygote.error());
        const auto refused = (*zygote)->confirm();
        if (!refused) return tl::unexpected(refused.error());
        static std::atomic<bool> said{false};
        if (!refused->empty() && !said.exchange(true))
            log(LogLevel::kWarning, "the workers' jail is incomplete, the host refuses: {}",
                *refused);
        zygote_ = *std::move(zygote);
        proven_ = true;
        return {};
    }

    Result<std::shared_ptr<ZygoteLink>> connect() const {
        const char* path = ::secure_getenv("VIADUCT_WORKER_SOCKET");
        const bool service = path && *path;
        if (!service && wish_ == Isolation::kUnset && has_own_seccomp_filter())
            return fail(EPERM,
                        "this process has a seccomp filter that may forbid to start others; let "
                        "VIADUCT_WORKER_SOCKET name a socket of viaduct-workerd, or set "
                        "VIADUCT_ISOLATION=process if it does not");
        auto socket = service ? connect_to_zygote(path) : spawn_zygote();
        if (!socket) return tl::unexpected(socket.error());
        return ZygoteLink::greet(*std::move(socket), simulated_);
    }

    void use_threads(std::string_view reason) {
        static std::atomic<bool> said{false};  // a guest that reboots makes us try anew each time
        if (!said.exchange(true))
            log(LogLevel::kWarning,
                "contexts run within this process (thread mode): {}; see docs/isolation.md",
                reason);
        threads_ = launch_threads();
    }

    const bool simulated_;
    const Isolation wish_;
    std::mutex mutex_;
    std::shared_ptr<ZygoteLink> greeted_;  // has not answered yet
    std::shared_ptr<ZygoteLink> zygote_;   // has
    bool proven_ = false;                  // there can be processes: there was one
    std::unique_ptr<WorkerLauncher> threads_;
};

}  // namespace

std::unique_ptr<WorkerLauncher> launch_workers(bool simulated) {
    const Isolation wish = isolation_from_environment();
    if (wish == Isolation::kThread) return launch_threads();
    return std::make_unique<ProcessLauncher>(simulated, wish);
}

}  // namespace viaduct
