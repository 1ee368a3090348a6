// GEM handles of one open DRM file, counted: importing a buffer twice gives the same handle.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "base/ids.h"
#include "base/lease.h"
#include "drm-context/device/device.h"

namespace viaduct {

/// Closes a handle when the last GemReference of it goes. Outlives all of them.
class GemHandleTable {
  public:
    explicit GemHandleTable(Device& device) : device_(device) {}

    void retain(GemHandle handle) { ++counts_[handle]; }
    void release(GemHandle handle);
    /// `closed` is called with each handle that is closed from now on, which is then the kernel's
    /// to give away anew.
    void on_close(std::function<void(GemHandle handle)> closed) { closed_ = std::move(closed); }
    Device& device() { return device_; }

  private:
    Device& device_;
    std::map<GemHandle, uint32_t> counts_;
    std::function<void(GemHandle)> closed_;
};

/// One reference to a GEM handle.
class GemReference {
  public:
    GemReference() = default;
    GemReference(GemHandleTable& table, GemHandle handle) {
        table.retain(handle);
        reference_ = Lease<Reference>({&table, handle});
    }

    /// The kernel's handle; 0 if none.
    GemHandle get() const { return reference_ ? reference_->handle : GemHandle(); }

  private:
    struct Reference {
        GemHandleTable* table = nullptr;
        GemHandle handle = {};

        void give_back() { table->release(handle); }
    };
    Lease<Reference> reference_;
};

}  // namespace viaduct
