// Acquire and release points (linux-drm-syncobj).
#include <algorithm>

#include "presenter_fixture.h"

namespace viaduct::wayland {
namespace {

class ExplicitSyncTest : public PresenterTest {
  protected:
    static test::CompositorOffers explicit_offers() {
        auto offers = usual_offers();
        offers.syncobj = true;
        return offers;
    }
    void start_explicit() { start(explicit_offers()); }
    void show(size_t buffer) {
        present(frame(buffer));
        compositor->send_frame_done();
        settle();
    }
};

TEST_F(ExplicitSyncTest, OpensTheCompositorsDevice) {
    start_explicit();
    EXPECT_EQ(sync_device, dev_t{0x1234});
}

TEST_F(ExplicitSyncTest, EveryCommitHasBothPoints) {
    start_explicit();
    for (size_t i = 0; i < 6; ++i) show(i % 2);
    EXPECT_EQ(compositor->error, "");
    EXPECT_EQ(shown_commits(), 6U);
    EXPECT_EQ(compositor->syncobj_surfaces, 1) << "once per surface";
    EXPECT_EQ(compositor->timelines, 4) << "two per buffer";
    EXPECT_EQ(presenter->counts().explicit_points, 6U);
    const auto& first = compositor->commits[1];
    const auto& again = compositor->commits[3];
    EXPECT_EQ(first.acquire->timeline, again.acquire->timeline);
    EXPECT_GT(again.acquire->point, first.acquire->point);
    EXPECT_GT(again.release->point, first.release->point);
    EXPECT_NE(first.release->timeline, compositor->commits[2].release->timeline);
    EXPECT_TRUE(timeline(*first.acquire).points.contains(first.acquire->point))
        << "the acquire point was set before the commit";
}

TEST_F(ExplicitSyncTest, AResizeNeedsNoPoints) {
    start_explicit();
    show(0);
    compositor->configure(100, 100);
    settle();
    EXPECT_EQ(compositor->error, "");
    EXPECT_FALSE(last().attached);
    EXPECT_FALSE(last().acquire);
}

TEST_F(ExplicitSyncTest, ReleasesFramesInTheOrderOfTheirPoints) {
    start_explicit();
    for (size_t i = 0; i < 3; ++i) show(i);
    signal(*compositor->commits[3].release);
    settle();
    EXPECT_TRUE(notes.has("released 3")) << "out of order";
    EXPECT_EQ(notes.count("released 1"), 0);
    signal(*compositor->commits[1].release);
    settle();
    EXPECT_TRUE(notes.has("released 1"));
}

TEST_F(ExplicitSyncTest, ReleaseEventsMeanNothing) {
    start_explicit();
    show(0);
    compositor->release(last().buffer);
    settle();
    EXPECT_EQ(notes.count("released 1"), 0);
    signal(*last().release);
    settle();
    EXPECT_TRUE(notes.has("released 1"));
}

TEST_F(ExplicitSyncTest, HandsTheFramesFenceOn) {
    start_explicit();
    const UniqueFd gpu(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    fence = gpu.get();
    present(frame(0));
    ASSERT_EQ(shown_commits(), 1U) << "the compositor waits for it, not the presenter";
    EXPECT_TRUE(timeline(*last().acquire).points.at(last().acquire->point));
    fence = -1;
    compositor->send_frame_done();
    present(frame(1));
    EXPECT_FALSE(timeline(*last().acquire).points.at(last().acquire->point));
}

TEST_F(ExplicitSyncTest, WaitsForAFenceThatNoTimelineTakes) {
    start_explicit();
    show(0);
    for (PlayedTimeline* timeline : timelines) timeline->imports = false;
    const UniqueFd gpu(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    fence = gpu.get();
    present(frame(0));
    EXPECT_EQ(shown_commits(), 1U);
    ::eventfd_write(gpu.get(), 1);
    settle();
    EXPECT_EQ(shown_commits(), 2U);
    EXPECT_EQ(compositor->error, "");
}

TEST_F(ExplicitSyncTest, CopiesHaveNoPoints) {
    start_explicit();
    show(0);
    compositor->accept_imports = false;
    present(frame(1, DRM_FORMAT_MOD_LINEAR));
    EXPECT_EQ(shown_commits(), 2U);
    EXPECT_EQ(compositor->error, "") << "points on shared memory end the connection";
    compositor->send_frame_done();
    present(frame(0));
    EXPECT_EQ(compositor->error, "");
    EXPECT_TRUE(last().acquire);
}

TEST_F(ExplicitSyncTest, StaysImplicitWithoutANode) {
    has_sync_device = false;
    start_explicit();
    present(frame(0));
    EXPECT_EQ(shown_commits(), 1U);
    EXPECT_EQ(compositor->syncobj_surfaces, 0);
    compositor->release(last().buffer);
    settle();
    EXPECT_TRUE(notes.has("released 1"));
}

TEST_F(ExplicitSyncTest, GoesOnImplicitlyWhereATimelineFails) {
    start_explicit();
    show(0);
    for (PlayedTimeline* timeline : timelines) timeline->reports = false;
    show(0);
    EXPECT_EQ(compositor->error, "");
    EXPECT_EQ(shown_commits(), 2U);
    EXPECT_FALSE(last().acquire);
    compositor->release(last().buffer);
    settle();
    EXPECT_TRUE(notes.has("released 2"));
    signal(*compositor->commits[1].release);
    settle();
    EXPECT_TRUE(notes.has("released 1"));
}

TEST_F(ExplicitSyncTest, DoesWithoutAfterARefusedTimeline) {
    auto offers = explicit_offers();
    offers.takes_timelines = false;
    start(offers);
    present(frame(0));
    EXPECT_EQ(compositor->error, "not a timeline");
    EXPECT_TRUE(notes.has("lost"));
    EXPECT_EQ(shown_commits(), 0U);
    start(offers);
    present(frame(0));
    EXPECT_EQ(compositor->error, "");
    EXPECT_EQ(compositor->timelines, 0);
    ASSERT_EQ(shown_commits(), 1U) << "implicitly";
    EXPECT_FALSE(last().acquire);
    EXPECT_TRUE(notes.has("lost"));
}

TEST_F(ExplicitSyncTest, DoesWithoutIfAFirstFrameEndsTheConnection) {
    start_explicit();
    present(frame(0));
    compositor->disconnect();
    settle();
    EXPECT_FALSE(trust->given());
}

TEST_F(ExplicitSyncTest, GoesOnExplicitlyAfterOtherEndsOfTheConnection) {
    start_explicit();
    compositor->disconnect();
    settle();
    EXPECT_TRUE(trust->given()) << "no timeline was imported";
    start_explicit();
    show(0);
    present(frame(1));
    compositor->disconnect();
    settle();
    EXPECT_TRUE(notes.count("lost") == 2);
    EXPECT_TRUE(trust->given()) << "the compositor has used a timeline";
    start_explicit();
    present(frame(2));
    presenter->abandon({ENOMEM, "no memory"});
    EXPECT_TRUE(trust->given()) << "the compositor had no part in it";
}

TEST_F(ExplicitSyncTest, EachWindowOfAProcessKnowsOfTheOthers) {
    EXPECT_EQ(Presenter::Options().sync_trust, Presenter::Options().sync_trust);
    EXPECT_TRUE(Presenter::Options().sync_trust->given());
}

TEST_F(ExplicitSyncTest, BuffersAreBusyUntilTheirPoint) {
    start_explicit();
    for (size_t i = 0; i < 12; ++i) show(i);
    EXPECT_EQ(compositor->alive_buffers(), 12);
    for (size_t i = 1; i <= 11; ++i) signal(*compositor->commits[i].release);
    settle();
    show(12);
    EXPECT_LE(compositor->alive_buffers(), static_cast<int>(BufferCache::kMost));
    EXPECT_EQ(compositor->error, "");
}

}  // namespace
}  // namespace viaduct::wayland
