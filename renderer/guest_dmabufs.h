// GuestDmabufs: dma-bufs of guests' own memory, so that displays and GPUs reach it without a copy.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "blob/udmabuf.h"

namespace viaduct {

/// Opens the kernel's udmabuf when it is first needed, and makes dma-bufs with it. Thread-safe.
class GuestDmabufs {
  public:
    using Open = std::function<Result<std::unique_ptr<UdmabufDevice>>()>;

    explicit GuestDmabufs(Open open) : open_(std::move(open)) {}

    /// Errors: create_udmabuf()'s, and those of `open`. A device that could not be opened is tried
    /// again next time: the module may have been loaded since.
    Result<UniqueFd> make(std::span<const iovec> iovecs, uint64_t size) {
        const auto device = this->device();
        if (!device) return tl::unexpected(device.error());
        return create_udmabuf(**device, iovecs, size);
    }

  private:
    Result<UdmabufDevice*> device() {
        const LockGuard lock(mutex_);
        if (!device_) {
            auto opened = open_();
            if (!opened) return tl::unexpected(opened.error());
            device_ = *std::move(opened);
        }
        return device_.get();
    }

    const Open open_;
    Mutex mutex_;
    std::unique_ptr<UdmabufDevice> device_ VIADUCT_GUARDED_BY(mutex_);  // never replaced
};

}  // namespace viaduct
