// A process with a VM of its own, which works and has nothing to do with the one that is attacked.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "base/unique_fd.h"

namespace viaduct::test {

/// Starts this program once more. Ended when it goes.
class Neighbour {
  public:
    Neighbour();
    ~Neighbour();
    /// Waits until its VM has done `rounds` of work more. False after a minute, or if one failed.
    bool works(size_t rounds);

  private:
    UniqueFd lifeline_;  // closed: it ends
    UniqueFd report_;    // a byte per round
    pid_t pid_ = -1;
};

/// The body of the started program; returns when its standard input ends.
int run_neighbour();

}  // namespace viaduct::test
