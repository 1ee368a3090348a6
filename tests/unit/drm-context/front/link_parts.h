// The parts of a ContextLink that most tests do not care about.
#pragma once

#include <chrono>
#include <future>
#include <memory>
#include <span>

#include "drm-context/front/context_link.h"
#include "drm-context/front/patience.h"

namespace viaduct::test {

/// One thread for all tests of a program.
inline std::shared_ptr<TaskThread> closer() {
    static const auto thread = TaskThread::start("closer").value();
    return thread;
}

/// Of a VM that waits for as long as it takes, unless it is told otherwise.
inline std::shared_ptr<Patience> patience(
    Patience::Clock::duration deadline = std::chrono::hours(1)) {
    return std::make_shared<Patience>(deadline);
}

/// A file without a slot in an account.
inline std::shared_ptr<DeviceFile> device_file() {
    return DeviceFile::create(VmSlot(), closer());
}

/// A worker that runs, and ends when it likes.
struct IdleWorker final : WorkerHandle {};

/// Starts the worker of a link: whoever holds `socket`, the worker's end.
inline void start(ContextLink& link, int socket,
                  std::unique_ptr<WorkerHandle> worker = std::make_unique<IdleWorker>()) {
    const transport::Reply ready{};  // kReadyCookie
    (void)transport::send_message(socket, std::as_bytes(std::span(&ready, 1)), -1);
    link.set_worker(std::move(worker));
    (void)link.wait_for_first_word(std::chrono::steady_clock::now() + std::chrono::seconds(10));
    link.finish_start();
}

/// Returns once the closer has done all that it was given.
inline void settle_closer() {
    struct Last final : Task {
        explicit Last(std::promise<void>& done) : done(done) {}
        void run() override { done.set_value(); }
        std::promise<void>& done;
    };
    std::promise<void> done;
    closer()->post(std::make_unique<Last>(done));
    done.get_future().wait();
}

}  // namespace viaduct::test
