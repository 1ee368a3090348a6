#include "drm-context/metrics/metrics_server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/unix_sockets.h"

namespace viaduct {
namespace {

using std::chrono::steady_clock;
using test::connect_to;
using test::receive_all;
using test::send_text;
using namespace std::chrono_literals;

constexpr std::string_view kGet = "GET /metrics HTTP/1.0\r\n\r\n";
// A busy machine must not make a client late.
constexpr MetricsServer::Pace kPatient{1ms, 1h};

class Server : public testing::Test {
  protected:
    void start(MetricsServer::Pace pace = kPatient) {
        auto made = MetricsServer::start(
            path_, [this] { return make_text(); }, pace);
        ASSERT_TRUE(made) << made.error().message;
        server_ = *std::move(made);
    }
    std::string ask(std::string_view request = kGet) const {
        const UniqueFd client = connect_to(path_);
        EXPECT_TRUE(send_text(client, request));
        return receive_all(client);
    }
    void set_text(std::string text) {
        const std::lock_guard lock(mutex_);
        text_ = std::move(text);
    }
    std::string make_text() {
        const std::lock_guard lock(mutex_);
        texts_.push_back(steady_clock::now());
        return text_ + std::to_string(number_.load());
    }

    const test::PrivateFolder folder_;
    const std::string path_ = folder_ / "socket";
    std::mutex mutex_;
    std::string text_ = "viaduct_x ";
    std::atomic<int> number_ = 1;
    std::vector<steady_clock::time_point> texts_;  // when they were made
    std::unique_ptr<MetricsServer> server_;        // ends first
};

TEST_F(Server, AnswersAGet) {
    start();
    const UniqueFd client = connect_to(path_);
    ASSERT_TRUE(send_text(client, "GET /metrics HT"));
    EXPECT_NE(ask(), "") << "meanwhile";
    ASSERT_TRUE(send_text(client, "TP/1.0\r\n\r\n"));
    const std::string answer = receive_all(client);
    EXPECT_TRUE(answer.starts_with("HTTP/1.0 200 OK\r\n")) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\nviaduct_x 1")) << answer;
}

TEST_F(Server, AnswersALongRequestInOnePiece) {
    start();
    const std::string header = "X-Trace: " + std::string(3000, 'x') + "\r\n";
    EXPECT_TRUE(ask("GET / HTTP/1.1\r\n" + header + "\r\n").starts_with("HTTP/1.0 200"));
}

TEST_F(Server, RefusesEverythingElse) {
    start();
    EXPECT_TRUE(ask("POST / HTTP/1.0\r\n\r\n").starts_with("HTTP/1.0 405"));
    EXPECT_TRUE(ask("hello\r\n\r\n").starts_with("HTTP/1.0 400"));
    EXPECT_TRUE(ask(std::string(4096, 'x')).starts_with("HTTP/1.0 431"));
    EXPECT_TRUE(texts_.empty()) << "no text is made for these";
}

TEST_F(Server, SlowReadersHoldUpNobody) {
    const std::string large(8 << 20, 'x');
    set_text(large);
    start();
    const UniqueFd slow = connect_to(path_);
    ASSERT_TRUE(send_text(slow, kGet));
    char first = 0;
    ASSERT_EQ(::recv(slow.get(), &first, 1, MSG_PEEK), 1);
    set_text("new");
    EXPECT_TRUE(ask().ends_with("\r\nnew1"));
    EXPECT_TRUE(receive_all(slow).ends_with(large + "1")) << "as of when it asked";
}

TEST_F(Server, IdleClientsLeaveInTime) {
    start({1ms, 50ms});
    std::vector<UniqueFd> idle;
    for (int i = 0; i < MetricsServer::kMaxClients; ++i) idle.push_back(connect_to(path_));
    std::string answer;
    while (answer.empty()) {  // a busy machine may make this one late, too
        const UniqueFd client = connect_to(path_);
        if (send_text(client, kGet)) answer = receive_all(client);
    }
    for (const UniqueFd& client : idle) EXPECT_EQ(receive_all(client), "");
}

TEST_F(Server, ClientsThatDoNotReadLeaveInTime) {
    set_text(std::string(8 << 20, 'x'));
    start({1ms, 50ms});
    const UniqueFd client = connect_to(path_);
    ASSERT_TRUE(send_text(client, kGet));
    pollfd left{client.get(), POLLRDHUP, 0};
    EXPECT_EQ(::poll(&left, 1, -1), 1);
    EXPECT_LT(receive_all(client).size(), 8u << 20) << "what the socket's buffer holds";
}

// However many ask without a pause, and each gets what is true when it asks.
TEST_F(Server, OneTextIsForAllWhoHaveAsked) {
    constexpr auto kBetween = 100ms;
    start({kBetween, 1h});
    std::atomic<int> answers = 0;
    std::vector<std::thread> clients;
    for (int i = 0; i < MetricsServer::kMaxClients; ++i)
        clients.emplace_back([&] {
            for (int round = 0; round < 5; ++round, ++answers) {
                const int asked = ++number_;
                const std::string answer = ask();
                const size_t at = answer.rfind(' ');
                ASSERT_NE(at, std::string::npos) << answer;
                EXPECT_GE(std::stoi(answer.substr(at)), asked);
            }
        });
    for (std::thread& client : clients) client.join();
    EXPECT_EQ(answers, 40);
    EXPECT_GE(texts_.size(), 5u);
    for (size_t i = 1; i < texts_.size(); ++i) EXPECT_GE(texts_[i] - texts_[i - 1], kBetween);
}

TEST_F(Server, ATextThatCannotBeMadeIsAskedForAgain) {
    std::atomic<int> calls = 0;
    auto server = MetricsServer::start(
        path_,
        [&calls]() -> std::string {
            if (++calls == 1) throw std::bad_alloc();
            return "text";
        },
        kPatient);
    ASSERT_TRUE(server);
    EXPECT_EQ(ask(), "");
    EXPECT_TRUE(ask().ends_with("text"));
}

TEST_F(Server, SurvivesClientsThatGo) {
    start();
    for (int i = 0; i < 100; ++i) {
        const UniqueFd client = connect_to(path_);
        send_text(client, kGet.substr(0, static_cast<size_t>(i) % (kGet.size() + 1)));
    }
    EXPECT_NE(ask(), "");
}

TEST_F(Server, EndsInTheProcessThatStartedItOnly) {
    start();
    const pid_t child = ::fork();
    if (child == 0) {
        server_.reset();
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_NE(ask(), "");
    server_.reset();
    EXPECT_NE(::access(path_.c_str(), F_OK), 0);
}

}  // namespace
}  // namespace viaduct
