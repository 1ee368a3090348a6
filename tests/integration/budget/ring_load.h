// A process with a VM of its own that keeps the simulated GPU's graphics ring busy.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/unique_fd.h"

namespace viaduct::test {

/// Starts this program once more; its VM has `share` per cent of the GPU `instance` and serves its
/// metrics at `metrics`. Ended when it goes.
class RingLoad {
  public:
    RingLoad(unsigned share, const std::string& instance, std::string metrics);
    ~RingLoad();
    /// GPU time that the VM's jobs took, in seconds: their number, for all are equally long. (The
    /// kernel's busy times count waiting on the ring, too.) Negative while it does not answer.
    double executed_seconds() const;

  private:
    const std::string metrics_;
    UniqueFd lifeline_;  // closed: it ends
    pid_t pid_ = -1;
};

/// The body of the started program; returns when its standard input ends.
int run_load();

}  // namespace viaduct::test
