#include "display/wayland/clipboard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "display/wayland/presenter.h"
#include "tests/support/compositor/compositor.h"

namespace viaduct::wayland {
namespace {

constexpr char kText[] = "text/plain;charset=utf-8";

class ClipboardTest : public ::testing::Test {
  protected:
    ClipboardTest() { ::signal(SIGPIPE, SIG_IGN); }  // as the program does

    void start(bool reads = true) {
        test::CompositorOffers offers;
        offers.seat = true;
        compositor = std::make_unique<test::Compositor>(std::move(offers));
        Presenter::Options options;
        options.input = &input;
        options.sets_selection = true;
        if (reads)
            options.selection_changed = [this](std::optional<std::string> text) {
                texts.push_back(text.value_or("(none)"));
            };
        presenter = std::make_unique<Presenter>(Connection::adopt(compositor->connect()).value(),
                                                std::move(options), listener);
        settle();
        compositor->configure(0, 0);
        settle();
    }
    void settle() {
        for (int i = 0; i < 8; ++i) {
            compositor->turn();
            presenter->dispatch();
        }
    }
    Clipboard& clipboard() { return *presenter->clipboard(); }
    test::ServerSelection& selection() { return compositor->selection; }

    /// Another program copies, and its text is asked for.
    void offer(const std::vector<std::string>& types = {kText}) {
        selection().offer(types);
        settle();
    }
    void write(const std::string& bytes, bool ends = true) {
        ASSERT_EQ(selection().wanted.size(), 1U);
        ASSERT_EQ(::write(selection().wanted[0].second.get(), bytes.data(), bytes.size()),
                  static_cast<ssize_t>(bytes.size()));
        if (ends) selection().wanted.clear();
        settle();
    }
    /// Reads as another program does, until there is no more.
    std::string read(const UniqueFd& pipe) {
        ::fcntl(pipe.get(), F_SETFL, O_NONBLOCK);
        std::string all;
        for (;;) {
            settle();
            char bytes[8192];
            const ssize_t got = ::read(pipe.get(), bytes, sizeof(bytes));
            if (got <= 0) return got == 0 ? all : all + "(more)";
            all.append(bytes, static_cast<size_t>(got));
        }
    }

    SeatListener input;
    PresenterListener listener;
    std::unique_ptr<test::Compositor> compositor;
    std::unique_ptr<Presenter> presenter;
    std::vector<std::string> texts;
};

using Texts = std::vector<std::string>;

TEST_F(ClipboardTest, ReadsWhatOthersCopy) {
    start();
    offer({"text/html", kText, "image/png"});
    ASSERT_EQ(selection().wanted.size(), 1U);
    EXPECT_EQ(selection().wanted[0].first, kText);
    write("gr\xc3\xbc", false);
    EXPECT_EQ(texts, Texts());
    write("n", true);
    EXPECT_EQ(texts, Texts{"gr\xc3\xbcn"});
}

TEST_F(ClipboardTest, ReadsNothingElse) {
    start();
    offer({"text/html", "text/plain", "image/png"});
    offer({});
    EXPECT_TRUE(selection().wanted.empty());
    EXPECT_EQ(texts, (Texts{"(none)", "(none)"}));
}

TEST_F(ClipboardTest, ReadsNothingUnlessAsked) {
    start(false);
    offer();
    EXPECT_TRUE(selection().wanted.empty());
}

TEST_F(ClipboardTest, TakesNoMoreThanAMegabyte) {
    start();
    offer();
    const std::string part(4096, 'x');
    for (size_t sent = 0; sent < Clipboard::kMostBytes; sent += part.size()) write(part, false);
    EXPECT_EQ(texts, Texts());
    write("x", false);
    EXPECT_EQ(texts, Texts{"(none)"});
    EXPECT_EQ(::write(selection().wanted[0].second.get(), "x", 1), -1) << "it is no longer read";
    EXPECT_EQ(errno, EPIPE);
}

TEST_F(ClipboardTest, TakesUtf8Only) {
    start();
    offer();
    write("\xff\xfe");
    EXPECT_EQ(texts, Texts{"(none)"});
}

TEST_F(ClipboardTest, KnowsUtf8) {
    for (const char* good : {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf",
                             "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
        EXPECT_TRUE(is_text(good)) << good;
    for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                            "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3",
                            "\xe1\x80", "\xf1\x80\x80", "\xc3(", "\xe1\x80("})
        EXPECT_FALSE(is_text(bad)) << bad;
    EXPECT_FALSE(is_text(std::string_view("a\0b", 3)));
}

TEST_F(ClipboardTest, DoesNotWaitForAWriter) {
    start();
    offer();
    clipboard().expire(1000);
    EXPECT_EQ(clipboard().deadline(), 1000 + Clipboard::kPatience);
    clipboard().expire(999 + Clipboard::kPatience);
    EXPECT_EQ(texts, Texts());
    clipboard().expire(1000 + Clipboard::kPatience);
    EXPECT_EQ(texts, Texts{"(none)"});
    EXPECT_EQ(clipboard().deadline(), INT64_MAX);
}

TEST_F(ClipboardTest, ANewSelectionReplacesTheOneThatIsRead) {
    start();
    offer();
    write("ol", false);
    const UniqueFd old = std::move(selection().wanted[0].second);
    selection().wanted.clear();
    offer();
    write("new");
    EXPECT_EQ(texts, Texts{"new"});
    EXPECT_EQ(::write(old.get(), "d", 1), -1);
}

TEST_F(ClipboardTest, OffersAreGivenBack) {
    start();
    for (int i = 0; i < 100; ++i) offer({"image/png"});
    EXPECT_EQ(selection().offers, 1);
    offer({});
    EXPECT_EQ(selection().offers, 0);
    selection().drag(compositor->surface, {kText});
    settle();
    EXPECT_EQ(selection().offers, 0);
    EXPECT_TRUE(selection().wanted.empty());
}

TEST_F(ClipboardTest, SetsASelectionThatOthersRead) {
    start();
    clipboard().set("from the guest", 42);
    settle();
    ASSERT_TRUE(selection().source);
    EXPECT_EQ(selection().serial, 42U);
    EXPECT_EQ(selection().types[0], kText);
    EXPECT_EQ(read(selection().read(kText)), "from the guest");
    EXPECT_EQ(read(selection().read("text/html")), "");
}

TEST_F(ClipboardTest, ItsOwnSelectionIsNotRead) {
    start();
    clipboard().set("from the guest", 42);
    settle();
    offer(selection().types);
    EXPECT_TRUE(selection().wanted.empty());
    EXPECT_EQ(texts, Texts());
}

TEST_F(ClipboardTest, ASelectionEndsWhenAnotherIsSet) {
    start();
    clipboard().set("old", 1);
    clipboard().set("new", 2);
    settle();
    EXPECT_EQ(read(selection().read(kText)), "new");
    selection().cancel();
    settle();
    EXPECT_FALSE(selection().source);
    clipboard().set("newer", 3);
    clipboard().clear();
    settle();
    EXPECT_FALSE(selection().source);
}

TEST_F(ClipboardTest, DoesNotWaitForReaders) {
    start();
    clipboard().set(std::string(Clipboard::kMostBytes, 'x'), 1);
    settle();
    std::vector<UniqueFd> slow;
    for (int i = 0; i < 20; ++i) {
        slow.push_back(selection().read(kText));
        settle();
    }
    // The text stays for those who read it, though the selection is another one.
    clipboard().set("new", 2);
    settle();
    EXPECT_EQ(read(slow[0]), std::string(Clipboard::kMostBytes, 'x'));
    EXPECT_EQ(read(slow[19]), "") << "more readers than are served at once";
    slow[1].reset();  // closed
    settle();
    EXPECT_EQ(read(selection().read(kText)), "new");
    clipboard().expire(1000);
    clipboard().expire(1000 + Clipboard::kPatience);
    EXPECT_EQ(clipboard().deadline(), INT64_MAX);
    EXPECT_NE(read(slow[2]).find('x'), std::string::npos);
}

TEST_F(ClipboardTest, MayGoAtAnyTime) {
    start();
    offer();
    clipboard().set("text", 1);
    settle();
    const UniqueFd reader = selection().read(kText);
    compositor->turn();
    presenter.reset();
    compositor->turn();
    EXPECT_EQ(selection().offers, 0);
}

}  // namespace
}  // namespace viaduct::wayland
