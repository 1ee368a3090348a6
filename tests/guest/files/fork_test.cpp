// Open files across fork() and exec(). The cases hold where processes share an open file and where
// each gets its own: a process uses the objects that it made, and disturbs no other process.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/guest/files/node_file.h"
#include "tests/guest/files/program.h"
#include "tests/support/threads_after_fork.h"

namespace viaduct::guest_files {
namespace {

constexpr size_t kForkBytes = 65536;

template <typename Body>
bool succeeds_in_child(const Body& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body() ? 0 : 1);
    int status = -1;
    return ::waitpid(child, &status, 0) == child && status == 0;
}

class ForkedFile : public testing::Test {
  protected:
    void SetUp() override {
        fd = UniqueFd(::open(node_path().c_str(), O_RDWR | O_CLOEXEC));
        ASSERT_TRUE(fd);
        const int made = parent().create_buffer(kForkBytes);
        ASSERT_GT(made, 0);
        buffer = static_cast<uint32_t>(made);
        ASSERT_TRUE(parent().fill(buffer, kForkBytes, 1, fd.get()));
        ASSERT_GT(parent().create_context(), 0);
    }
    void TearDown() override {
        EXPECT_TRUE(parent().holds(buffer, kForkBytes, 1)) << "a child has changed it";
        EXPECT_TRUE(parent().works());
    }
    NodeFile parent() const { return NodeFile(fd.get()); }

    UniqueFd fd;
    uint32_t buffer = 0;
};

TEST_F(ForkedFile, AChildUsesAFileThatItOpens) {
    if (!test::kThreadsAfterFork) GTEST_SKIP() << "the child needs threads";
    EXPECT_TRUE(succeeds_in_child([&] {
        const UniqueFd own(::open(node_path().c_str(), O_RDWR | O_CLOEXEC));
        return NodeFile(own.get()).works();
    }));
}

TEST_F(ForkedFile, AChildUsesTheDescriptorThatItInherited) {
    EXPECT_TRUE(succeeds_in_child([&] { return parent().works() && parent().works(); }));
    EXPECT_TRUE(succeeds_in_child([&] {
        return parent().works() && succeeds_in_child([&] { return parent().works(); }) &&
               parent().works();
    })) << "a grandchild";
}

TEST_F(ForkedFile, ItsCopiesAreOneFileThereToo) {
    const UniqueFd early(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    EXPECT_TRUE(succeeds_in_child([&] {
        const UniqueFd late(::dup(fd.get()));
        const int made = NodeFile(early.get()).create_buffer(kForkBytes);
        const auto handle = static_cast<uint32_t>(made);
        return made > 0 && parent().fill(handle, kForkBytes, 5, early.get()) &&
               parent().fill(handle, kForkBytes, 6, late.get()) &&
               NodeFile(late.get()).holds(handle, kForkBytes, 6);
    }));
}

TEST_F(ForkedFile, TheParentUsesItWhileItsChildrenDo) {
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
        const pid_t child = ::fork();
        if (child == 0) ::_exit(parent().works() ? 0 : 1);
        children.push_back(child);
        EXPECT_TRUE(parent().works());
    }
    for (const pid_t child : children) {
        int status = -1;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
}

// The child must manage without any lock that they hold at that moment.
TEST_F(ForkedFile, ThreadsUseItWhileTheProcessForks) {
    std::atomic<bool> done = false;
    std::atomic<int> failures = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            while (!done)
                if (!parent().works()) ++failures;
        });
    for (int i = 0; i < 8; ++i) EXPECT_TRUE(succeeds_in_child([&] { return parent().works(); }));
    done = true;
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(failures, 0);
}

// As daemon(3), followed by closing every descriptor.
TEST_F(ForkedFile, ADaemonOpensItsOwn) {
    if (!test::kThreadsAfterFork) GTEST_SKIP() << "the child needs threads";
    EXPECT_TRUE(succeeds_in_child([] {
        ::setsid();
        return succeeds_in_child([] {
            for (int number = 3; number < 256; ++number) ::close(number);
            const UniqueFd own(::open(node_path().c_str(), O_RDWR | O_CLOEXEC));
            return NodeFile(own.get()).works();
        });
    }));
}

TEST_F(ForkedFile, AChildsExitHandlersCloseWhatItInherited) {
    if (!test::kThreadsAfterFork) GTEST_SKIP() << "the child needs threads";
    static int inherited;
    inherited = fd.get();
    const pid_t child = ::fork();
    if (child == 0) {
        std::atexit([] { ::close(inherited); });
        std::atexit([] { NodeFile(inherited).create_context(); });
        std::exit(0);
    }
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_F(ForkedFile, ANewProgramUsesTheDescriptorThatItInherited) {
    ASSERT_EQ(::fcntl(fd.get(), F_SETFD, 0), 0);
    EXPECT_EQ(run_self_on(fd.get()), 0);
    EXPECT_EQ(run_self_on(fd.get()), 0) << "a second one";
}

TEST_F(ForkedFile, ANewProgramUsesADescriptorThatNobodyUsedBefore) {
    const UniqueFd unused(::open(node_path().c_str(), O_RDWR));
    ASSERT_TRUE(unused);
    EXPECT_EQ(run_self_on(unused.get()), 0);
}

}  // namespace
}  // namespace viaduct::guest_files
