// The zygote: forks a worker for each context, so that a context costs a fork and not an exec.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/jail/jail.h"
#include "drm-context/worker/zygote_messages.h"

namespace viaduct {

/// Single-threaded: a forked worker inherits no lock in a strange state.
class Zygote {
  public:
    /// `front`: the connection, after the hello was answered.
    explicit Zygote(UniqueFd front) : front_(std::move(front)) {}

    /// Serves requests until the front hangs up, then ends every worker. Returns in the zygote
    /// only.
    Status run();

  private:
    Status serve_one();
    void start(const zygote::Request& request, std::vector<UniqueFd> descriptors);
    /// The jail for such a worker; made when first wanted.
    Result<const jail::Cell*> cell_for(const WorkerStart& start);
    void kill(uint64_t worker);
    void reap();
    void end_all();

    UniqueFd front_;
    UniqueFd child_events_;  // signalfd of SIGCHLD
    std::map<uint64_t, pid_t> workers_;
    std::map<std::pair<wire::ContextType, jail::Gpu>, jail::Cell> cells_;
};

}  // namespace viaduct
