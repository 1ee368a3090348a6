#include "tools/viaduct/expositions.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "drm-context/metrics/metrics_server.h"
#include "tests/support/unix_sockets.h"

namespace viaduct::tool {
namespace {

pid_t dead_process() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    ::waitpid(child, nullptr, 0);
    return child;
}

bool exists(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0;
}

class SocketFolder : public testing::Test {
  protected:
    SocketFolder() { ::mkdir((runtime_ / "viaduct").c_str(), 0700); }
    std::string place(const std::string& name) const { return runtime_ / ("viaduct/" + name); }
    std::string place(pid_t pid) const { return place(fmt::format("{}.metrics", pid)); }

    /// May also have what other virtual machines say that run here.
    Expositions look() const {
        const auto found = fetch_expositions("", [this](const char* name) -> const char* {
            return std::string_view(name) == "XDG_RUNTIME_DIR" ? runtime_.path().c_str() : nullptr;
        });
        EXPECT_TRUE(found);
        return found.value_or(Expositions{});
    }
    static auto server(const std::string& path, const std::string& text) {
        return MetricsServer::start(path, [text] { return text; }).value();
    }
    static bool anywhere(const std::vector<std::string>& texts, const std::string& text) {
        return std::ranges::any_of(
            texts, [&](const std::string& one) { return one.find(text) != std::string::npos; });
    }

    const test::PrivateFolder runtime_;
};

TEST_F(SocketFolder, ShowsWhatAProcessSaysOfItself) {
    const std::string own = fmt::format("a{{vm=\"web\",pid=\"{}\"}} 1\n", ::getpid());
    const auto serving = server(place(::getpid()), own + "a{vm=\"db\",pid=\"1\"} 2\n");
    const Expositions all = look();
    EXPECT_TRUE(anywhere(all.texts, own));
    EXPECT_FALSE(anywhere(all.texts, "vm=\"db\",pid=\"1\"} 2"));
    EXPECT_TRUE(anywhere(all.notes, fmt::format("{}: process {} reports figures of another process",
                                                place(::getpid()), ::getpid())));

    const auto one = fetch_expositions(place(::getpid()));
    ASSERT_TRUE(one) << one.error().message;
    EXPECT_EQ(one->texts, std::vector<std::string>{own});
    EXPECT_EQ(one->notes.size(), 1u);
    EXPECT_FALSE(fetch_expositions(place("none")));
}

TEST_F(SocketFolder, HasFoldersOfUsers) {
    ::mkdir(place("1001").c_str(), 0750);
    ::mkdir(place("alice").c_str(), 0750);
    const auto name = fmt::format("/{}.metrics", ::getpid());
    const auto text = [](const char* vm) {
        return fmt::format("a{{vm=\"{}\",pid=\"{}\"}} 1\n", vm, ::getpid());
    };
    const auto of_a_user = server(place("1001") + name, text("web"));
    const auto of_no_user = server(place("alice") + name, text("db"));
    { test::bound_socket(place(fmt::format("1001/{}.metrics", dead_process()))); }
    const Expositions all = look();
    EXPECT_TRUE(anywhere(all.texts, text("web")));
    EXPECT_FALSE(anywhere(all.texts, text("db")));
    EXPECT_EQ(std::filesystem::directory_iterator(place("1001"))->path(), place("1001") + name)
        << "the dead one's is gone";
}

TEST_F(SocketFolder, FollowsNoLinks) {
    const test::PrivateFolder elsewhere;
    const std::string own = fmt::format("a{{vm=\"web\",pid=\"{}\"}} 1\n", ::getpid());
    const auto serving = server(elsewhere / "1.metrics", own);
    ASSERT_EQ(::symlink((elsewhere / "1.metrics").c_str(), place("2.metrics").c_str()), 0);
    ASSERT_EQ(::symlink(elsewhere.path().c_str(), place("1001").c_str()), 0);
    EXPECT_FALSE(anywhere(look().texts, own));
}

TEST_F(SocketFolder, LosesTheSocketsOfTheDeadOnly) {
    const pid_t dead = dead_process();
    { test::bound_socket(place(dead)); }
    // As between bind() and listen().
    const UniqueFd alive = test::bound_socket(place(::getpid()));
    { test::bound_socket(place("web.metrics")); }
    { test::bound_socket(place(fmt::format("{}x.metrics", dead))); }
    { test::bound_socket(place(fmt::format("-{}.metrics", dead))); }
    look();
    EXPECT_FALSE(exists(place(dead)));
    EXPECT_TRUE(exists(place(::getpid())));
    EXPECT_TRUE(exists(place("web.metrics"))) << "of whom?";
    EXPECT_TRUE(exists(place(fmt::format("{}x.metrics", dead))));
    EXPECT_TRUE(exists(place(fmt::format("-{}.metrics", dead))));
}

TEST_F(SocketFolder, LosesNothingElse) {
    const pid_t dead = dead_process();
    std::ofstream(place(dead)) << "precious";
    look();
    EXPECT_TRUE(exists(place(dead)));
    ::unlink(place(dead).c_str());
    ASSERT_EQ(::symlink("elsewhere", place(dead).c_str()), 0);
    { test::bound_socket(place("elsewhere")); }
    look();
    EXPECT_TRUE(exists(place(dead)));
    EXPECT_TRUE(exists(place("elsewhere")));
}

}  // namespace
}  // namespace viaduct::tool
