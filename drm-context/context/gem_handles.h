// GEM handles of one open DRM file, counted: importing a buffer twice gives the same handle.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "base/lease.h"
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

/// One reference to a GEM handle.
class GemHandle {
  public:
    GemHandle() = default;
    GemHandle(GemHandleTable& table, uint32_t handle) {
        table.retain(handle);
        reference_ = Lease<Reference>({&table, handle});
    }

    /// The kernel's handle; 0 if none.
    uint32_t get() const { return reference_ ? reference_->handle : 0; }

  private:
    struct Reference {
        GemHandleTable* table = nullptr;
        uint32_t handle = 0;

        void give_back() { table->release(handle); }
    };
    Lease<Reference> reference_;
};

}  // namespace viaduct
