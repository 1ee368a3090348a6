#include "display/gpu_copy/copy_thread.h"

#include <sys/eventfd.h>

#include <cstring>
#include <exception>
#include <system_error>
#include <utility>

#include "blob/dmabuf.h"

namespace viaduct::gpu_copy {

CopyThread::CopyThread(OpenCopier open, dev_t device)
    : answered_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!answered_) throw std::system_error(errno, std::generic_category(), "eventfd");
    thread_ = std::thread([this, open = std::move(open), device] { run(open, device); });
}

CopyThread::~CopyThread() {
    {
        const LockGuard lock(mutex_);
        ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void CopyThread::begin(Job job) {
    {
        const LockGuard lock(mutex_);
        job_ = std::move(job);
    }
    changed_.notify_one();
}

std::optional<CopyThread::Answer> CopyThread::take() {
    eventfd_t count = 0;
    ::eventfd_read(answered_.get(), &count);
    const LockGuard lock(mutex_);
    return std::exchange(answer_, {});
}

// Nothing: the thread is to end.
std::optional<CopyThread::Job> CopyThread::next() {
    UniqueLock lock(mutex_);
    while (!job_ && !ending_) changed_.wait(lock.native());
    return ending_ ? std::nullopt : std::exchange(job_, {});
}

void CopyThread::answer(Answer answer) {
    {
        const LockGuard lock(mutex_);
        answer_ = std::move(answer);
    }
    ::eventfd_write(answered_.get(), 1);
}

void CopyThread::run(const OpenCopier& open, dev_t device) {
    Work work;
    Error why{ENODEV, "out of memory"};  // short: that takes none
    bool opened = false;
    while (auto job = next()) {
        Result<Frame> copied = tl::unexpected(Error{ENOMEM, "out of memory"});
        try {
            if (!std::exchange(opened, true)) {
                auto copier = open(device);
                if (copier)
                    work.copier = *std::move(copier);
                else
                    why = {ENODEV, std::move(copier.error().message)};
            }
            copied = work.copier ? copy(work, *job) : tl::unexpected(why);
            if (!copied && copied.error().code == ENODEV) {
                why = copied.error();
                work.targets.clear();
                work.copier.reset();
            }
        } catch (const std::bad_alloc&) {  // the answer says so
        }
        answer({std::move(job->frame), std::move(copied)});
    }
    work.targets.clear();
}

Result<Frame> CopyThread::copy(Work& work, const Job& job) {
    if (std::exchange(work.kind, job.kind) != job.kind) work.targets.clear();
    auto& target = work.targets[job.target];
    if (!target) {
        auto made = work.copier->make_target(job.kind);
        if (!made) return tl::unexpected(made.error());
        target = *std::move(made);
    }
    const Frame& frame = job.frame;
    UniqueFd fence = frame.acquire_fence().duplicate();
    if (!fence)
        if (auto exported = export_sync_file(frame.buffer(0)->get(), BufferAccess::kRead))
            fence = *std::move(exported);
    const auto done = work.copier->copy(frame, fence.get(), *target);
    if (!done) return tl::unexpected(done.error());
    // Its producer may not write before that, whatever it waits for.
    if (*done)
        std::ignore = import_sync_file(frame.buffer(0)->get(), done->get(), BufferAccess::kRead);
    FrameDescription copy = target->description();
    copy.bottom_up = frame.bottom_up();
    copy.crop = frame.crop();
    copy.damage = frame.damage();
    copy.acquire_fence = done->get();
    return Frame::check(copy);
}

}  // namespace viaduct::gpu_copy
