#include <system_error>
#include <thread>

#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/worker.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {

namespace {

Result<std::unique_ptr<DriverContext>> create_context(WorkerStart& start) {
    auto account = ContextAccount::attach(std::move(start.account), start.slot, start.limits);
    if (!account) return tl::unexpected(account.error());
    return start.type->create(std::move(start.device), *std::move(account));
}

void run_worker(WorkerStart start) {
    auto& page = start.end.page();
    // Outlives the worker, to tell of its end with.
    const UniqueFd notify = start.end.notify.duplicate();
    auto memory_kept = Mapping();
    auto context = create_context(start);
    if (context) {
        (*context)->set_name(std::move(start.name), start.client_name);
        announce_worker(start.end, {}, (*context)->device().fd());
        Worker worker(std::move(start.end), *std::move(context));
        worker.run();
        memory_kept = worker.release_memory();
    } else {
        announce_worker(start.end, tl::unexpected(context.error()), -1);
        memory_kept = std::move(start.end.memory);
    }
    page.exited.store(1, std::memory_order_release);
    transport::signal_event(notify.get());
}

class WorkerThread final : public WorkerHandle {
  public:
    explicit WorkerThread(WorkerStart start) : thread_(run_worker, std::move(start)) {}
    ~WorkerThread() override { thread_.join(); }

  private:
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<WorkerHandle>> start_worker_thread(WorkerStart start) try {
    return std::make_unique<WorkerThread>(std::move(start));
} catch (const std::system_error& error) {
    return fail(EAGAIN, "cannot start a thread for a context: {}", error.what());
}

}  // namespace viaduct
