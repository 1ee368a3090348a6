#include "simgpu/shared/device.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "simgpu/shared/segment.h"
#include "tests/unit/simgpu/amd/kernel/test_file.h"
#include "tests/unit/simgpu/other_process.h"

namespace simgpu::shared {
namespace {

using test::OtherProcess;

constexpr std::array<uint64_t, kHeaps> kLimits{1000, 2000};

std::string unique_name() {
    return "viaduct-simgpu-unit-" + test::unique_instance();
}

std::shared_ptr<SharedDevice> attach(const std::string& name) {
    return SharedDevice::attach(name, kLimits).value();
}

bool segment_exists(const std::string& name) {
    const std::string path = "/dev/shm/" + name + "-v" + std::to_string(kLayoutVersion);
    return ::access(path.c_str(), F_OK) == 0;
}

TEST(SharedDevice, IsOnePerProcessAndNameAndLeavesNothing) {
    const std::string name = unique_name();
    auto a = attach(name);
    EXPECT_EQ(attach(name), a);
    EXPECT_NE(attach(unique_name()), a);
    EXPECT_TRUE(segment_exists(name));
    a.reset();
    EXPECT_FALSE(segment_exists(name));
    EXPECT_EQ(attach(name)->next_client_id(), 1u) << "afresh";
}

TEST(SharedDevice, AProcessThatExitsWithItOpenLeavesNothingEither) {
    const std::string name = unique_name();
    const pid_t child = ::fork();
    if (child == 0) {
        new auto(attach(name));
        std::exit(segment_exists(name) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_FALSE(segment_exists(name));
}

TEST(SharedDevice, BooksMemoryUpToTheLimit) {
    const auto device = attach(unique_name());
    EXPECT_TRUE(device->charge(Heap::kVram, 600));
    EXPECT_FALSE(device->charge(Heap::kVram, 401));
    EXPECT_FALSE(device->charge(Heap::kVram, UINT64_MAX));
    EXPECT_TRUE(device->charge(Heap::kVram, 400));
    EXPECT_EQ(device->used(Heap::kVram), 1000u);
    EXPECT_EQ(device->used(Heap::kSystem), 0u);
    device->release(Heap::kVram, 600);
    EXPECT_EQ(device->used(Heap::kVram), 400u);
    EXPECT_EQ(device->limit(Heap::kSystem), 2000u);
}

TEST(SharedDevice, ADeadProcessGivesItsMemoryBack) {
    const std::string name = unique_name();
    const auto device = attach(name);
    OtherProcess other([&] { (new auto(attach(name)))->get()->charge(Heap::kVram, 900); });
    EXPECT_EQ(device->used(Heap::kVram), 900u);
    EXPECT_FALSE(device->charge(Heap::kVram, 200));
    other.kill();
    EXPECT_EQ(device->used(Heap::kVram), 0u);
    EXPECT_TRUE(device->charge(Heap::kVram, 200));
    EXPECT_EQ(device->used(Heap::kVram), 200u);
}

TEST(SharedDevice, AForkedChildTakesASeatOfItsOwn) {
    const std::string name = unique_name();
    const auto device = attach(name);
    ASSERT_TRUE(device->charge(Heap::kVram, 500));
    OtherProcess other([&] { (new auto(attach(name)))->get()->charge(Heap::kVram, 300); });
    EXPECT_EQ(device->used(Heap::kVram), 800u);
    other.kill();
    EXPECT_FALSE(device->charge(Heap::kVram, 501)) << "ours is still booked";
    EXPECT_TRUE(device->charge(Heap::kVram, 500));
}

TEST(SharedDevice, RecordsOfBuffersCrossProcessesUntilForgotten) {
    const std::string name = unique_name();
    const auto device = attach(name);
    OtherProcess other([&] {
        (new auto(attach(name)))->get()->publish_buffer(1, 2, BufferRecord::of(uint64_t{42}));
    });
    ASSERT_TRUE(device->find_buffer(1, 2));
    EXPECT_EQ(device->find_buffer(1, 2)->as<uint64_t>(), 42u);
    EXPECT_FALSE(device->find_buffer(1, 3));
    device->publish_buffer(1, 3, {});
    EXPECT_TRUE(device->find_buffer(1, 3));
    device->forget_buffer(1, 3);
    EXPECT_FALSE(device->find_buffer(1, 3));
}

TEST(SharedDevice, OneContextForcesThePerformanceLevelOfTheCard) {
    const std::string name = unique_name();
    const auto device = attach(name);
    EXPECT_TRUE(device->set_stable_pstate(1, 0)) << "the level it has needs no owner";
    OtherProcess other([&] { (new auto(attach(name)))->get()->set_stable_pstate(7, 4); });
    EXPECT_EQ(device->stable_pstate(), 4u);
    EXPECT_FALSE(device->set_stable_pstate(1, 0));
    EXPECT_FALSE(device->set_stable_pstate(1, 4));
    other.kill();
    EXPECT_EQ(device->used(Heap::kVram), 0u) << "notices that it has died";
    EXPECT_EQ(device->stable_pstate(), 0u);
    EXPECT_TRUE(device->set_stable_pstate(1, 2));
    device->drop_stable_pstate(2);
    EXPECT_EQ(device->stable_pstate(), 2u) << "not its owner";
    device->drop_stable_pstate(1);
    EXPECT_EQ(device->stable_pstate(), 0u);
}

TEST(SharedDevice, ADeadProcessTakesItsLoadAlong) {
    const std::string name = unique_name();
    const auto device = attach(name);
    device->change_load(2, 1);
    OtherProcess other([&] { (new auto(attach(name)))->get()->change_load(2, 3); });
    EXPECT_EQ(device->load(2), 4u);
    other.kill();
    EXPECT_EQ(device->used(Heap::kVram), 0u);
    EXPECT_EQ(device->load(2), 1u);
    device->change_load(2, -1);
    EXPECT_EQ(device->load(2), 0u);
}

}  // namespace
}  // namespace simgpu::shared
