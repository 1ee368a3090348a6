#include "display/viewer/qmp.h"

#include <poll.h>

#include <chrono>
#include <thread>

#include "tests/support/unix_sockets.h"
#include "viewer_fixture.h"

namespace viaduct::viewer {
namespace {

using namespace std::chrono_literals;

constexpr char kGreeting[] = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\n";
constexpr char kDone[] = "{\"return\": {}}\n";

/// A QEMU's monitor, played.
class Monitor {
  public:
    Monitor() : listener_(test::bound_socket(path())) { ::listen(listener_.get(), 1); }
    std::string path() const { return folder_ / "qmp"; }
    void accept() { socket_ = UniqueFd(::accept(listener_.get(), nullptr, nullptr)); }
    void say(std::string_view text) { EXPECT_TRUE(test::send_text(socket_, text)); }
    /// The bytes received so far, and the descriptor that came along.
    std::string hear() {
        char bytes[1024];
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        iovec part{bytes, sizeof(bytes)};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof(control);
        const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (const cmsghdr* header = CMSG_FIRSTHDR(&message); got > 0 && header) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
            descriptor = UniqueFd(fd);
        }
        return {bytes, static_cast<size_t>(std::max<ssize_t>(got, 0))};
    }
    void hang_up() { socket_.reset(); }

    UniqueFd descriptor;

  private:
    const test::PrivateFolder folder_;
    UniqueFd listener_, socket_;
};

bool has_something(const wayland::Watches& watches, int most_ms) {
    pollfd entry{watches.fd(), POLLIN, 0};
    return ::poll(&entry, 1, most_ms) > 0;
}

class QmpTest : public ::testing::Test {
  protected:
    void begin(std::chrono::milliseconds patience = QmpHandshake::kPatience) {
        auto begun = QmpHandshake::begin(monitor_.path(), watches_, patience);
        ASSERT_TRUE(begun) << begun.error().message;
        handshake_ = *std::move(begun);
        monitor_.accept();
    }
    /// The answer to what was heard last leads to the next command.
    std::string answer(std::string_view text) {
        monitor_.say(text);
        const auto turned = handshake_->turn();
        EXPECT_TRUE(turned && !*turned);
        return monitor_.hear();
    }
    std::string error() {
        const auto turned = handshake_->turn();
        return turned ? "" : turned.error().message;
    }

    Monitor monitor_;
    wayland::Watches watches_;
    std::unique_ptr<QmpHandshake> handshake_;
};

TEST_F(QmpTest, QemuGetsTheOtherEnd) {
    begin();
    EXPECT_NE(answer(kGreeting).find("qmp_capabilities"), std::string::npos);
    EXPECT_NE(answer(kDone).find("getfd"), std::string::npos);
    EXPECT_EQ(answer("{\"event\": \"RESUME\"}\n"), "");
    EXPECT_NE(answer(kDone).find("add_client"), std::string::npos);
    monitor_.say(kDone);
    auto turned = handshake_->turn();
    ASSERT_TRUE(turned && *turned);
    ASSERT_TRUE(monitor_.descriptor);
    EXPECT_TRUE(test::send_text(**turned, "x"));
    char byte = 0;
    EXPECT_EQ(::recv(monitor_.descriptor.get(), &byte, 1, MSG_DONTWAIT), 1);
}

// A window is drawn, and closed, by the thread that would wait. Would hang if it did.
TEST_F(QmpTest, NobodyWaitsForASilentMonitor) {
    begin(20ms);
    const auto turned = handshake_->turn();
    EXPECT_TRUE(turned && !*turned);
    EXPECT_TRUE(has_something(watches_, 10'000));
    EXPECT_NE(error().find("does not answer"), std::string::npos);
}

TEST_F(QmpTest, AMonitorThatDripsHasNoLongerThanAnother) {
    begin(100ms);
    std::string said;
    for (int i = 0; i < 1000 && said.empty(); ++i) {
        monitor_.say(" ");
        std::this_thread::sleep_for(5ms);
        said = error();
    }
    EXPECT_NE(said.find("does not answer"), std::string::npos) << said;
}

TEST_F(QmpTest, SaysWhatIsWrong) {
    begin();
    answer(kGreeting);
    answer(kDone);
    answer(kDone);
    monitor_.say("{\"error\": {\"desc\": \"no display\\u001b[2J\"}}\n");
    EXPECT_EQ(error().find("QEMU: no display"), 0U) << error();
    EXPECT_EQ(error().find('\x1b'), std::string::npos);
}

TEST_F(QmpTest, IsNotMisledByOtherPrograms) {
    for (const char* const text : {"HTTP/1.0 400 Bad Request\n", "[]\n", "\n"}) {
        begin();
        monitor_.say(text);
        EXPECT_NE(error().find("does not speak QMP"), std::string::npos) << text;
    }
    begin();
    monitor_.hang_up();
    EXPECT_NE(error().find("ended the connection"), std::string::npos);
}

TEST_F(QmpTest, AMonitorWhoseQueueIsFullIsNotWaitedFor) {
    std::vector<UniqueFd> others;
    for (int i = 0; i < 2; ++i) others.push_back(test::connect_to(monitor_.path()));
    EXPECT_FALSE(QmpHandshake::begin(monitor_.path(), watches_));
}

TEST_F(ViewerTest, ItsWindowLivesWhileQemusMonitorIsSilent) {
    Monitor monitor;
    auto all = options();
    all.reconnect = true;
    bool over_qmp = false;
    all.connect_bus = [&,
                       before = all.connect_bus](wayland::Watches& watches) -> Result<Connecting> {
        if (!over_qmp) return before(watches);
        return QmpHandshake::begin(monitor.path(), watches, 100ms);
    };
    start(std::move(all));
    flip(0);
    over_qmp = true;
    qemu->quit();
    qemu.reset();
    settle();
    pass(Viewer::kRetry);
    monitor.accept();
    EXPECT_EQ(viewer->deadline(), INT64_MAX) << "what comes wakes it";
    std::this_thread::sleep_for(150ms);
    settle();
    EXPECT_EQ(viewer->deadline(), now + Viewer::kRetry);
    EXPECT_FALSE(over);
    screen().close_window();
    settle();
    EXPECT_TRUE(over);
}

}  // namespace
}  // namespace viaduct::viewer
