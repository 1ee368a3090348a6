// Stands in for systemd with tools/systemd/'s units: a zygote per connection, or trouble.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace viaduct::test {

class WorkerService {
  public:
    enum class Manner {
        kServe,   // starts VIADUCT_TEST_WORKER for each connection
        kDrop,    // closes it, as systemd does beyond MaxConnections
        kSilent,  // keeps it, and says nothing
    };

    /// Where a service of this process listens.
    static std::string path();
    explicit WorkerService(Manner manner = Manner::kServe);
    ~WorkerService();
    /// For the connections to come.
    void set_manner(Manner manner) { manner_ = manner; }
    /// How often somebody has connected.
    int connections() const { return connections_; }

  private:
    void serve();

    std::atomic<Manner> manner_;
    UniqueFd listener_;
    UniqueFd stop_;
    std::atomic<int> connections_ = 0;
    std::thread thread_;
};

}  // namespace viaduct::test
