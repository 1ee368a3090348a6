#include "drm-context/context/in_fence.h"

#include <gtest/gtest.h>

#include "blob/memfd.h"
#include "drm-context/device/simulated_device.h"
#include "drm-context/device/syncobj.h"
#include "simgpu/sync/fence.h"
#include "tests/unit/drm-context/context/signals.h"

namespace viaduct {
namespace {

using test::has_signalled;
using test::signals;

class InFenceTest : public ::testing::Test {
  protected:
    const std::unique_ptr<Device> device_ = open_simulated_device("renoir").value();
    InFence in_fence_{*device_};
    const std::shared_ptr<simgpu::drm::Fence> first_ = simgpu::drm::Fence::create();
    const std::shared_ptr<simgpu::drm::Fence> second_ = simgpu::drm::Fence::create();
};

TEST_F(InFenceTest, WithoutOneThereIsNothingToWaitFor) {
    EXPECT_FALSE(in_fence_.take());
}

TEST_F(InFenceTest, IsForOneSubmission) {
    ASSERT_TRUE(in_fence_.add(first_->export_sync_file()));
    const UniqueFd taken = in_fence_.take();
    EXPECT_FALSE(has_signalled(taken));
    EXPECT_FALSE(in_fence_.take());
    first_->signal();
    EXPECT_TRUE(signals(taken));
}

TEST_F(InFenceTest, SeveralSignalWithTheLast) {
    ASSERT_TRUE(in_fence_.add(first_->export_sync_file()));
    ASSERT_TRUE(in_fence_.add(second_->export_sync_file()));
    const UniqueFd taken = in_fence_.take();
    second_->signal();
    EXPECT_FALSE(has_signalled(taken));
    first_->signal();
    EXPECT_TRUE(signals(taken));
}

TEST_F(InFenceTest, WhatIsNotASyncFileLeavesTheOthers) {
    ASSERT_TRUE(in_fence_.add(first_->export_sync_file()));
    EXPECT_FALSE(in_fence_.add(create_sealed_memfd("test", 1).value()));
    const UniqueFd taken = in_fence_.take();
    first_->signal();
    EXPECT_TRUE(signals(taken));
}

TEST_F(InFenceTest, OneSyncobjServesAllSubmissions) {
    const auto syncobj = in_fence_.to_syncobj(first_->export_sync_file());
    ASSERT_TRUE(syncobj);
    EXPECT_FALSE(has_signalled(*device_, *syncobj));
    UniqueFd of_syncobj;
    ASSERT_EQ(export_sync_file(*device_, *syncobj, of_syncobj), 0);
    first_->signal();
    EXPECT_TRUE(signals(of_syncobj));
    EXPECT_EQ(in_fence_.to_syncobj(second_->export_sync_file()), *syncobj);
    EXPECT_FALSE(has_signalled(*device_, *syncobj));
    second_->signal();
}

TEST_F(InFenceTest, ASyncobjTakesSyncFilesOnly) {
    const auto syncobj = in_fence_.to_syncobj(create_sealed_memfd("test", 1).value());
    ASSERT_FALSE(syncobj);
    EXPECT_EQ(syncobj.error().code, EINVAL);
}

}  // namespace
}  // namespace viaduct
