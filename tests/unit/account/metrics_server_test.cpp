#include "drm-context/front/metrics_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace viaduct {
namespace {

class Server : public testing::Test {
  protected:
    Server() : path_(testing::TempDir() + "metrics-" + std::to_string(::getpid())) {
        server_ = MetricsServer::listen(path_, [this] { return text_; }).value();
    }
    UniqueFd connect() {
        UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
        EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)),
                  0);
        return socket;
    }
    void serve() {
        pollfd entry{server_->fd(), POLLIN, 0};
        for (int i = 0; i < 100 && ::poll(&entry, 1, 0) > 0; ++i) server_->serve();
    }
    static void send(const UniqueFd& socket, std::string_view text) {
        EXPECT_EQ(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    /// What has come so far.
    static std::string receive(const UniqueFd& socket) {
        std::string text;
        char bytes[65536];
        for (ssize_t size; (size = ::recv(socket.get(), bytes, sizeof(bytes), 0)) > 0;)
            text.append(bytes, static_cast<size_t>(size));
        return text;
    }

    const std::string path_;
    std::string text_ = "viaduct_x 1\n";
    std::unique_ptr<MetricsServer> server_;
};

TEST_F(Server, AnswersAGet) {
    const UniqueFd client = connect();
    serve();
    send(client, "GET /metrics HT");
    serve();
    EXPECT_EQ(receive(client), "");
    send(client, "TP/1.0\r\n\r\n");
    serve();
    const std::string answer = receive(client);
    EXPECT_TRUE(answer.starts_with("HTTP/1.0 200 OK\r\n")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nviaduct_x 1\n")) << answer;
}

// Figures tell what a guest does.
TEST_F(Server, IsForItsUserAndGroupOnly) {
    struct stat status {};
    ASSERT_EQ(::stat(path_.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0660u);
}

TEST_F(Server, RefusesEverythingElse) {
    const UniqueFd client = connect();
    send(client, "POST / HTTP/1.0\r\n\r\n");
    serve();
    EXPECT_TRUE(receive(client).starts_with("HTTP/1.0 405"));
    const UniqueFd endless = connect();
    for (int i = 0; i < 8; ++i) {
        (void)::send(endless.get(), std::string(1000, 'x').data(), 1000, MSG_NOSIGNAL);
        serve();
    }
    char byte;
    EXPECT_EQ(::recv(endless.get(), &byte, 1, 0), 0) << "closed";
}

TEST_F(Server, SlowReadersHoldUpNobody) {
    text_.assign(8 << 20, 'x');
    const UniqueFd slow = connect();
    send(slow, "GET / HTTP/1.0\r\n\r\n");
    serve();
    text_ = "new";
    const UniqueFd quick = connect();
    send(quick, "GET / HTTP/1.0\r\n\r\n");
    serve();
    EXPECT_TRUE(receive(quick).ends_with("new"));
    size_t got = 0;
    for (int i = 0; i < 1000 && got < 8 << 20; ++i) {
        got += receive(slow).size();
        serve();
    }
    EXPECT_GT(got, 8u << 20) << "as of when it asked";
}

TEST_F(Server, TheNextTakesThePlaceOfTheOldest) {
    std::vector<UniqueFd> idle;
    for (int i = 0; i < 20; ++i) {
        idle.push_back(connect());
        serve();
    }
    const UniqueFd client = connect();
    send(client, "GET / HTTP/1.0\r\n\r\n");
    serve();
    EXPECT_NE(receive(client), "");
}

TEST_F(Server, TakesThePlaceOfADeadOneOnly) {
    EXPECT_FALSE(MetricsServer::listen(path_, [] { return std::string(); }));
    server_.reset();
    EXPECT_NE(::access(path_.c_str(), F_OK), 0);
    {
        const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
        ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    }
    EXPECT_TRUE(MetricsServer::listen(path_, [] { return std::string(); }));
}

TEST_F(Server, MakesItsFolder) {
    const std::string folder = path_ + ".folder";
    const mode_t mask = ::umask(022);
    EXPECT_TRUE(MetricsServer::listen(folder + "/socket", [] { return std::string(); }));
    ::umask(mask);
    // Others keep their sockets there, too.
    struct stat status {};
    ASSERT_EQ(::stat(folder.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0755u);
    ::rmdir(folder.c_str());
}

TEST_F(Server, PathsThatAreTooLong) {
    EXPECT_FALSE(MetricsServer::listen(std::string(200, 'x'), [] { return std::string(); }));
    EXPECT_FALSE(MetricsServer::listen("", [] { return std::string(); }));
}

}  // namespace
}  // namespace viaduct
