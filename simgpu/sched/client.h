// Client: an open file as its jobs see it. It outlives the file, as jobs do.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.h"

namespace simgpu::sched {

/// Thread-safe.
class Client {
  public:
    Client(uint64_t id, std::string name) : id_(id), name_(std::move(name)) {}

    uint64_t id() const { return id_; }
    std::string name() const {
        const viaduct::LockGuard lock(mutex_);
        return name_;
    }
    void set_name(std::string name) {
        const viaduct::LockGuard lock(mutex_);
        name_ = std::move(name);
    }
    /// The address of its last VM fault; 0: it had none.
    void record_fault(uint64_t va) { last_fault_va_ = va; }
    uint64_t last_fault_va() const { return last_fault_va_; }

  private:
    const uint64_t id_;
    mutable viaduct::Mutex mutex_;
    std::string name_ VIADUCT_GUARDED_BY(mutex_);
    std::atomic<uint64_t> last_fault_va_ = 0;
};
using ClientPtr = std::shared_ptr<Client>;

}  // namespace simgpu::sched
