#include "drm-context/worker/process_host.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "drm-context/worker/zygote_link.h"

namespace viaduct {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

class WorkerProcess final : public WorkerHandle {
  public:
    explicit WorkerProcess(std::shared_ptr<ZygoteLink> zygote) : zygote_(std::move(zygote)) {}
    ~WorkerProcess() override {
        if (worker_ != 0) zygote_->end(worker_);
    }

    Status start(const WorkerStart& start) {
        const auto worker = zygote_->start(start);
        if (!worker) return tl::unexpected(worker.error());
        worker_ = *worker;
        return {};
    }
    void kill() noexcept override { zygote_->kill(worker_); }

  private:
    const std::shared_ptr<ZygoteLink> zygote_;
    uint64_t worker_ = 0;
};

void log_refused(const std::string& refused) {
    static std::atomic<bool> logged{false};
    if (!refused.empty() && !logged.exchange(true))
        log(LogLevel::kWarning, "the workers' jail is incomplete; the host does not allow: {}",
            refused);
}

class ProcessLauncher final : public WorkerLauncher {
  public:
    explicit ProcessLauncher(ProcessOptions options) : options_(std::move(options)) {
        (void)greet();  // the first start tries again
    }

    ~ProcessLauncher() override {
        // All of them first: their ends are waited for together.
        for (const auto& zygote : worn_) zygote->hang_up();
        for (const auto* zygote : {&greeted_, &zygote_})
            if (*zygote) (*zygote)->hang_up();
    }

    Result<std::unique_ptr<WorkerHandle>> start(WorkerStart start) override {
        const LockGuard lock(mutex_);
        auto worker = start_process(start);
        // A zygote that was killed allows no conclusion about the next one.
        if (!worker && worker.error().code == EPIPE) worker = start_process(start);
        return worker;
    }

    // Or the GPU is slow: then another zygote costs little.
    void doubt() override {
        const LockGuard lock(mutex_);
        starts_ = kWornStarts;
    }

  private:
    enum class Wait { kNo, kForAnswer };

    Result<std::unique_ptr<WorkerHandle>> start_process(const WorkerStart& start)
        VIADUCT_REQUIRES(mutex_) {
        end_idle_zygotes();
        if (auto status = provide_zygote(); !status) return tl::unexpected(status.error());
        auto worker = std::make_unique<WorkerProcess>(zygote_);
        if (auto status = worker->start(start); !status) {
            if (status.error().code == EPIPE) zygote_.reset();
            return tl::unexpected(status.error());
        }
        ++starts_;
        return std::unique_ptr<WorkerHandle>(std::move(worker));
    }

    Status provide_zygote() VIADUCT_REQUIRES(mutex_) {
        const uint64_t losses = options_.losses() - losses_before_;
        if (zygote_ && losses < kWornLosses && starts_ < kWornStarts) return {};
        const bool spent = zygote_ && losses >= kMostLosses;
        auto next = next_zygote(!zygote_ || spent ? Wait::kForAnswer : Wait::kNo);
        if (next) return replace_zygote(*std::move(next));
        if (spent)
            return fail(next.error().code,
                        "{} contexts were lost since viaduct-worker was started, and it cannot be "
                        "replaced: {}",
                        losses, next.error().message);
        if (zygote_) return {};
        return tl::unexpected(next.error());
    }

    Status replace_zygote(std::shared_ptr<ZygoteLink> next) VIADUCT_REQUIRES(mutex_) {
        if (zygote_) {
            zygote_->retire();
            worn_.push_back(zygote_);
        }
        zygote_ = std::move(next);
        starts_ = 0;
        losses_before_ = options_.losses();
        return {};
    }

    Result<std::shared_ptr<ZygoteLink>> next_zygote(Wait wait) VIADUCT_REQUIRES(mutex_) {
        if (zygote_ && worn_.size() >= kMostWornZygotes)
            return fail(EBUSY, "{} older processes still have workers", worn_.size());
        if (!greeted_)
            if (auto status = greet(); !status) return tl::unexpected(status.error());
        const auto deadline = wait == Wait::kForAnswer ? answer_by_ : steady_clock::now();
        const auto refused = greeted_->confirm(std::min(deadline, answer_by_));
        if (!refused) return tl::unexpected(look_at(refused.error()));
        log_refused(*refused);
        return std::exchange(greeted_, nullptr);
    }

    /// A greeting that was not answered, or not well. It is kept while an answer may come.
    Error look_at(const Error& error) VIADUCT_REQUIRES(mutex_) {
        const auto now = steady_clock::now();
        if (error.code == ETIMEDOUT && now < answer_by_) return {EAGAIN, error.message};
        greeted_.reset();
        if (error.code != ETIMEDOUT) return error;
        greet_from_ = now + options_.greeting_time;
        return no_answer();
    }

    Error no_answer() const VIADUCT_REQUIRES(mutex_) {
        const auto left =
            std::chrono::ceil<milliseconds>(greet_from_ - steady_clock::now()).count();
        return {
            EAGAIN,
            fmt::format(
                "viaduct-worker did not answer within {} ms; the next attempt is possible in {} ms",
                options_.greeting_time.count(), left)};
    }

    Status greet() VIADUCT_REQUIRES(mutex_) {
        const auto now = steady_clock::now();
        if (now < greet_from_) return tl::unexpected(no_answer());
        auto socket = options_.connect();
        if (!socket) return tl::unexpected(socket.error());
        auto greeted = ZygoteLink::greet(*std::move(socket), options_.simulated);
        if (!greeted) return tl::unexpected(greeted.error());
        greeted_ = *std::move(greeted);
        answer_by_ = now + options_.greeting_time;
        return {};
    }

    // Their workers' handles have gone: those hold the other references.
    void end_idle_zygotes() VIADUCT_REQUIRES(mutex_) {
        std::erase_if(worn_, [](const auto& zygote) { return zygote.use_count() == 1; });
    }

    const ProcessOptions options_;
    Mutex mutex_;
    std::shared_ptr<ZygoteLink> zygote_ VIADUCT_GUARDED_BY(mutex_);             // forks workers
    uint64_t starts_ VIADUCT_GUARDED_BY(mutex_) = 0;                            // by it
    uint64_t losses_before_ VIADUCT_GUARDED_BY(mutex_) = 0;                     // it began
    std::vector<std::shared_ptr<ZygoteLink>> worn_ VIADUCT_GUARDED_BY(mutex_);  // with workers left
    std::shared_ptr<ZygoteLink> greeted_ VIADUCT_GUARDED_BY(mutex_);    // has not answered yet
    steady_clock::time_point answer_by_ VIADUCT_GUARDED_BY(mutex_){};   // it has to
    steady_clock::time_point greet_from_ VIADUCT_GUARDED_BY(mutex_){};  // the next one
};

}  // namespace

std::unique_ptr<WorkerLauncher> launch_processes(ProcessOptions options) {
    return std::make_unique<ProcessLauncher>(std::move(options));
}

}  // namespace viaduct
