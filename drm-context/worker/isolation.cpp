#include "drm-context/worker/isolation.h"

#include <cstdlib>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>

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

/// Processes, until it shows that there can be none.
class ProcessLauncher final : public WorkerLauncher {
  public:
    explicit ProcessLauncher(bool simulated) : simulated_(simulated) {
        auto zygote = connect();
        if (zygote)
            zygote_ = *std::move(zygote);
        else
            use_threads(zygote.error().message);
    }

    Result<std::unique_ptr<WorkerHandle>> start(WorkerStart start) override {
        const std::lock_guard lock(mutex_);
        if (!threads_ && !confirmed_) confirm();
        if (threads_) return threads_->start(std::move(start));
        auto worker = zygote_->start(start);
        if (!worker && worker.error().code == EPIPE) {  // somebody killed the zygote
            if (auto status = reconnect(); !status) return tl::unexpected(status.error());
            worker = zygote_->start(start);
        }
        if (!worker) return tl::unexpected(worker.error());
        return std::make_unique<WorkerProcess>(zygote_, *worker);
    }

  private:
    Result<std::shared_ptr<ZygoteLink>> connect() const {
        const char* path = ::secure_getenv("VIADUCT_WORKER_SOCKET");
        auto socket = path && *path ? connect_to_zygote(path) : spawn_zygote();
        if (!socket) return tl::unexpected(socket.error());
        return ZygoteLink::greet(*std::move(socket), simulated_);
    }

    void confirm() {
        const auto refused = zygote_->confirm();
        if (!refused) return use_threads(refused.error().message);
        if (!refused->empty())
            log(LogLevel::kWarning, "the workers' jail is incomplete, the host refuses: {}",
                *refused);
        confirmed_ = true;
    }

    Status reconnect() {
        auto zygote = connect();
        if (!zygote) return tl::unexpected(zygote.error());
        if (auto refused = (*zygote)->confirm(); !refused) return tl::unexpected(refused.error());
        zygote_ = *std::move(zygote);
        return {};
    }

    void use_threads(std::string_view reason) {
        log(LogLevel::kWarning,
            "contexts run within this process (thread mode): {}; see docs/isolation.md", reason);
        threads_ = launch_threads();
    }

    const bool simulated_;
    std::mutex mutex_;
    std::shared_ptr<ZygoteLink> zygote_;
    bool confirmed_ = false;
    std::unique_ptr<WorkerLauncher> threads_;
};

}  // namespace

std::unique_ptr<WorkerLauncher> launch_workers(bool simulated) {
    if (isolation_from_environment() != Isolation::kProcess) return launch_threads();
    return std::make_unique<ProcessLauncher>(simulated);
}

}  // namespace viaduct
