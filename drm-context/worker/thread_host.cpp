#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <system_error>
#include <thread>

#include "drm-context/worker/worker_host.h"

namespace viaduct {

namespace {

class WorkerThread final : public WorkerHandle {
  public:
    explicit WorkerThread(WorkerStart start)
        : thread_(&WorkerThread::run, this, std::move(start)) {}
    ~WorkerThread() override { thread_.join(); }
    pid_t thread_id() const override { return id_; }

  private:
    void run(WorkerStart start) {
        id_ = static_cast<pid_t>(::syscall(SYS_gettid));
        ::prctl(PR_SET_NAME, fmt::format("vw:{}", start.settings.name).c_str());  // as processes
        run_worker(std::move(start), nullptr);
    }

    std::atomic<pid_t> id_ = 0;
    std::thread thread_;
};

class ThreadLauncher final : public WorkerLauncher {
  public:
    Result<std::unique_ptr<WorkerHandle>> start(WorkerStart start) override try {
        return std::make_unique<WorkerThread>(std::move(start));
    } catch (const std::system_error& error) {
        return fail(EAGAIN, "cannot start a thread for a context: {}", error.what());
    }
};

}  // namespace

std::unique_ptr<WorkerLauncher> launch_threads() {
    return std::make_unique<ThreadLauncher>();
}

}  // namespace viaduct
