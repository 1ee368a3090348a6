#include "display/viewer/viewer.h"

#include "viewer_fixture.h"

namespace viaduct::viewer {
namespace {

TEST_F(ViewerTest, RegistersAndOffersWhatSavesCopies) {
    start();
    ASSERT_TRUE(qemu->listener());
    EXPECT_TRUE(pictures().ready());
    EXPECT_EQ(pictures().interfaces,
              (std::vector<std::string>{"org.qemu.Display1.Listener.Unix.ScanoutDMABUF2",
                                        "org.qemu.Display1.Listener.Unix.Map"}));
    EXPECT_EQ(screen().title, "guest");
}

TEST_F(ViewerTest, ShowsAFlipWithoutACopy) {
    start();
    flip(3);
    ASSERT_EQ(shown(screen()), 1U);
    const test::ServerBuffer* buffer = screen().commits.back().dmabuf;
    ASSERT_TRUE(buffer);
    EXPECT_EQ(buffer->width, 64);
    EXPECT_EQ(buffer->height, 32);
    EXPECT_EQ(buffer->fourcc, kXrgb);
    EXPECT_EQ(buffer->modifier, DRM_FORMAT_MOD_INVALID);
    EXPECT_EQ(pictures().update_replies, 1);
    EXPECT_EQ(pictures().errors, 0);
    EXPECT_EQ(viewer->heads().at(0)->presenter()->counts().copied, 0U);
}

TEST_F(ViewerTest, OldMessagesOfUnknownLayoutAreNotTakenForLinear) {
    start();
    pictures().scanout_dmabuf(memory[0].get(), 64, 32, 256, kXrgb, 0, false);
    pictures().update_dmabuf(0, 0, 64, 32);
    settle();
    ASSERT_EQ(shown(screen()), 1U);
    EXPECT_EQ(screen().commits.back().dmabuf->modifier, DRM_FORMAT_MOD_INVALID);
}

TEST_F(ViewerTest, HoldsTheGuestToTheScreensRate) {
    start();
    flip(0);
    EXPECT_EQ(pictures().update_replies, 1) << "the compositor had room for it";
    now += 1'000'000;
    flip(1);
    EXPECT_EQ(pictures().update_replies, 1) << "the frame before is not on the screen yet";
    now += 5'000'000;
    screen().send_frame_done();
    settle();
    EXPECT_EQ(pictures().update_replies, 2);
    EXPECT_EQ(shown(screen()), 2U);
    const auto& hold = viewer->heads().at(0)->hold_counts();
    EXPECT_EQ(hold.held, 1U);
    EXPECT_EQ(hold.time, 5'000'000);
    EXPECT_EQ(hold.expired, 0U);
}

TEST_F(ViewerTest, HoldsNoLongerThanARefresh) {
    start();
    flip(0);
    flip(1);  // the compositor never asks for it: a hidden window
    EXPECT_EQ(viewer->deadline(), now + kRefresh);
    pass(kRefresh - 1);
    EXPECT_EQ(pictures().update_replies, 1);
    pass(1);
    EXPECT_EQ(pictures().update_replies, 2);
    EXPECT_EQ(viewer->heads().at(0)->hold_counts().expired, 1U);
}

TEST_F(ViewerTest, ARefreshIsTheScreensOwn) {
    start();
    flip(0);
    screen().send_presented(1, 0, 5'000'000, 0);  // 200 Hz
    settle();
    flip(1);
    EXPECT_EQ(viewer->deadline(), now + 5'000'000);
}

TEST_F(ViewerTest, AnswersWithoutAWindow) {
    has_compositor = false;
    auto all = options();
    all.reconnect = true;
    start(std::move(all));
    flip(0);
    EXPECT_EQ(pictures().update_replies, 0);
    pass(kRefresh);
    EXPECT_EQ(pictures().update_replies, 1);
}

TEST_F(ViewerTest, KeepsThePictureThroughDisable) {
    start();
    flip(0);
    screen().send_frame_done();
    pictures().disable();
    settle();
    pass(Scanout::kDarkAfter - 1);
    EXPECT_EQ(shown(screen()), 1U);
    pass(1);
    ASSERT_EQ(shown(screen()), 2U) << "nothing followed: dark";
    EXPECT_EQ(screen().commits.back().pixels, std::vector<uint32_t>(64 * 32, 0));
    flip(1);
    screen().send_frame_done();
    settle();
    EXPECT_EQ(shown(screen()), 3U);
}

TEST_F(ViewerTest, OneLineForARefusalThatComesAgain) {
    start();
    auto bad = scanout(0);
    bad.backing_height = 60000;
    for (int i = 0; i < 5; ++i) pictures().scanout_dmabuf2(bad);
    settle();
    EXPECT_EQ(lines_with("cannot show a picture"), 1U);
    EXPECT_EQ(viewer->heads().at(0)->stats().refusals(), 5U);
    EXPECT_EQ(pictures().errors, 5);
    EXPECT_NE(pictures().last_error.find("60000"), std::string::npos);
}

TEST_F(ViewerTest, EndsWithQemu) {
    start();
    qemu->quit();
    settle();
    EXPECT_TRUE(over);
    ASSERT_FALSE(viewer->outcome());
    EXPECT_NE(viewer->outcome().error().message.find("QEMU"), std::string::npos);
}

TEST_F(ViewerTest, WaitsForQemuAgain) {
    auto all = options();
    all.reconnect = true;
    start(std::move(all));
    flip(0);
    qemu->quit();
    qemu.reset();
    settle();
    EXPECT_FALSE(over);
    for (int i = 0; i < 3; ++i) pass(Viewer::kRetry);
    EXPECT_EQ(lines_with("waiting for QEMU"), 1U);
    qemu = std::make_unique<test::QemuDisplay>();
    pass(Viewer::kRetry);
    ASSERT_TRUE(qemu->listener());
    EXPECT_EQ(screens.size(), 1U) << "the window stayed";
    screen().send_frame_done();
    flip(1);
    EXPECT_EQ(shown(screen()), 2U);
}

TEST_F(ViewerTest, OpensAnotherWindowWhenTheCompositorReturns) {
    start();
    flip(0);
    screen().disconnect();
    settle();
    flip(1);
    pass(kRefresh);
    EXPECT_EQ(pictures().update_replies, 2) << "the guest goes on";
    pass(Head::kRetry);
    ASSERT_EQ(screens.size(), 2U);
    screen(1).configure(0, 0);
    settle();
    EXPECT_EQ(shown(screen(1)), 1U) << "what the guest shows now";
}

TEST_F(ViewerTest, OpensAnotherWindowWithoutTimelinesThatAreRefused) {
    explicit_sync = true;
    start();
    flip(0);
    EXPECT_EQ(screen().error, "not a timeline");
    for (int i = 0; i < 3; ++i) pass(Head::kRetry);
    ASSERT_EQ(screens.size(), 2U);
    screen(1).configure(0, 0);
    settle();
    EXPECT_EQ(shown(screen(1)), 1U);
    EXPECT_TRUE(screen(1).commits.back().dmabuf) << "without a copy";
    EXPECT_EQ(lines_with("synchronised implicitly"), 1U);
}

TEST_F(ViewerTest, ShowsEachHeadInAWindow) {
    qemu = std::make_unique<test::QemuDisplay>(3);
    start();
    ASSERT_EQ(screens.size(), 3U);
    EXPECT_EQ(screen(0).title, "guest");
    EXPECT_EQ(screen(2).title, "guest (3)");
    qemu->listener(1)->scanout_dmabuf2(scanout(1));
    qemu->listener(1)->update_dmabuf(0, 0, 64, 32);
    settle();
    EXPECT_EQ(shown(screen(0)), 0U);
    EXPECT_EQ(shown(screen(1)), 1U);
    screen(1).close_window();
    settle();
    EXPECT_FALSE(over);
    EXPECT_TRUE(qemu->listener(1)->closed) << "QEMU does not wait for a window that is gone";
    EXPECT_FALSE(qemu->listener(0)->closed);
}

TEST_F(ViewerTest, EndsWithItsLastWindow) {
    start();
    screen().close_window();
    settle();
    EXPECT_TRUE(over);
    EXPECT_TRUE(viewer->outcome());
}

TEST_F(ViewerTest, ShowsOneConsoleIfToldSo) {
    qemu = std::make_unique<test::QemuDisplay>(2);
    auto all = options();
    all.only = 1;
    start(std::move(all));
    EXPECT_EQ(screens.size(), 1U);
    EXPECT_FALSE(qemu->listener(0));
    EXPECT_TRUE(qemu->listener(1));
}

TEST_F(ViewerTest, SaysThatThereIsNoSuchConsole) {
    auto all = options();
    all.only = 7;
    start(std::move(all));
    EXPECT_TRUE(over);
    ASSERT_FALSE(viewer->outcome());
    EXPECT_EQ(viewer->outcome().error().message, "the VM has no console 7 with a picture");
}

TEST_F(ViewerTest, LeavesTextConsolesOut) {
    qemu->type = "Text";
    start();
    EXPECT_TRUE(over);
    EXPECT_EQ(viewer->outcome().error().message, "the VM has no display");
}

TEST_F(ViewerTest, AsksTheGuestForTheWindowsSize) {
    start();
    flip(0);
    for (const int32_t width : {700, 720, 800}) screen().configure(width, 600);
    settle();
    EXPECT_TRUE(qemu->calls.empty());
    pass(SizeRequests::kQuiet);
    EXPECT_EQ(qemu->calls, std::vector<std::string>{"0 SetUIInfo 800x600"});
    pass(SizeRequests::kQuiet);
    EXPECT_EQ(qemu->calls.size(), 1U);
}

TEST_F(ViewerTest, SetsTheGuestsCursor) {
    start();
    pictures().cursor_define(2, 2, 1, 1, std::vector<uint8_t>(16, 0x80));
    settle();
    EXPECT_EQ(pictures().errors, 0);
    for (const auto& [width, height, hot_x, bytes] :
         std::vector<std::tuple<int32_t, int32_t, int32_t, size_t>>{
             {0, 2, 0, 0}, {2, 2, 0, 15}, {2, 2, 2, 16}, {-1, -4, 0, 16}, {513, 1, 0, 2052}}) {
        const int errors = pictures().errors;
        pictures().cursor_define(width, height, hot_x, 0, std::vector<uint8_t>(bytes));
        settle();
        EXPECT_EQ(pictures().errors, errors + 1) << width << "x" << height;
    }
}

TEST_F(ViewerTest, WritesFigures) {
    std::vector<std::string> figures;
    auto all = options();
    all.stats = [&](const std::string& line) { figures.push_back(line); };
    start(std::move(all));
    flip(0);
    now += 1'000'000;
    flip(1);
    now += 2'000'000;
    screen().send_frame_done();
    settle();
    pass(1'000'000'000);
    ASSERT_EQ(figures.size(), 1U);
    EXPECT_NE(figures[0].find("console 0: 2 updates, 2 frames without a copy, 0 copied"),
              std::string::npos)
        << figures[0];
    EXPECT_NE(figures[0].find("held 1 times for 2.0 ms"), std::string::npos) << figures[0];
    EXPECT_EQ(figures[0].find("refused"), std::string::npos) << figures[0];
}

TEST_F(ViewerTest, FiguresSayWhatWasRefused) {
    start();
    Head& head = *viewer->heads().at(0);
    auto bad = scanout(0);
    bad.backing_height = 60000;
    pictures().scanout_dmabuf2(bad);
    settle();
    EXPECT_NE(head.stats_line().find("; 1 pictures refused, the last one: a frame of 64x60000"),
              std::string::npos)
        << head.stats_line();
    screen().accept_imports = false;
    flip(1);
    flip(1);
    EXPECT_NE(head.stats_line().find("; 2 frames not shown, the last one: 64x32 in XR24 with "
                                     "modifier 0xffffffffffffff: the compositor cannot import it"),
              std::string::npos)
        << head.stats_line();
}

}  // namespace
}  // namespace viaduct::viewer
