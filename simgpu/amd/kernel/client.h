// Client: an open file as its jobs see it. It outlives the file, as jobs do.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "simgpu/amd/kernel/uapi.h"

namespace simgpu::amdgpu {

/// Thread-safe.
class Client {
  public:
    Client(uint64_t id, std::string name) : id_(id), name_(std::move(name)) {}

    uint64_t id() const { return id_; }
    std::string name() const {
        const std::lock_guard lock(mutex_);
        return name_;
    }
    void set_name(std::string name) {
        const std::lock_guard lock(mutex_);
        name_ = std::move(name);
    }
    /// For AMDGPU_INFO_GPUVM_FAULT.
    void record_fault(const GpuvmFault& fault) {
        const std::lock_guard lock(mutex_);
        last_fault_ = fault;
    }
    GpuvmFault last_fault() const {
        const std::lock_guard lock(mutex_);
        return last_fault_;
    }

  private:
    const uint64_t id_;
    mutable std::mutex mutex_;
    std::string name_;
    GpuvmFault last_fault_{};
};
using ClientPtr = std::shared_ptr<Client>;

}  // namespace simgpu::amdgpu
