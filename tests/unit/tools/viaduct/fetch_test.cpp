// Sockets with all kinds of servers behind them.
#include "tools/viaduct/fetch.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "drm-context/metrics/http.h"
#include "tests/support/unix_sockets.h"

namespace viaduct::tool {
namespace {

using std::chrono::steady_clock;
using test::send_text;
using namespace std::chrono_literals;

/// Listens; what it does with each client is the test's.
class Server {
  public:
    using Serve = std::function<void(const UniqueFd& client)>;
    Server(const std::string& path, Serve serve)
        : socket_(test::bound_socket(path)),
          serve_(std::move(serve)),
          listening_(::listen(socket_.get(), 8)),
          thread_([this] { run(); }) {
        EXPECT_EQ(listening_, 0);
    }
    ~Server() {
        ::shutdown(socket_.get(), SHUT_RDWR);  // ends accept()
        thread_.join();
    }

  private:
    void run() {
        for (;;) {
            const UniqueFd client(::accept(socket_.get(), nullptr, nullptr));
            if (!client) return;
            serve_(client);
        }
    }

    const UniqueFd socket_;
    const Serve serve_;
    const int listening_;
    std::thread thread_;
};

/// Sends `text` to each client that has asked: what is unread resets a connection that is closed.
Server::Serve answers(std::string text) {
    return [text = std::move(text)](const UniqueFd& client) {
        char request[256];
        EXPECT_GT(::recv(client.get(), request, sizeof(request), 0), 0);
        send_text(client, text);
    };
}

// Sends until the other side has had enough.
void flood(const UniqueFd& client) {
    const std::string piece(65536, 'x');
    send_text(client, "HTTP/1.0 200 OK\r\n\r\n");
    while (::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL) > 0) {
    }
}

class Fetch : public testing::Test {
  protected:
    Fetched one(const FetchLimits& limits = {.patience = 1h}) {
        return std::move(fetch({folder_ / "socket"}, limits).front());
    }
    int error(const FetchLimits& limits = {.patience = 1h}) {
        const Fetched fetched = one(limits);
        return fetched.body ? 0 : fetched.body.error().code;
    }

    const test::PrivateFolder folder_;
};

TEST_F(Fetch, GetsTheBodyAndWhoItIsFrom) {
    const Server server(folder_ / "socket", answers(http::response("200 OK", "a{} 1\n")));
    const Fetched fetched = one();
    ASSERT_TRUE(fetched.body) << fetched.body.error().message;
    EXPECT_EQ(*fetched.body, "a{} 1\n");
    EXPECT_EQ(fetched.pid, ::getpid());
    EXPECT_EQ(fetched.path, folder_ / "socket");
}

TEST_F(Fetch, NobodyIsThere) {
    EXPECT_EQ(error(), ENOENT);
    { test::bound_socket(folder_ / "socket"); }
    EXPECT_EQ(error(), ECONNREFUSED);
    EXPECT_EQ(fetch({std::string(200, 'x')}).front().body.error().code, ENAMETOOLONG);
    EXPECT_TRUE(fetch({}).empty());
}

TEST_F(Fetch, WhatIsNotAWholeAnswerIsNone) {
    for (const char* text : {"", "a{} 1\n", "HTTP/1.0 404 Not Found\r\n\r\na{} 1\n",
                             "HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\na{} 1\n",
                             "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\na{} 1\n"}) {
        const Server server(folder_ / "socket", answers(text));
        EXPECT_EQ(error(), EPROTO) << text;
        ::unlink((folder_ / "socket").c_str());
    }
}

// Each byte comes in time; the whole does not.
TEST_F(Fetch, ADripIsNotWaitedFor) {
    std::atomic<bool> enough = false;
    const Server server(folder_ / "socket", [&](const UniqueFd& client) {
        while (!enough && send_text(client, "x")) std::this_thread::sleep_for(10ms);
    });
    EXPECT_EQ(error({.patience = 100ms}), ETIMEDOUT);
    enough = true;
}

TEST_F(Fetch, AFloodIsCutOff) {
    const Server server(folder_ / "socket", flood);
    EXPECT_EQ(error({.patience = 1h, .bytes_of_one = 1 << 20}), EFBIG);
}

TEST_F(Fetch, FloodsShareOneLimit) {
    const Server one(folder_ / "one", flood);
    const Server two(folder_ / "two", flood);
    const FetchLimits limits{.patience = 1h, .bytes_of_one = 1 << 30, .bytes_of_all = 1 << 20};
    for (const Fetched& fetched : fetch({folder_ / "one", folder_ / "two"}, limits)) {
        ASSERT_FALSE(fetched.body);
        EXPECT_EQ(fetched.body.error().code, EFBIG);
    }
}

TEST_F(Fetch, AFullQueueIsNotWaitedForLong) {
    const UniqueFd busy = test::bound_socket(folder_ / "socket");
    ASSERT_EQ(::listen(busy.get(), 0), 0);
    const UniqueFd first = test::connect_to(folder_ / "socket");
    EXPECT_EQ(error({.patience = 100ms}), ETIMEDOUT);
}

TEST_F(Fetch, ThoseThatAreSilentAreWaitedForTogether) {
    constexpr auto kPatience = 200ms;
    std::vector<UniqueFd> silent;
    std::vector<std::string> paths;
    for (int i = 0; i < 50; ++i) {
        paths.push_back(folder_ / std::to_string(i));
        silent.push_back(test::bound_socket(paths.back()));
        ASSERT_EQ(::listen(silent.back().get(), 1), 0);
    }
    paths.push_back(folder_ / "socket");
    const Server server(paths.back(), answers(http::response("200 OK", "a{} 1\n")));
    const auto start = steady_clock::now();
    const auto all = fetch(paths, {.patience = kPatience});
    EXPECT_LT(steady_clock::now() - start, 50 * kPatience) << "one after the other takes that";
    for (int i = 0; i < 50; ++i) {
        ASSERT_FALSE(all[i].body);
        EXPECT_EQ(all[i].body.error().code, ETIMEDOUT);
    }
}

TEST_F(Fetch, MessagesAreFitForATerminal) {
    const std::string path = folder_ / "\x1b[2J.metrics";
    const std::string message = fetch({path}).front().body.error().message;
    EXPECT_EQ(message.find('\x1b'), std::string::npos) << message;
}

}  // namespace
}  // namespace viaduct::tool
