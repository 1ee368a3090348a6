#include "drm-context/metrics/named_listener.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/unix_sockets.h"

namespace viaduct {
namespace {

using test::bound_socket;
using test::connect_to;
using test::PrivateFolder;

bool exists(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0;
}

mode_t mode_of(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
    return info.st_mode & 07777;
}

int error_of(const std::string& path) {
    const auto listener = NamedListener::open(path, 1);
    return listener ? 0 : listener.error().code;
}

TEST(NamedListener, ListensUntilItGoes) {
    const PrivateFolder folder;
    {
        const auto listener = NamedListener::open(folder / "socket", 1);
        ASSERT_TRUE(listener) << listener.error().message;
        connect_to(folder / "socket");
    }
    EXPECT_FALSE(exists(folder / "socket"));
}

TEST(NamedListener, TakesNoPlaceFromWhatIsNotASocket) {
    const PrivateFolder folder;
    std::ofstream(folder / "file") << "precious";
    ASSERT_EQ(::mkdir((folder / "folder").c_str(), 0700), 0);
    ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
    { bound_socket(folder / "dead"); }
    ASSERT_EQ(::symlink("dead", (folder / "link").c_str()), 0);
    ASSERT_EQ(::symlink("nowhere", (folder / "dangling").c_str()), 0);
    for (const char* name : {"file", "folder", "fifo", "link", "dangling"}) {
        EXPECT_EQ(error_of(folder / name), EEXIST) << name;
        EXPECT_TRUE(exists(folder / name)) << name;
    }
    EXPECT_TRUE(exists(folder / "dead"));
}

TEST(NamedListener, TakesNoPlaceFromOneThatListens) {
    const PrivateFolder folder;
    const auto first = NamedListener::open(folder / "socket", 1);
    ASSERT_TRUE(first);
    // Nobody accepts: from the third on its queue is full, and connect() says EAGAIN.
    for (int i = 0; i < 4; ++i) EXPECT_EQ(error_of(folder / "socket"), EADDRINUSE) << i;
    EXPECT_TRUE(exists(folder / "socket"));
}

TEST(NamedListener, TakesThePlaceOfADeadOne) {
    const PrivateFolder folder;
    { bound_socket(folder / "socket"); }
    const auto listener = NamedListener::open(folder / "socket", 1);
    ASSERT_TRUE(listener) << listener.error().message;
    connect_to(folder / "socket");
}

TEST(NamedListener, IsForItsUserAndGroupOnlyWhateverTheUmask) {
    for (const mode_t mask : {0, 022, 077}) {
        const PrivateFolder folder;
        const mode_t before = ::umask(mask);
        const auto listener = NamedListener::open(folder / "socket", 1);
        ::umask(before);
        ASSERT_TRUE(listener) << listener.error().message;
        EXPECT_EQ(mode_of(folder / "socket"), 0660u) << mask;
    }
}

TEST(NamedListener, MakesTheLastFolder) {
    const PrivateFolder folder;
    const mode_t before = ::umask(022);
    const auto listener = NamedListener::open(folder / "deeper/socket", 1);
    ::umask(before);
    ASSERT_TRUE(listener) << listener.error().message;
    EXPECT_EQ(mode_of(folder / "deeper"), 0755u) << "others keep their sockets there, too";
    EXPECT_EQ(error_of(folder / "much/deeper/socket"), ENOENT);
}

TEST(NamedListener, RemovesNothingThatTookItsPlace) {
    const PrivateFolder folder;
    {
        const auto listener = NamedListener::open(folder / "socket", 1);
        ASSERT_TRUE(listener);
        ASSERT_EQ(::rename((folder / "socket").c_str(), (folder / "old").c_str()), 0);
        std::ofstream(folder / "socket") << "precious";
    }
    EXPECT_TRUE(exists(folder / "socket"));
}

TEST(NamedListener, StaysWithTheProcessThatMadeIt) {
    const PrivateFolder folder;
    auto listener =
        std::make_unique<Result<NamedListener>>(NamedListener::open(folder / "socket", 1));
    ASSERT_TRUE(*listener);
    const pid_t child = ::fork();
    if (child == 0) {
        listener.reset();
        ::_exit(0);
    }
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    connect_to(folder / "socket");
}

TEST(NamedListener, PathsHaveALimit) {
    EXPECT_EQ(error_of(std::string(108, 'x')), ENAMETOOLONG);
    EXPECT_EQ(error_of(""), ENAMETOOLONG);
}

}  // namespace
}  // namespace viaduct
