#include "drm-context/worker/marked_device.h"

#include "drm-context/account/clock.h"

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

class MarkedDevice final : public Device {
  public:
    MarkedDevice(std::unique_ptr<Device> device, transport::SharedPage& page)
        : device_(std::move(device)), page_(page) {}

    int ioctl(unsigned long request, void* argument) override {
        const KernelCall call(page_);
        return device_->ioctl(request, argument);
    }
    // Reads fdinfo, for which amdgpu locks the root page directory: behind evictions and CS.
    BusyTimes busy_times() override {
        const KernelCall call(page_);
        return device_->busy_times();
    }
    // These do not sleep.
    Result<MapSource> map_source(uint64_t mmap_offset) override {
        return device_->map_source(mmap_offset);
    }
    Result<UniqueFd> merge_sync_files(int a, int b) override {
        return device_->merge_sync_files(a, b);
    }
    Result<SyncFileState> sync_file_state(int sync_file) override {
        return device_->sync_file_state(sync_file);
    }
    int fd() const override { return device_->fd(); }

  private:
    std::unique_ptr<Device> device_;
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
