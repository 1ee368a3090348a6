// The front's end of a zygote: the process that forks workers.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "blob/result.h"
#include "blob/unique_fd.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {

/// Thread-safe.
class ZygoteLink {
  public:
    /// Says hello over a fresh connection; does not wait for the answer.
    static Result<std::shared_ptr<ZygoteLink>> greet(UniqueFd socket, bool simulated);
    /// Ends the zygote and with it every worker; returns once they are gone, or after a second.
    ~ZygoteLink();
    ZygoteLink(const ZygoteLink&) = delete;
    ZygoteLink& operator=(const ZygoteLink&) = delete;

    /// Waits for the answer to the hello. What the host refuses for the jail is the value.
    Result<std::string> confirm();
    /// Asks for a worker; its number is the value.
    Result<uint64_t> start(const WorkerStart& start);
    /// Does not wait: a zygote that is busy hears of it when the next worker is started or killed.
    void kill(uint64_t worker);

  private:
    explicit ZygoteLink(UniqueFd socket) : socket_(std::move(socket)) {}
    void send_kills();

    const UniqueFd socket_;
    std::mutex mutex_;
    uint64_t last_worker_ = 0;
    std::set<uint64_t> to_kill_;
};

/// Starts viaduct-worker as a zygote, and leaves no child behind: the value is its socket.
Result<UniqueFd> spawn_zygote();
/// Connects to a service that gives a zygote to whoever connects.
Result<UniqueFd> connect_to_zygote(const std::string& path);

/// How long a zygote may take to start, milliseconds: it is asked for long before it is needed.
inline constexpr int kZygoteStartTime = 5000;

}  // namespace viaduct
