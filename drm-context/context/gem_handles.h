// GEM handles of one open DRM file, counted: importing a buffer twice gives the same handle.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "drm-context/device/device.h"

namespace viaduct {

/// Closes a handle when the last GemHandle of it goes. Outlives all of them.
class GemHandleTable {
  public:
    explicit GemHandleTable(Device& device) : device_(device) {}

    void retain(uint32_t handle) { ++counts_[handle]; }
    void release(uint32_t handle);
    /// `closed` is called with each handle that is closed from now on, which is then the kernel's
    /// to give away anew.
    void on_close(std::function<void(uint32_t handle)> closed) { closed_ = std::move(closed); }
    Device& device() { return device_; }

  private:
    Device& device_;
    std::map<uint32_t, uint32_t> counts_;
    std::function<void(uint32_t)> closed_;
};

/// Movable owner of one reference to a GEM handle.
class GemHandle {
  public:
    GemHandle() = default;
    GemHandle(GemHandleTable& table, uint32_t handle) : table_(&table), handle_(handle) {
        table.retain(handle);
    }
    GemHandle(GemHandle&& other) noexcept
        : table_(std::exchange(other.table_, nullptr)), handle_(std::exchange(other.handle_, 0)) {}
    GemHandle& operator=(GemHandle&& other) noexcept {
        std::swap(table_, other.table_);
        std::swap(handle_, other.handle_);
        return *this;
    }
    GemHandle(const GemHandle&) = delete;
    GemHandle& operator=(const GemHandle&) = delete;
    ~GemHandle() {
        if (table_) table_->release(handle_);
    }

    /// The kernel's handle; 0 if none.
    uint32_t get() const { return handle_; }

  private:
    GemHandleTable* table_ = nullptr;
    uint32_t handle_ = 0;
};

}  // namespace viaduct
