#include <gtest/gtest.h>

#include <cerrno>

#include "base/clock.h"
#include "blob/memfd.h"
#include "drm-context/device/simulated_device.h"
#include "simgpu/sync/fence.h"

namespace viaduct {
namespace {

TEST(SyncFileState, TellsHowWorkEndedAndWhen) {
    const auto device = open_simulated_device("renoir").value();
    const auto good = simgpu::drm::Fence::create(), bad = simgpu::drm::Fence::create();
    const UniqueFd good_file = good->export_sync_file(), bad_file = bad->export_sync_file();
    const UniqueFd both = device->merge_sync_files(good_file.get(), bad_file.get()).value();
    EXPECT_EQ(device->sync_file_state(both.get())->status, 0);
    EXPECT_EQ(device->sync_file_state(both.get())->finished_ns, 0);
    const int64_t before = monotonic_ns();
    good->signal();
    bad->signal(-ECANCELED);
    const int64_t after = monotonic_ns();
    EXPECT_EQ(device->sync_file_state(good_file.get())->status, 1);
    EXPECT_EQ(device->sync_file_state(bad_file.get())->status, -ECANCELED);
    EXPECT_EQ(device->sync_file_state(both.get())->status, -ECANCELED);
    EXPECT_GE(device->sync_file_state(good_file.get())->finished_ns, before);
    EXPECT_LE(device->sync_file_state(good_file.get())->finished_ns, after);
}

TEST(SyncFileState, IsOfSyncFilesOnly) {
    const auto device = open_simulated_device("renoir").value();
    EXPECT_FALSE(device->sync_file_state(create_sealed_memfd("test", 4096)->get()));
    EXPECT_FALSE(device->sync_file_state(-1));
}

}  // namespace
}  // namespace viaduct
