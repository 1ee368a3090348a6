// Stands in for systemd with tools/systemd/'s units: a zygote for whoever connects.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "blob/unique_fd.h"

namespace viaduct::test {

class WorkerService {
  public:
    /// Listens at a path of its own and starts VIADUCT_TEST_WORKER for each connection.
    WorkerService();
    ~WorkerService();
    const std::string& path() const { return path_; }
    int started() const { return started_; }

  private:
    void serve();

    const std::string path_;
    UniqueFd listener_;
    UniqueFd stop_;
    std::atomic<int> started_ = 0;
    std::thread thread_;
};

}  // namespace viaduct::test
