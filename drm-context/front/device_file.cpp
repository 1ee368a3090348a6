#include "drm-context/front/device_file.h"

#include <new>
#include <utility>

namespace viaduct {

namespace {

/// Is its own task: what it holds goes when the closer has run it.
class ClosedElsewhere final : public DeviceFile, public Task {
  public:
    ClosedElsewhere(VmSlot slot, Booking booking)
        : DeviceFile(std::move(slot), std::move(booking)) {}
    void run() override {}
};

class Discarded final : public Task {
  public:
    explicit Discarded(UniqueFd fd) : fd_(std::move(fd)) {}
    void run() override {}

  private:
    UniqueFd fd_;
};

}  // namespace

std::shared_ptr<DeviceFile> DeviceFile::create(VmSlot slot, std::shared_ptr<TaskThread> closer,
                                               Booking booking) {
    return std::shared_ptr<ClosedElsewhere>(
        new ClosedElsewhere(std::move(slot), std::move(booking)),
        [closer = std::move(closer)](ClosedElsewhere* file) {
            closer->post(std::unique_ptr<Task>(file));
        });
}

void DeviceFile::adopt(UniqueFd fd, Kind kind) {
    fd_ = std::move(fd);
    kind_ = kind;
    number_.store(fd_.get(), std::memory_order_release);
}

void close_elsewhere(UniqueFd fd, TaskThread& closer) noexcept {
    if (!fd) return;
    std::unique_ptr<Task> task(new (std::nothrow) Discarded(std::move(fd)));
    if (task) closer.post(std::move(task));
}

}  // namespace viaduct
