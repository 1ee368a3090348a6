#include "base/log.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace viaduct {
namespace {

class Log : public ::testing::Test {
  protected:
    void SetUp() override {
        set_log_level(LogLevel::kInfo);
        set_log_sink([this](LogLevel, std::string_view text) { lines_.emplace_back(text); });
    }
    void TearDown() override {
        set_log_sink(nullptr);
        set_log_level(LogLevel::kWarning);
    }
    std::vector<std::string> lines_;
};

TEST_F(Log, DropsWhatIsBelowTheLevel) {
    log(LogLevel::kDebug, "no {}", 1);
    log(LogLevel::kInfo, "yes {}", 2);
    EXPECT_EQ(lines_, std::vector<std::string>{"yes 2"});
}

TEST_F(Log, LimiterLogsPowersOfTenPerCause) {
    static const char kA[] = "a", kB[] = "b";
    LogLimiter limiter;
    for (int i = 0; i < 1000; ++i) limiter.log(LogLevel::kError, kA, "bad {}", i);
    limiter.log(LogLevel::kError, kB, "other");
    const std::vector<std::string> expected{"bad 0", "bad 9 (for the 10th time)",
                                            "bad 99 (for the 100th time)",
                                            "bad 999 (for the 1000th time)", "other"};
    EXPECT_EQ(lines_, expected);
}

// As contexts that are made, fail and go.
TEST_F(Log, ManyLimitersDoNotFloodTheLog) {
    for (int i = 0; i < 100'000; ++i) {
        LogLimiter limiter;
        limiter.log(LogLevel::kError, "cause", "bad");
    }
    EXPECT_GE(lines_.size(), 100u);
    EXPECT_LE(lines_.size(), 2100u);
    log(LogLevel::kError, "what no guest causes");
    EXPECT_EQ(lines_.back(), "what no guest causes");
}

TEST_F(Log, ThrowsNothing) {
    set_log_sink([](LogLevel, std::string_view) { throw std::bad_alloc(); });
    LogLimiter limiter;
    log(LogLevel::kError, "one");
    limiter.log(LogLevel::kError, "cause", "another");
}

TEST_F(Log, ASinkMayLog) {
    set_log_sink([this](LogLevel, std::string_view text) {
        lines_.emplace_back(text);
        if (lines_.size() == 1) log(LogLevel::kWarning, "within {}", text);
    });
    log(LogLevel::kWarning, "one");
    EXPECT_EQ(lines_, (std::vector<std::string>{"one", "within one"}));
}

TEST_F(Log, HeldLinesGoOutInTheEndInTheirOrder) {
    {
        const LogHold hold;
        log(LogLevel::kWarning, "one");
        std::thread([] { log(LogLevel::kWarning, "another thread's"); }).join();
        {
            const LogHold inner;
            log(LogLevel::kDebug, "below the level");
            log(LogLevel::kWarning, "two");
        }
        EXPECT_EQ(lines_, std::vector<std::string>{"another thread's"});
    }
    log(LogLevel::kWarning, "three");
    EXPECT_EQ(lines_, (std::vector<std::string>{"another thread's", "one", "two", "three"}));
}

TEST_F(Log, AHeldLineMayMakeOthers) {
    set_log_sink([this](LogLevel, std::string_view text) {
        lines_.emplace_back(text);
        if (lines_.size() > 1) throw std::bad_alloc();
        const LogHold within;
        log(LogLevel::kWarning, "within");
    });
    {
        const LogHold hold;
        log(LogLevel::kWarning, "one");
        log(LogLevel::kWarning, "two");
    }
    EXPECT_EQ(lines_, (std::vector<std::string>{"one", "within", "two"}));
}

TEST(Sanitise, EscapesAndCutsGuestText) {
    EXPECT_EQ(sanitise("glxgears"), "glxgears");
    EXPECT_EQ(sanitise("a\x1b[2J\n\\%s"), "a\\x1b[2J\\x0a\\x5c%s");
    EXPECT_EQ(sanitise(std::string_view("ab\0cd", 5)), "ab");
    EXPECT_EQ(sanitise(std::string(1000, 'x')).size(), 64u);
}

TEST(Printable, LeavesPlainAsciiAlone) {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    const std::string text = printable(all);
    for (const char c : text) EXPECT_TRUE(c >= ' ' && c <= '~');
    EXPECT_NE(text.find("XYZ[\\]^"), std::string::npos) << text;
    EXPECT_EQ(printable("\x9b"), "\\x9b");
}

}  // namespace
}  // namespace viaduct
