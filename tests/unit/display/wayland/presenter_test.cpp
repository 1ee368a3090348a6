#include "display/wayland/presenter.h"

#include "presenter_fixture.h"

namespace viaduct::wayland {
namespace {

TEST_F(PresenterTest, AttachesNothingBeforeTheFirstConfigure) {
    start(usual_offers(), false);
    EXPECT_EQ(compositor->title, "guest");
    present(frame(0));
    EXPECT_EQ(shown_commits(), 0U);
    compositor->configure(0, 0);
    settle();
    EXPECT_EQ(shown_commits(), 1U);
    EXPECT_EQ(compositor->error, "");
}

TEST_F(PresenterTest, ShowsADmabufAsItIs) {
    start();
    present(frame(3));
    ASSERT_EQ(shown_commits(), 1U);
    const test::ServerBuffer* shown = last().dmabuf;
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->width, 64);
    EXPECT_EQ(shown->height, 32);
    EXPECT_EQ(shown->fourcc, kFormat);
    EXPECT_EQ(shown->modifier, DRM_FORMAT_MOD_INVALID);
    EXPECT_EQ(shown->planes[0].file, frame(3).layout().planes[0].buffer);
    EXPECT_EQ(shown->planes[0].stride, 256U);
    EXPECT_EQ(last().damage, (std::vector<std::vector<int32_t>>{{0, 0, 64, 32}}));
    EXPECT_EQ(presenter->counts().zero_copy, 1U);
    EXPECT_EQ(presenter->counts().copied, 0U);
}

TEST_F(PresenterTest, CommitsNoMoreThanTheCompositorAsksFor) {
    start();
    for (size_t i = 0; i < 5; ++i) present(frame(i));
    EXPECT_EQ(shown_commits(), 1U) << "one frame callback is outstanding";
    for (const char* event : {"dropped 2", "released 2", "dropped 3", "released 3", "dropped 4"})
        EXPECT_TRUE(notes.has(event)) << event;
    EXPECT_EQ(notes.count("dropped 5"), 0) << "the newest waits";
    EXPECT_EQ(presenter->counts().superseded, 3U);
    compositor->send_frame_done();
    settle();
    ASSERT_EQ(shown_commits(), 2U);
    EXPECT_EQ(last().dmabuf->planes[0].file, frame(4).layout().planes[0].buffer);
    EXPECT_EQ(notes.count("wanted"), 0) << "there was one";
    compositor->send_frame_done();
    settle();
    EXPECT_TRUE(notes.has("wanted"));
}

TEST_F(PresenterTest, AHiddenWindowHoldsTwoFramesAtMost) {
    start();
    for (size_t i = 0; i < 1000; ++i) present(frame(i % 3));
    EXPECT_EQ(shown_commits(), 1U);
    EXPECT_EQ(presenter->counts().superseded, 998U);
    EXPECT_EQ(notes.count("wanted"), 0);
    EXPECT_EQ(compositor->imports, 1);
}

TEST_F(PresenterTest, ReleasesWhenTheCompositorDoes) {
    start();
    present(frame(0));
    compositor->send_frame_done();
    present(frame(1));
    EXPECT_EQ(notes.count("released 1"), 0);
    compositor->release(compositor->buffers[0]->resource);
    settle();
    EXPECT_TRUE(notes.has("released 1"));
    EXPECT_EQ(notes.count("released 2"), 0);
}

TEST_F(PresenterTest, OneReleaseEndsAllFramesOfItsBuffer) {
    start();
    for (int i = 0; i < 3; ++i) {
        present(frame(0));
        compositor->send_frame_done();
        settle();
    }
    compositor->release(compositor->buffers[0]->resource);
    settle();
    for (const char* event : {"released 1", "released 2", "released 3"})
        EXPECT_TRUE(notes.has(event)) << event;
}

TEST_F(PresenterTest, DamagesWhatChanged) {
    start();
    present(frame(0));
    compositor->send_frame_done();
    damage = FrameRect{-5, 1, 10, 100};
    present(frame(1));
    EXPECT_EQ(last().damage, (std::vector<std::vector<int32_t>>{{0, 1, 5, 31}}));
    present(frame(0));  // two that wait: the first is skipped
    present(frame(1));
    compositor->send_frame_done();
    settle();
    EXPECT_EQ(last().damage, (std::vector<std::vector<int32_t>>{{0, 0, 64, 32}}));
    compositor->send_frame_done();
    present(frame(0, DRM_FORMAT_MOD_INVALID, 32, 32));
    EXPECT_EQ(last().damage, (std::vector<std::vector<int32_t>>{{0, 0, 32, 32}})) << "a new size";
}

TEST_F(PresenterTest, ReportsWhenAFrameWasOnTheScreen) {
    start();
    present(frame(0));
    compositor->send_presented((uint64_t{3} << 32) + 7, 5, 16'666'666, 0xf);
    settle();
    EXPECT_TRUE(notes.has("shown 1"));
    EXPECT_EQ(notes.last_shown.time_ns, ((uint64_t{3} << 32) + 7) * 1'000'000'000 + 5);
    EXPECT_EQ(notes.last_shown.refresh_ns, 16'666'666U);
    EXPECT_EQ(notes.last_shown.flags, 0xfU);
    compositor->send_frame_done();
    present(frame(1));
    compositor->send_discarded();
    settle();
    EXPECT_TRUE(notes.has("dropped 2"));
}

TEST_F(PresenterTest, TimesOfAnotherClockAreNotReported) {
    auto offers = usual_offers();
    offers.clock = 0;
    start(offers);
    present(frame(0));
    compositor->send_presented(1, 1, 1, 0);
    settle();
    EXPECT_TRUE(notes.has("shown 1"));
    EXPECT_EQ(notes.last_shown.time_ns, 0U);
}

TEST_F(PresenterTest, ACompositorThatNeverAnswersIsAskedLittle) {
    start();
    for (size_t i = 0; i < 200; ++i) {
        present(frame(i % 2));
        compositor->send_frame_done();
        settle();
    }
    EXPECT_LE(compositor->feedbacks.size(), 64U);
    EXPECT_EQ(shown_commits(), 200U);
}

TEST_F(PresenterTest, DamageOfASkippedFrameIsThatOfTheNextOne) {
    start();
    present(frame(0));
    compositor->send_frame_done();
    const UniqueFd gpu(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    fence = gpu.get();
    damage = FrameRect{1, 1, 1, 1};
    present(frame(1));  // waits
    fence = -1;
    present(frame(2));  // makes way
    present(frame(3));
    ::eventfd_write(gpu.get(), 1);
    settle();
    EXPECT_EQ(last().damage, (std::vector<std::vector<int32_t>>{{1, 1, 1, 1}}))
        << "nothing was skipped ahead of it";
    compositor->send_frame_done();
    settle();
    EXPECT_EQ(shown_commits(), 3U);
    EXPECT_EQ(last().damage, (std::vector<std::vector<int32_t>>{{0, 0, 64, 32}}));
}

TEST_F(PresenterTest, WaitsForAFenceThatTheKernelDoesNotTake) {
    start();
    const UniqueFd gpu(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    fence = gpu.get();
    present(frame(0));
    fence = -1;
    EXPECT_EQ(shown_commits(), 0U);
    present(frame(1));
    EXPECT_EQ(shown_commits(), 0U) << "frames stay in order";
    ::eventfd_write(gpu.get(), 1);
    settle();
    EXPECT_EQ(shown_commits(), 1U);
    EXPECT_EQ(last().dmabuf->planes[0].file, frame(0).layout().planes[0].buffer);
}

TEST_F(PresenterTest, AFenceThatCannotBeWaitedForHoldsNothingUp) {
    start();
    fence = memory[7].get();  // epoll refuses files
    present(frame(0));
    EXPECT_EQ(shown_commits(), 1U);
}

TEST_F(PresenterTest, WorksWithoutWhatIsOptional) {
    auto offers = usual_offers();
    offers.viewporter = offers.presentation = false;
    start(offers);
    present(frame(0));
    compositor->release(compositor->buffers[0]->resource);
    compositor->send_frame_done();
    settle();
    EXPECT_EQ(notes.all, (std::vector<std::string>{"released 1", "shown 1", "wanted"}));
    EXPECT_EQ(notes.last_shown.time_ns, 0U);
}

TEST_F(PresenterTest, NamesWhatIsMissing) {
    auto offers = usual_offers();
    offers.xdg_shell = false;
    start(offers, false);
    EXPECT_TRUE(notes.has("lost"));
    EXPECT_NE(notes.why_lost.find("xdg_wm_base"), std::string::npos) << notes.why_lost;
    EXPECT_FALSE(presenter->present(frame(0), 1));
}

TEST_F(PresenterTest, ALostConnectionReleasesEverything) {
    start();
    present(frame(0));
    compositor->send_frame_done();
    present(frame(1));
    present(frame(2));
    compositor->disconnect();
    presenter->dispatch();
    for (const char* event : {"released 1", "released 2", "released 3", "lost"})
        EXPECT_TRUE(notes.has(event)) << event;
    const auto refused = presenter->present(frame(0), 4);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ENOTCONN);
    presenter->dispatch();
    EXPECT_TRUE(notes.has("lost"));
}

TEST_F(PresenterTest, MayGoAtAnyTime) {
    start(usual_offers(), false);
    presenter.reset();
    start();
    compositor->hold_imports = true;
    present(frame(0));
    presenter.reset();
    compositor->turn();
    start();
    present(frame(0));
    present(frame(1));
    presenter.reset();
    compositor->turn();
    EXPECT_EQ(compositor->error, "");
}

}  // namespace
}  // namespace viaduct::wayland
