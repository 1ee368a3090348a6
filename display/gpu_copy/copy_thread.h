// CopyThread: a Copier on a thread of its own, for callers that nothing may hold up.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <optional>
#include <thread>

#include "base/mutex.h"
#include "display/gpu_copy/copier.h"

namespace viaduct::gpu_copy {

/// One frame at a time. Not thread-safe: one thread begins and takes. Nothing waits there but the
/// destructor.
class CopyThread {
  public:
    struct Job {
        Frame frame;
        CopyKind kind;
        /// Names the target: the one that was made for the same number, unless kinds differ.
        uint64_t target = 0;
    };
    struct Answer {
        Frame original;
        /// The copy, with the damage and the crop of its original, and the fence that completes it.
        /// ENODEV: no copier is left; nothing will be copied.
        Result<Frame> copy;
    };

    /// `open` is called with `device` on the thread, before the first job.
    CopyThread(OpenCopier open, dev_t device);
    /// Waits for the job that is under way, and for the GPU's driver to close.
    ~CopyThread();
    CopyThread(const CopyThread&) = delete;
    CopyThread& operator=(const CopyThread&) = delete;

    /// Readable when there is an answer.
    int fd() const { return answered_.get(); }
    /// Not while another one is under way.
    void begin(Job job);
    /// Nothing: the job is under way.
    std::optional<Answer> take();

  private:
    /// Of the thread alone.
    struct Work {
        std::unique_ptr<Copier> copier;
        CopyKind kind;
        std::map<uint64_t, std::unique_ptr<CopyTarget>> targets;  // all of `kind`
    };
    void run(const OpenCopier& open, dev_t device);
    std::optional<Job> next();
    void answer(Answer answer);
    static Result<Frame> copy(Work& work, const Job& job);

    const UniqueFd answered_;  // an eventfd
    Mutex mutex_;
    std::condition_variable changed_;
    std::optional<Job> job_ VIADUCT_GUARDED_BY(mutex_);
    std::optional<Answer> answer_ VIADUCT_GUARDED_BY(mutex_);
    bool ending_ VIADUCT_GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace viaduct::gpu_copy
