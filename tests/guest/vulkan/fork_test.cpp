// A process that uses the GPU forks, and its children use the GPU too: job servers, Python's
// multiprocessing. Each process makes a device of its own. Mesa's list of open nodes, with their
// descriptors, survives the fork.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <functional>

#include "tests/guest/vulkan/support.h"
#include "tests/support/threads_after_fork.h"

namespace viaduct::vulkan {
namespace {

constexpr VkDeviceSize kBytes = 65536;

bool fills(const Device& device, uint32_t word) {
    const Buffer target(device, kBytes);
    Commands(device, copying_queue(device), [&](VkCommandBuffer commands) {
        vkCmdFillBuffer(commands, target.get(), 0, VK_WHOLE_SIZE, word);
    }).run();
    return bool{same_values(std::vector<uint32_t>(kBytes / 4, word), target.as<uint32_t>())};
}

/// A child that ends without its exit handlers: it has not the threads that Mesa would join there.
pid_t start_child(const std::function<bool()>& body) {
    const pid_t child = ::fork();
    if (child != 0) return child;
    bool passed = false;
    try {
        passed = body();
    } catch (const Error& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
    }
    ::_exit(passed ? 0 : 1);
}

bool succeeded(pid_t child) {
    int status = -1;
    return ::waitpid(child, &status, 0) == child && status == 0;
}

bool fills_on_a_device_of_its_own(uint32_t first_word) {
    const Device device;
    for (uint32_t i = 0; i < 3; ++i)
        if (!fills(device, first_word + i)) return false;
    return true;
}

TEST(Fork, AChildMakesADeviceOfItsOwn) {
    if (!test::kThreadsAfterFork) GTEST_SKIP() << "the child needs threads";
    const Device device;
    ASSERT_TRUE(fills(device, 1));
    EXPECT_TRUE(succeeded(start_child([] { return fills_on_a_device_of_its_own(0x60); })));
    EXPECT_TRUE(fills(device, 2));
}

TEST(Fork, SeveralChildrenWorkBesideTheirParent) {
    if (!test::kThreadsAfterFork) GTEST_SKIP() << "the child needs threads";
    const Device device;
    ASSERT_TRUE(fills(device, 1));
    const Buffer kept(device, kBytes);
    fill_pattern(kept.bytes(), 7);
    std::vector<pid_t> children;
    for (uint32_t i = 0; i < 3; ++i) {
        children.push_back(start_child([i] { return fills_on_a_device_of_its_own(i << 8); }));
        EXPECT_TRUE(fills(device, i));
    }
    for (const pid_t child : children) EXPECT_TRUE(succeeded(child));
    EXPECT_TRUE(fills(device, 2));
    EXPECT_TRUE(same_bytes(pattern(kBytes, 7), kept.bytes()));
}

// A child that does nothing but close what it inherited, as before exec().
TEST(Fork, AChildThatClosesAllItsDescriptorsDisturbsNobody) {
    const Device device;
    ASSERT_TRUE(fills(device, 1));
    EXPECT_TRUE(succeeded(start_child([] {
        for (int fd = 3; fd < 1024; ++fd) ::close(fd);
        return true;
    })));
    EXPECT_TRUE(fills(device, 2));
}

}  // namespace
}  // namespace viaduct::vulkan
