#include <sys/prctl.h>

#include <system_error>
#include <thread>

#include "drm-context/worker/worker_host.h"

namespace viaduct {

namespace {

class WorkerThread final : public WorkerHandle {
  public:
    explicit WorkerThread(WorkerStart start) : thread_(run, std::move(start)) {}
    ~WorkerThread() override { thread_.join(); }

  private:
    static void run(WorkerStart start) {
        ::prctl(PR_SET_NAME, fmt::format("vw:{}", start.settings.name).c_str());  // as processes
        run_worker(std::move(start), nullptr);
    }

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
