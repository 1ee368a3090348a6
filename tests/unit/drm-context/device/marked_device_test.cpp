#include "drm-context/worker/marked_device.h"

#include <drm.h>
#include <gtest/gtest.h>

#include "base/clock.h"

namespace viaduct {
namespace {

/// Notes what the shared page says while the kernel is called.
class WatchedDevice final : public Device {
  public:
    WatchedDevice(const transport::SharedPage& page, std::vector<int64_t>& seen)
        : page_(page), seen_(seen) {}

    int ioctl(unsigned long, void*) override { return note(), -ENODATA; }
    Result<MapSource> map_source(uint64_t) override { return fail(EINVAL, "nothing is mapped"); }
    Result<UniqueFd> merge_sync_files(int, int) override { return UniqueFd(); }
    Result<SyncFileState> sync_file_state(int) override { return SyncFileState{1, 0}; }
    BusyTimes busy_times() override { return note(), BusyTimes{7}; }
    int fd() const override { return 99; }

  private:
    void note() { seen_.push_back(page_.in_kernel_since); }

    const transport::SharedPage& page_;
    std::vector<int64_t>& seen_;
};

TEST(MarkedDevice, ShowsSinceWhenItsThreadIsInTheKernel) {
    const auto page = std::make_unique<transport::SharedPage>();
    std::vector<int64_t> seen;
    const auto made = mark_kernel_calls(std::make_unique<WatchedDevice>(*page, seen), *page);
    ASSERT_FALSE(made) << "DRM_IOCTL_VERSION fails";
    ASSERT_EQ(seen.size(), 1u);
    EXPECT_GT(seen[0], 0);
    EXPECT_LE(seen[0], monotonic_ns());
    EXPECT_EQ(page->in_kernel_since, 0);
}

}  // namespace
}  // namespace viaduct
