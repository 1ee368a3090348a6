// DeviceDecorator: a device in front of another one. Derived classes add what they are for.
#pragma once

#include <memory>
#include <utility>

#include "drm-context/device/device.h"

namespace viaduct {

/// Passes everything on. read_version() must be called on it, as on any device.
class DeviceDecorator : public Device {
  public:
    explicit DeviceDecorator(std::unique_ptr<Device> device) : device_(std::move(device)) {}

    int ioctl(unsigned long request, void* argument) override {
        return device_->ioctl(request, argument);
    }
    Result<MapSource> map_source(uint64_t mmap_offset) override {
        return device_->map_source(mmap_offset);
    }
    Result<UniqueFd> merge_sync_files(int a, int b) override {
        return device_->merge_sync_files(a, b);
    }
    Result<SyncFileState> sync_file_state(int sync_file) override {
        return device_->sync_file_state(sync_file);
    }
    Result<UniqueFd> unfinished_uses(int dmabuf) override {
        return device_->unfinished_uses(dmabuf);
    }
    BusyTimes busy_times() override { return device_->busy_times(); }
    int fd() const override { return device_->fd(); }

  private:
    const std::unique_ptr<Device> device_;
};

}  // namespace viaduct
