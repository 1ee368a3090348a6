#include "base/unique_fd.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

UniqueFd open_null() {
    return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(UniqueFd, ClosesWhatItOwns) {
    int raw = -1;
    {
        const UniqueFd fd = open_null();
        raw = fd.get();
        ASSERT_TRUE(is_open(raw));
    }
    EXPECT_FALSE(is_open(raw));
}

TEST(UniqueFd, MoveLeavesTheSourceEmpty) {
    UniqueFd a = open_null();
    const int raw = a.get();
    UniqueFd b = std::move(a);
    EXPECT_FALSE(a.valid());
    EXPECT_EQ(b.get(), raw);
    b = UniqueFd();
    EXPECT_FALSE(is_open(raw));
}

TEST(UniqueFd, ReleaseGivesOwnershipAway) {
    UniqueFd fd = open_null();
    const int raw = fd.release();
    fd.reset();
    EXPECT_TRUE(is_open(raw));
    ::close(raw);
}

TEST(UniqueFd, DuplicateIsIndependentAndCloseOnExec) {
    UniqueFd fd = open_null();
    const UniqueFd copy = fd.duplicate();
    fd.reset();
    ASSERT_TRUE(is_open(copy.get()));
    EXPECT_TRUE(::fcntl(copy.get(), F_GETFD) & FD_CLOEXEC);
    EXPECT_FALSE(UniqueFd().duplicate().valid());
}

}  // namespace
}  // namespace viaduct
