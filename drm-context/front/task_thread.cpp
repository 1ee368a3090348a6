#include "drm-context/front/task_thread.h"

#include <pthread.h>

#include <condition_variable>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"

namespace viaduct {

class TaskThread::Queue {
  public:
    void push(std::unique_ptr<Task> task) noexcept {
        const LockGuard lock(mutex_);
        Task* const added = task.get();
        (last_ ? last_->next_ : first_) = std::move(task);
        last_ = added;
        changed_.notify_one();
    }

    void close() {
        const LockGuard lock(mutex_);
        closed_ = true;
        changed_.notify_one();
    }

    void run() {
        while (std::unique_ptr<Task> task = take()) {
            try {
                task->run();
            } catch (const std::exception& error) {
                log(LogLevel::kError, "a background task failed: {}", error.what());
            }
        }
    }

  private:
    /// Waits for the next task; null once the queue is closed and empty.
    std::unique_ptr<Task> take() {
        UniqueLock lock(mutex_);
        changed_.wait(lock.native(),
                      [this]() VIADUCT_REQUIRES(mutex_) { return first_ || closed_; });
        std::unique_ptr<Task> task = std::move(first_);
        if (task) first_ = std::move(task->next_);
        if (!first_) last_ = nullptr;
        return task;
    }

    Mutex mutex_;
    std::condition_variable changed_;
    std::unique_ptr<Task> first_ VIADUCT_GUARDED_BY(mutex_);
    Task* last_ VIADUCT_GUARDED_BY(mutex_) = nullptr;
    bool closed_ VIADUCT_GUARDED_BY(mutex_) = false;
};

Result<std::shared_ptr<TaskThread>> TaskThread::start(const std::string& name) try {
    auto queue = std::make_shared<Queue>();
    std::shared_ptr<TaskThread> made(new TaskThread(queue));
    std::thread thread([queue] { queue->run(); });
    ::pthread_setname_np(thread.native_handle(), name.c_str());
    thread.detach();  // joining it could take for ever: a task may block for as long as the kernel
                      // likes
    return made;
} catch (const std::system_error& error) {
    return fail(EAGAIN, "cannot start thread {}: {}", name, error.what());
}

TaskThread::~TaskThread() {
    queue_->close();
}

void TaskThread::post(std::unique_ptr<Task> task) noexcept {
    queue_->push(std::move(task));
}

}  // namespace viaduct
