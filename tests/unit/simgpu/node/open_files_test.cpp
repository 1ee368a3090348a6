#include "simgpu/node/open_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <climits>

#include "base/unique_fd.h"
#include "tests/unit/simgpu/node/null_file.h"

namespace simgpu::node {
namespace {

using viaduct::UniqueFd;

class OpenFilesTest : public testing::Test {
  protected:
    OpenFilePtr make(const UniqueFd& fd) {
        struct stat st = {};
        EXPECT_EQ(::fstat(fd.get(), &st), 0);
        return std::make_shared<OpenFile>(7, st.st_dev, st.st_ino,
                                          std::make_unique<NullFile>(&live_), [this](bool) {
                                              ++reopened_;
                                              return std::make_unique<NullFile>(&live_);
                                          });
    }
    static UniqueFd open_some() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

    OpenFiles files_;
    int live_ = 0;
    int reopened_ = 0;
};

TEST_F(OpenFilesTest, HoldsNothingAtFirst) {
    for (const int fd : {-1, 0, 63, 64, 65535, 65536, INT_MAX}) {
        EXPECT_FALSE(files_.may_hold(fd)) << fd;
        EXPECT_EQ(files_.find(fd), nullptr) << fd;
        EXPECT_EQ(files_.remove(fd), nullptr) << fd;
    }
}

TEST_F(OpenFilesTest, FileLivesAsLongAsAnyNumber) {
    const UniqueFd fd = open_some();
    const UniqueFd copy = fd.duplicate();
    files_.insert(fd.get(), make(fd));
    files_.insert(copy.get(), files_.find(fd.get()));
    EXPECT_EQ(files_.find(copy.get())->node(), 7);
    files_.remove(fd.get());
    EXPECT_FALSE(files_.may_hold(fd.get()));
    EXPECT_EQ(live_, 1);
    files_.remove(copy.get());
    EXPECT_EQ(live_, 0);
}

TEST_F(OpenFilesTest, InsertReturnsWhatItReplaces) {
    const UniqueFd fd = open_some();
    EXPECT_EQ(files_.insert(fd.get(), make(fd)), nullptr);
    EXPECT_NE(files_.insert(fd.get(), make(fd)), nullptr);
    EXPECT_EQ(live_, 1);
}

TEST_F(OpenFilesTest, NumberWithAnotherInodeIsStale) {
    const UniqueFd fd = open_some();
    files_.insert(fd.get(), make(fd));
    const UniqueFd other(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::dup2(other.get(), fd.get()), fd.get());
    EXPECT_TRUE(files_.may_hold(fd.get()));
    EXPECT_EQ(files_.find(fd.get()), nullptr);
    EXPECT_FALSE(files_.may_hold(fd.get()));
    EXPECT_EQ(live_, 0);
}

TEST_F(OpenFilesTest, NumbersBeyondTheMarksWork) {
    const UniqueFd fd = open_some();
    files_.insert(100'000, make(fd));
    EXPECT_TRUE(files_.may_hold(100'000));
    EXPECT_NE(files_.remove(100'000), nullptr);
    EXPECT_FALSE(files_.may_hold(100'000));
}

TEST_F(OpenFilesTest, RangeHasBothEnds) {
    const UniqueFd fd = open_some();
    for (const int number : {9, 10, 20, 21, 70'000}) files_.insert(number, make(fd));
    EXPECT_EQ(files_.remove_range(10, 20).size(), 2u);
    EXPECT_EQ(live_, 3);
    EXPECT_EQ(files_.remove_range(0, UINT_MAX).size(), 3u);
    EXPECT_EQ(live_, 0);
}

TEST_F(OpenFilesTest, ChildReopensOnceAndForgetsWithoutDestroying) {
    const UniqueFd fd = open_some();
    files_.insert(fd.get(), make(fd));
    const pid_t child = ::fork();
    if (child == 0) {
        files_.after_fork_in_child();
        const bool forgotten = live_ == 1;
        const bool same = files_.find(fd.get())->file() == files_.find(fd.get())->file();
        ::_exit(forgotten && same && reopened_ == 1 && files_.is_this_process() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(reopened_, 0);
    EXPECT_NE(files_.find(fd.get())->file(), nullptr);
}

TEST_F(OpenFilesTest, KnowsAnotherProcess) {
    const UniqueFd fd = open_some();
    EXPECT_TRUE(files_.is_this_process());
    files_.insert(fd.get(), make(fd));
    const pid_t child = ::vfork();
    if (child == 0) ::_exit(files_.is_this_process() ? 1 : 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace simgpu::node
