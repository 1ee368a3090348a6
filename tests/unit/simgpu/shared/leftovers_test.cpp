#include "simgpu/shared/leftovers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "simgpu/shared/device.h"
#include "simgpu/shared/segment.h"
#include "simgpu/simgpu.h"
#include "tests/unit/simgpu/amd/kernel/test_file.h"
#include "tests/unit/simgpu/other_process.h"

namespace simgpu::shared {
namespace {

using test::OtherProcess;

bool is_in_shm(const std::string& name) {
    return ::access(fmt::format("/dev/shm/{}-v{}", name, kLayoutVersion).c_str(), F_OK) == 0;
}

std::shared_ptr<SharedDevice> attach_to(const std::string& name) {
    return SharedDevice::attach(name, {}).value();
}

TEST(Leftovers, OfAKilledProcessGo) {
    const std::string prefix = own_segment_name("unit-" + test::unique_instance());
    OtherProcess other([&] { new auto(attach_to(prefix + "-a")); });
    EXPECT_FALSE(remove_leftovers(prefix));
    EXPECT_TRUE(is_in_shm(prefix + "-a")) << "another process uses it";
    other.kill();
    EXPECT_TRUE(is_in_shm(prefix + "-a"));
    EXPECT_TRUE(remove_leftovers(prefix + "-b"));
    EXPECT_TRUE(is_in_shm(prefix + "-a")) << "it was not meant";
    EXPECT_TRUE(remove_leftovers(prefix));
    EXPECT_FALSE(is_in_shm(prefix + "-a"));
}

TEST(Leftovers, WhatThisProcessUsesStays) {
    const std::string name = own_segment_name("unit-" + test::unique_instance());
    const auto device = attach_to(name);
    EXPECT_FALSE(remove_leftovers(name));
    EXPECT_TRUE(is_in_shm(name));
}

TEST(Leftovers, GoWhenADeviceIsOpened) {
    const std::string instance = test::unique_instance();
    const auto name = [&](const std::string& end) {
        return own_segment_name("renoir-" + instance + end);
    };
    const auto open_instance = [&](const std::string& end) {
        return File::open({.model = "renoir", .instance = instance + end}).value();
    };
    OtherProcess other([&] { new auto(open_instance("a")); });
    EXPECT_TRUE(is_in_shm(name("a")));
    other.kill();
    const auto file = open_instance("b");
    EXPECT_FALSE(is_in_shm(name("a")));
    EXPECT_TRUE(is_in_shm(name("b")));
}

}  // namespace
}  // namespace simgpu::shared
