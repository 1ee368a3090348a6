// A worker that a guest has taken over says and writes what it likes: the front takes no harm.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <rapidcheck/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include "base/log.h"
#include "blob/memfd.h"
#include "drm-context/front/context_link.h"
#include "tests/unit/drm-context/front/link_parts.h"

namespace viaduct {
namespace {

using transport::RecordType;

size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

/// A link, and the hostile end of its channel.
struct Hostage {
    Hostage() {
        set_log_level(LogLevel::kSilent);
        test::start(link, worker.socket.get());
    }
    ~Hostage() { set_log_level(LogLevel::kWarning); }

    /// True if the fence thread would take another turn.
    bool has_turn() const {
        pollfd entry{link.notify_fd(), POLLIN, 0};
        return ::poll(&entry, 1, 0) > 0;
    }
    bool is_lost() const { return worker.page().abandoned != 0; }
    /// A raw message with descriptors, as no honest worker sends it.
    void say(std::span<const std::byte> message, size_t descriptors) {
        const UniqueFd fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
        const std::vector<int> copies(descriptors, fd.get());
        (void)transport::send_message(worker.socket.get(), message, copies);
    }

    transport::Channel channel = transport::create_channel(4096).value();
    transport::ChannelEnd worker = transport::open_channel_end(std::move(channel.worker)).value();
    ContextLink link{ContextId(1), std::move(channel.front), test::device_file(), test::closer(),
                     test::patience(std::chrono::milliseconds(200))};
};

RC_GTEST_PROP(HostileWorker, MayWriteAnythingIntoTheSharedPage,
              (std::vector<std::pair<uint8_t, uint64_t>> writes)) {
    Hostage hostage;
    auto& page = hostage.worker.page();
    uint64_t next_fence = 1;
    size_t retired = 0;
    for (const auto& [where, what] : writes) {
        switch (where % 5) {
            case 0:
                page.tail = what;
                break;
            case 1:
                page.worker_sleeps = static_cast<uint32_t>(what);
                break;
            case 2:
                page.retired[what % transport::kFenceRings] = what;
                break;
            case 3:
                page.head = what;
                break;
            default:
                page.front_waits = static_cast<uint32_t>(what);
                break;
        }
        const std::byte command[24] = {};
        (void)hostage.link.send(RecordType::kSubmit, command, {});
        hostage.link.add_fence(RingIndex(where % 70u), FenceId(next_fence++));
        std::vector<RetiredFence> out;
        hostage.link.collect(out);
        hostage.link.check_progress(std::chrono::steady_clock::now());
        retired += out.size();
    }
    page.exited = 1;
    hostage.link.quit();
    std::vector<RetiredFence> out;
    RC_ASSERT(hostage.link.collect(out));
    RC_ASSERT(retired + out.size() == next_fence - 1);
}

RC_GTEST_PROP(HostileWorker, MaySayAnything,
              (std::vector<std::pair<uint16_t, uint64_t>> messages)) {
    test::settle_closer();  // after what was before
    const size_t before = open_descriptors();
    {
        Hostage hostage;
        for (const auto& [size, cookie] : messages) {
            std::vector<std::byte> message(size % 600);
            const uint64_t cookies[] = {cookie, transport::kLogCookie, transport::kReadyCookie, 1};
            if (message.size() >= 8) std::memcpy(message.data(), &cookies[cookie % 4], 8);
            if (size % 3 == 0) {
                message.assign(sizeof(transport::Reply), std::byte{0xff});
                std::memcpy(message.data(), &cookies[cookie % 4], 8);
            }
            hostage.say(message, size % (transport::kMaxDescriptors + 1));
        }
        hostage.worker.socket.reset();
        hostage.link.quit();
        std::vector<RetiredFence> out;
        bool over = false;
        while (!over && hostage.has_turn()) over = hostage.link.collect(out);
        RC_ASSERT(over);
    }
    test::settle_closer();
    RC_ASSERT(open_descriptors() == before);
}

TEST(HostileWorker, CannotFloodTheLog) {
    Hostage hostage;
    set_log_level(LogLevel::kWarning);
    size_t lines = 0;
    set_log_sink([&](LogLevel, std::string_view text) {
        ++lines;
        for (const char c : text) EXPECT_TRUE(c >= ' ' && c <= '~') << text;
    });
    (void)hostage.link.ask(RecordType::kMapSource, transport::ResourceCall{});
    transport::Reply line{};
    line.cookie = transport::kLogCookie;
    line.level = UINT32_MAX;
    std::memset(line.message, '\n', sizeof(line.message));
    line.message[1] = '\x9b';  // a terminal may take it for the beginning of a command
    for (int i = 0; i < 5000; ++i) {
        (void)transport::send_message(hostage.worker.socket.get(),
                                      std::as_bytes(std::span(&line, 1)), -1);
        std::vector<RetiredFence> out;
        hostage.link.collect(out);
    }
    set_log_sink({});
    EXPECT_GT(lines, 500u);
    EXPECT_LT(lines, 1100u);
}

// Until the context is lost, as a test expects, everything stays bounded.
void collect_until_lost(Hostage& hostage, const std::function<void()>& harass) {
    std::vector<RetiredFence> out;
    for (int turn = 0; turn < 100'000 && !hostage.is_lost(); ++turn) {
        harass();
        hostage.link.collect(out);
    }
    EXPECT_TRUE(hostage.is_lost());
}

TEST(HostileWorker, CannotKeepTheFenceThreadBusyWithNothing) {
    Hostage hostage;
    collect_until_lost(hostage, [&] { transport::signal_event(hostage.link.notify_fd()); });
}

TEST(HostileWorker, CannotKeepTheFenceThreadBusyWithMessages) {
    for (const uint64_t cookie : {transport::kLogCookie, transport::kReadyCookie, uint64_t{77}}) {
        Hostage hostage;
        transport::Reply message{};
        message.cookie = cookie;
        collect_until_lost(hostage, [&] {
            for (int i = 0; i < 16; ++i) hostage.say(std::as_bytes(std::span(&message, 1)), 0);
        });
    }
}

TEST(HostileWorker, AnHonestOneMayBeAsBusyAsItLikes) {
    Hostage hostage;
    std::vector<RetiredFence> out;
    for (uint64_t fence = 1; fence <= 20'000; ++fence) {
        hostage.link.add_fence(RingIndex(1), FenceId(fence));
        hostage.worker.page().tail = hostage.worker.page().head.load();
        hostage.worker.page().retired[1] = fence;
        hostage.link.collect(out);
        hostage.link.collect(out);  // signals may come late
    }
    EXPECT_FALSE(hostage.is_lost());
    EXPECT_EQ(out.size(), 20'000u);
}

TEST(HostileWorker, AHangIsFoundByTheWatchdogOnceItHasCommands) {
    Hostage hostage;
    auto now = std::chrono::steady_clock::now();
    const auto pass = [&](std::chrono::seconds time) {
        for (const auto end = now + time; now < end; now += check_interval())
            hostage.link.check_progress(now);
    };
    const std::byte command[16] = {};
    pass(std::chrono::hours(1));
    ASSERT_TRUE(hostage.link.send(RecordType::kSubmit, command, {})) << "idle for an hour";
    pass(std::chrono::seconds(2));
    ASSERT_TRUE(hostage.link.send(RecordType::kSubmit, command, {}));
    pass(std::chrono::seconds(20));
    EXPECT_FALSE(hostage.link.send(RecordType::kSubmit, command, {}));
    EXPECT_EQ(hostage.worker.page().abandoned.load(), 1u) << "a thread is told to end";
}

}  // namespace
}  // namespace viaduct
