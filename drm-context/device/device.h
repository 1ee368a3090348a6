// Device: the kernel's side of a native context. A real render node and a simulated GPU look alike.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/device/busy_times.h"

namespace viaduct {

/// DRM_IOCTL_VERSION of the driver behind a device.
struct DriverVersion {
    std::string name;  // "amdgpu", "i915", ...
    uint32_t major = 0;
    uint32_t minor = 0;
    uint32_t patchlevel = 0;
};

/// Where the bytes behind an mmap offset live: map `fd` at `offset`, or the device's own file if
/// there is no `fd`.
struct MapSource {
    UniqueFd fd;
    uint64_t offset = 0;
};

/// How far the work behind a sync file is.
struct SyncFileState {
    int status = 0;           // 0: pending; 1: done; a negative errno: it failed, or was lost
    int64_t finished_ns = 0;  // CLOCK_MONOTONIC; 0 while pending, or if the kernel does not say
};

/// One open file of a render node: own GEM handles, own GPU address space. Methods may be called
/// from one thread at a time.
class Device {
  public:
    virtual ~Device() = default;

    /// As ioctl(2), retried on EINTR. Returns a negative errno on failure, else the ioctl's value.
    virtual int ioctl(unsigned long request, void* argument) = 0;
    /// The file to mmap at a fake offset that the driver's own mmap ioctl returned.
    virtual Result<MapSource> map_source(uint64_t mmap_offset) = 0;
    /// A sync file that signals when both have.
    virtual Result<UniqueFd> merge_sync_files(int a, int b) = 0;
    /// How the work behind a sync file ended, and when. EINVAL: not a sync file.
    virtual Result<SyncFileState> sync_file_state(int sync_file) = 0;
    /// The unfinished work on a dma-buf that a writer has to wait for, as one sync file. Work that
    /// a kernel keeps to its explicit users (DMA_RESV_USAGE_BOOKKEEP: all of xe's) is not in it.
    /// ENOTTY: Linux before 6.0.
    virtual Result<UniqueFd> unfinished_uses(int dmabuf) {
        return fail(ENOTTY, "dma-buf {} does not show its fences", dmabuf);
    }
    /// How long this file kept the GPU busy so far, as the driver counts it: amdgpu from when a job
    /// is handed to its ring until it is done, so that what waits there counts, too
    /// (amdgpu_ctx_fence_time). All zero if the driver does not report it.
    virtual BusyTimes busy_times() { return {}; }
    /// Descriptor of the open file; borrowed.
    virtual int fd() const = 0;
    /// Empty until read_version() has succeeded.
    const DriverVersion& version() const { return version_; }
    /// Asks the driver for its name and version. ENODEV: this is no DRM device.
    Status read_version();

  private:
    DriverVersion version_;
};

}  // namespace viaduct
