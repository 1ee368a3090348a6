#include "drm-context/worker/marked_device.h"

#include "base/clock.h"
#include "drm-context/device/device_decorator.h"

namespace viaduct {

namespace {

class KernelCall {
  public:
    explicit KernelCall(transport::SharedPage& page) : page_(page) {
        page_.in_kernel_since.store(monotonic_ns(), std::memory_order_relaxed);
    }
    ~KernelCall() { page_.in_kernel_since.store(0, std::memory_order_relaxed); }
    KernelCall(const KernelCall&) = delete;
    KernelCall& operator=(const KernelCall&) = delete;

  private:
    transport::SharedPage& page_;
};

// Merging sync files, asking for their state and finding out where to map do not sleep.
class MarkedDevice final : public DeviceDecorator {
  public:
    MarkedDevice(std::unique_ptr<Device> device, transport::SharedPage& page)
        : DeviceDecorator(std::move(device)), page_(page) {}

    int ioctl(unsigned long request, void* argument) override {
        const KernelCall call(page_);
        return DeviceDecorator::ioctl(request, argument);
    }
    // Reads fdinfo, for which amdgpu locks the root page directory: behind evictions and CS.
    BusyTimes busy_times() override {
        const KernelCall call(page_);
        return DeviceDecorator::busy_times();
    }

  private:
    transport::SharedPage& page_;
};

}  // namespace

Result<std::unique_ptr<Device>> mark_kernel_calls(std::unique_ptr<Device> device,
                                                  transport::SharedPage& page) {
    auto marked = std::make_unique<MarkedDevice>(std::move(device), page);
    if (auto status = marked->read_version(); !status) return tl::unexpected(status.error());
    return std::unique_ptr<Device>(std::move(marked));
}

}  // namespace viaduct
