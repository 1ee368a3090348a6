#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>

#include "display/viewer/guest_clipboard.h"
#include "viewer_fixture.h"

namespace viaduct::viewer {
namespace {

constexpr char kText[] = "text/plain;charset=utf-8";

class SharedClipboard : public ViewerTest {
  protected:
    void share(ClipboardUse use) {
        ::signal(SIGPIPE, SIG_IGN);
        auto all = options();
        all.clipboard = use;
        start(std::move(all));
    }
    test::ServerSelection& selection() { return screen().selection; }
    void focus() {
        screen().seat.send_keyboard_enter(screen().surface);
        settle();
    }
    /// A program of the host's copies while the window has the keyboard.
    void host_copies(const std::string& text) {
        selection().offer({kText});
        settle();
        ASSERT_EQ(selection().wanted.size(), 1U);
        ASSERT_EQ(::write(selection().wanted[0].second.get(), text.data(), text.size()),
                  static_cast<ssize_t>(text.size()));
        selection().wanted.clear();
        settle();
    }
    void guest_copies(uint32_t serial, const std::string& text) {
        qemu->copy(serial, {kText});
        settle();
        ASSERT_EQ(qemu->requests, 1);
        qemu->answer_request(kText, text);
        settle();
    }
    std::string host_pastes() {
        if (!selection().source) return "(none)";
        const UniqueFd pipe = selection().read(kText);
        settle();
        char bytes[100];
        const ssize_t got = ::read(pipe.get(), bytes, sizeof(bytes));
        return {bytes, static_cast<size_t>(std::max<ssize_t>(got, 0))};
    }
    long called(const std::string& call) const { return std::ranges::count(qemu->calls, call); }
};

TEST_F(SharedClipboard, IsNotSharedUnlessAsked) {
    share({});
    focus();
    qemu->copy(1, {kText});
    qemu->paste();
    settle();
    EXPECT_FALSE(selection().device);
    EXPECT_TRUE(qemu->calls.empty());
    EXPECT_EQ(qemu->refused_pastes, 1);
}

TEST_F(SharedClipboard, TheGuestPastesWhatTheHostCopied) {
    share({.to_guest = true});
    focus();
    EXPECT_EQ(called("Register"), 1);
    host_copies("secret");
    EXPECT_EQ(called(std::string("Grab 0 1 ") + kText), 1);
    qemu->paste();
    settle();
    EXPECT_EQ(qemu->pasted, std::vector<std::string>{"secret"});
    qemu->paste("text/html");
    settle();
    EXPECT_EQ(qemu->refused_pastes, 1);
    selection().offer({"image/png"});
    settle();
    EXPECT_EQ(called("Release 0"), 1);
    qemu->paste();
    settle();
    EXPECT_EQ(qemu->refused_pastes, 2);
}

TEST_F(SharedClipboard, TheHostPastesWhatTheGuestCopied) {
    share({.from_guest = true});
    focus();
    guest_copies(1, "from the guest");
    EXPECT_EQ(host_pastes(), "from the guest");
    EXPECT_EQ(selection().serial, screen().seat.serial);
    qemu->uncopy();
    settle();
    EXPECT_EQ(host_pastes(), "(none)");
}

TEST_F(SharedClipboard, EachDirectionIsSharedByItself) {
    share({.from_guest = true});
    focus();
    selection().offer({kText});
    settle();
    EXPECT_TRUE(selection().wanted.empty()) << "the host's text is read";
    qemu->paste();
    settle();
    EXPECT_EQ(qemu->refused_pastes, 1);

    viewer.reset();
    screens.clear();
    share({.to_guest = true});
    focus();
    qemu->copy(1, {kText});
    settle();
    EXPECT_EQ(qemu->requests, 0) << "the guest's text is read";
    EXPECT_FALSE(selection().source);
}

TEST_F(SharedClipboard, AGuestInTheBackgroundSetsNothing) {
    share({.from_guest = true});
    guest_copies(1, "never");
    EXPECT_FALSE(selection().source);
    focus();
    EXPECT_FALSE(selection().source);
    screen().seat.send_keyboard_leave(screen().surface);
    settle();
    guest_copies(2, "never");
    EXPECT_FALSE(selection().source);
    focus();
    screen().seat.send_key(30, true);
    settle();
    guest_copies(3, "now");
    EXPECT_EQ(host_pastes(), "now");
    EXPECT_EQ(selection().serial, screen().seat.serial) << "not of the last key";
}

TEST_F(SharedClipboard, TheHigherSerialWins) {
    share({.to_guest = true, .from_guest = true});
    focus();
    guest_copies(5, "five");
    host_copies("host");
    EXPECT_EQ(called(std::string("Grab 0 6 ") + kText), 1);
    qemu->copy(6, {kText});  // at the same time: ours wins
    qemu->copy(4, {kText});
    settle();
    EXPECT_EQ(qemu->requests, 0);
    qemu->paste();
    settle();
    EXPECT_EQ(qemu->pasted, std::vector<std::string>{"host"});
    guest_copies(7, "seven");
    EXPECT_EQ(host_pastes(), "seven");
    qemu->paste();
    settle();
    EXPECT_EQ(qemu->refused_pastes, 1) << "the host's text is no longer copied";
}

TEST_F(SharedClipboard, OnlyTheUsualSelectionCounts) {
    share({.to_guest = true, .from_guest = true});
    focus();
    qemu->copy(1, {kText}, 1);
    qemu->copy(2, {"text/html"});
    settle();
    EXPECT_EQ(qemu->requests, 0);
    EXPECT_FALSE(selection().source);
}

TEST_F(SharedClipboard, WrongAnswersOfTheGuestAreLeftOut) {
    share({.from_guest = true});
    focus();
    const std::string long_text(GuestClipboard::kMostBytes + 1, 'x');
    uint32_t serial = 0;
    for (const auto& [type, bytes] : {std::pair<std::string, std::string>{kText, "\xff"},
                                      {kText, long_text},
                                      {"text/html", "text"},
                                      {kText, std::string(1, '\0')}}) {
        qemu->copy(++serial, {kText});
        settle();
        qemu->answer_request(type, bytes);
        settle();
        EXPECT_FALSE(selection().source) << type;
    }
    guest_copies(++serial, "right");
    EXPECT_EQ(host_pastes(), "right");
}

TEST_F(SharedClipboard, AFloodOfCopiesIsOneRequestAtATime) {
    share({.from_guest = true});
    focus();
    for (uint32_t serial = 1; serial <= 1000; ++serial) qemu->copy(serial, {kText});
    settle();
    ASSERT_EQ(qemu->requests, 1);
    qemu->answer_request(kText, "old");
    settle();
    EXPECT_FALSE(selection().source) << "what was copied before";
    ASSERT_EQ(qemu->requests, 1);
    qemu->answer_request(kText, "new");
    settle();
    EXPECT_EQ(qemu->requests, 0);
    EXPECT_EQ(host_pastes(), "new");
}

TEST_F(SharedClipboard, StartsAnewWithTheGuestsAgent) {
    share({.to_guest = true});
    focus();
    host_copies("host");
    qemu->copy(9, {kText});
    settle();
    host_copies("again");
    EXPECT_EQ(called(std::string("Grab 0 10 ") + kText), 1);
    qemu->restart_clipboard();
    settle();
    EXPECT_EQ(called(std::string("Grab 0 1 ") + kText), 2) << "serials begin at 1 again";
}

TEST_F(SharedClipboard, IsLeftOutIfAnotherViewerHasIt) {
    qemu->offers_clipboard = false;
    share({.to_guest = true, .from_guest = true});
    focus();
    host_copies("host");
    EXPECT_EQ(called(std::string("Grab 0 1 ") + kText), 0);
    EXPECT_EQ(lines_with("the clipboard is not shared"), 1U);
    flip(0);
    EXPECT_EQ(shown(screen()), 1U);
}

TEST_F(SharedClipboard, EndsWithQemu) {
    share({.to_guest = true, .from_guest = true});
    focus();
    guest_copies(1, "guest");
    qemu->copy(2, {kText});
    selection().offer({kText});
    settle();
    qemu->quit();
    settle();
    EXPECT_TRUE(over);
    viewer.reset();
}

}  // namespace
}  // namespace viaduct::viewer
