// The toy device in programs that fork, execute others, and have threads.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/node/toy_nodes.h"
#include "tests/integration/node/toy_uapi.h"

namespace toy {
namespace {

TEST(Fork, ChildStartsAfresh) {
    const UniqueFd fd = open_node();
    ASSERT_EQ(state_of(fd.get()).calls, 1u);
    EXPECT_TRUE(
        in_child([&] { return state_of(fd.get()).calls == 1 && is_toy(open_node().get()); }));
    EXPECT_EQ(state_of(fd.get()).calls, 2u);
}

TEST(Fork, VforkedChildLeavesTheParentAlone) {
    const UniqueFd fd = open_node();
    const pid_t child = ::vfork();
    if (child == 0) {
        ::close(fd.get());
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(is_toy(fd.get()));
}

// The second half of Exec.InheritedDescriptorWorks, in the program that was executed.
TEST(Exec, ChildSide) {
    const char* number = ::getenv("TOY_INHERITED");
    if (number == nullptr) GTEST_SKIP() << "run by InheritedDescriptorWorks";
    struct stat st = {};
    ASSERT_EQ(::fstat(std::stoi(number), &st), 0);
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    EXPECT_EQ(state_of(std::stoi(number)).calls, 1u);
    EXPECT_EQ(state_of(std::stoi(number)).calls, 2u);
}

TEST(Exec, InheritedDescriptorWorks) {
    const UniqueFd fd(::open(render_node().c_str(), O_RDWR));
    ASSERT_EQ(state_of(fd.get()).calls, 1u);
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv("TOY_INHERITED", std::to_string(fd.get()).c_str(), 1);
        ::execl("/proc/self/exe", "test", "--gtest_filter=Exec.ChildSide", nullptr);
        ::_exit(127);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST(Threads, OpenTalkAndCloseAtOnce) {
    const uint32_t before = state_of(open_node().get()).live_files;
    const UniqueFd shared = open_node();
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < 200; ++round) {
                const UniqueFd own = open_node();
                const UniqueFd copy(::dup(shared.get()));
                EXPECT_TRUE(is_toy(own.get()) && is_toy(copy.get()) && is_toy(shared.get()));
            }
        });
    }
    threads.clear();
    EXPECT_EQ(state_of(shared.get()).live_files, before);
}

}  // namespace
}  // namespace toy
