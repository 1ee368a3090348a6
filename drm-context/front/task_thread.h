// TaskThread: runs what may block for long, so that no thread of the VMM's has to.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace viaduct {

/// One piece of work. Linked into its queue, so that handing it over neither allocates nor fails.
class Task {
  public:
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    /// Runs on the task's thread too.
    virtual ~Task() = default;
    virtual void run() = 0;

  private:
    friend class TaskThread;
    std::unique_ptr<Task> next_;
};

/// Thread-safe.
class TaskThread {
  public:
    /// `name`: of the thread, at most 15 characters. EAGAIN: there can be no further thread.
    static Result<std::shared_ptr<TaskThread>> start(const std::string& name);
    /// Returns at once. Every task that was posted still runs; then the thread ends.
    ~TaskThread();
    TaskThread(const TaskThread&) = delete;
    TaskThread& operator=(const TaskThread&) = delete;

    /// Runs `task` and destroys it, after all that were posted before. Never blocks. An exception
    /// ends the task and is logged.
    void post(std::unique_ptr<Task> task) noexcept;

  private:
    class Queue;
    explicit TaskThread(std::shared_ptr<Queue> queue) : queue_(std::move(queue)) {}

    const std::shared_ptr<Queue> queue_;  // shared with the thread, which may outlive us
};

}  // namespace viaduct
