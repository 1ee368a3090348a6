// The front's end of a zygote: the process that forks workers.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {

/// Thread-safe.
class ZygoteLink {
  public:
    /// Says hello over a fresh connection; does not wait for the answer.
    static Result<std::shared_ptr<ZygoteLink>> greet(UniqueFd socket, bool simulated);
    /// Hangs up. If there were workers, returns once they and the zygote are gone, or a second
    /// after the hang-up.
    ~ZygoteLink();
    ZygoteLink(const ZygoteLink&) = delete;
    ZygoteLink& operator=(const ZygoteLink&) = delete;

    /// Waits for the answer to the hello. The value is what the host refuses for the jail.
    /// ETIMEDOUT: not yet. EPIPE: it is gone.
    Result<std::string> confirm(std::chrono::steady_clock::time_point deadline);
    /// Asks for a worker; its number is the value. To be paired with an end().
    Result<uint64_t> start(const WorkerStart& start);
    /// Does not wait: if the zygote is busy, the request goes out with the next start or kill.
    void kill(uint64_t worker) noexcept;
    /// Kills a worker that nobody refers to any more.
    void end(uint64_t worker) noexcept;
    /// Nothing is started from it any more: it ends with its last worker.
    void retire() noexcept;
    /// Ends the zygote and with it every worker; does not wait.
    void hang_up() noexcept;

  private:
    explicit ZygoteLink(UniqueFd socket) : socket_(std::move(socket)) {}
    void add_kill(uint64_t worker) noexcept VIADUCT_REQUIRES(mutex_);
    void send_kills() noexcept VIADUCT_REQUIRES(mutex_);
    void hang_up_locked() noexcept VIADUCT_REQUIRES(mutex_);

    const UniqueFd socket_;
    Mutex mutex_;
    uint64_t last_worker_ VIADUCT_GUARDED_BY(mutex_) = 0;
    size_t living_ VIADUCT_GUARDED_BY(mutex_) = 0;  // started, and not end()ed
    bool retired_ VIADUCT_GUARDED_BY(mutex_) = false;
    // Always has room for the living: a kill must not need memory, or it could not be asked for in
    // a destructor.
    std::vector<uint64_t> to_kill_ VIADUCT_GUARDED_BY(mutex_);
    std::chrono::steady_clock::time_point gone_by_
        VIADUCT_GUARDED_BY(mutex_){};  // since the hang-up
};

/// The program that zygotes are started from. ENOENT: it is not installed. A path that is named
/// (VIADUCT_WORKER_PATH) is the value, whatever is there.
Result<std::string> find_worker_program();
/// Starts it as a zygote, and leaves no child behind: the value is its socket.
Result<UniqueFd> spawn_zygote();
/// Connects to a service that gives each connection a zygote. Does not wait: EAGAIN if the service
/// has too many connections waiting.
Result<UniqueFd> connect_to_zygote(const std::string& path);

}  // namespace viaduct
