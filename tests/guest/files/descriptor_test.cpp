// Descriptors that change hands without the C library: programs, and whole languages, that make
// their system calls themselves.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tests/guest/files/node_file.h"
#include "tests/guest/files/program.h"

namespace viaduct::guest_files {
namespace {

constexpr size_t kDescriptorBytes = 65536;

int open_node() {
    return ::open(node_path().c_str(), O_RDWR | O_CLOEXEC);
}

int raw_close(int fd) {
    return static_cast<int>(::syscall(SYS_close, fd));
}

class RawDescriptor : public testing::Test {
  protected:
    void SetUp() override {
        fd = open_node();
        ASSERT_GE(fd, 0);
        const int made = NodeFile(fd).create_buffer(kDescriptorBytes);
        ASSERT_GT(made, 0);
        buffer = static_cast<uint32_t>(made);
        ASSERT_GT(NodeFile(fd).create_context(), 0);
    }
    void TearDown() override { ::close(fd); }

    int fd = -1;
    uint32_t buffer = 0;
};

TEST_F(RawDescriptor, AnotherFileOfTheNodeUnderTheNumberIsAnotherFile) {
    ASSERT_EQ(raw_close(fd), 0);
    ASSERT_EQ(open_node(), fd);
    EXPECT_FALSE(NodeFile(fd).holds(buffer, kDescriptorBytes, 0))
        << "a handle of the file that was closed";
    EXPECT_TRUE(NodeFile(fd).works());
}

TEST_F(RawDescriptor, NothingUnderTheNumberIsNothing) {
    ASSERT_EQ(raw_close(fd), 0);
    EXPECT_EQ(driver_name(fd), "");
    EXPECT_EQ(NodeFile(fd).create_context(), -EBADF);
    fd = -1;
}

TEST_F(RawDescriptor, AFileUnderTheNumberIsAFile) {
    ASSERT_EQ(raw_close(fd), 0);
    ASSERT_EQ(::memfd_create("not a node", MFD_CLOEXEC), fd);
    EXPECT_EQ(driver_name(fd), "");
    EXPECT_EQ(NodeFile(fd).create_context(), -ENOTTY);
}

TEST_F(RawDescriptor, ACopyIsTheSameFile) {
    const int copy = static_cast<int>(::syscall(SYS_dup, fd));
    ASSERT_GE(copy, 0);
    EXPECT_TRUE(NodeFile(copy).fill(buffer, kDescriptorBytes, 9, fd));
    ASSERT_EQ(raw_close(fd), 0);
    EXPECT_TRUE(NodeFile(copy).holds(buffer, kDescriptorBytes, 9));
    fd = copy;
}

}  // namespace
}  // namespace viaduct::guest_files
