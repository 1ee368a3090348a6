#include "display/wayland/presenter.h"

#include <random>

#include "presenter_fixture.h"
#include "xdg-shell-client-protocol.h"

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

TEST_F(PresenterTest, ImportsABufferOnce) {
    start();
    for (int i = 0; i < 10; ++i) {
        present(frame(static_cast<size_t>(i % 2)));
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(shown_commits(), 10U);
    EXPECT_EQ(compositor->imports, 2);
    EXPECT_NE(compositor->commits[5].buffer, last().buffer);
    EXPECT_EQ(compositor->commits[compositor->commits.size() - 3].buffer, last().buffer);
}

TEST_F(PresenterTest, GivesIdleBuffersUp) {
    start();
    for (size_t i = 0; i < 30; ++i) {
        present(frame(i));
        compositor->send_frame_done();
        if (i > 0) compositor->release(compositor->buffers[i - 1]->resource);
        settle();
    }
    EXPECT_EQ(shown_commits(), 30U);
    EXPECT_LE(compositor->alive_buffers(), static_cast<int>(BufferCache::kMost));
    present(frame(0));
    EXPECT_EQ(compositor->imports, 31) << "forgotten, so imported anew";
}

TEST_F(PresenterTest, KeepsBuffersThatTheCompositorReads) {
    start();
    for (size_t i = 0; i < 20; ++i) {
        present(frame(i));
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(compositor->alive_buffers(), 20);
    EXPECT_EQ(notes.count("released 1"), 0);
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

TEST_F(PresenterTest, FillsTheSizeThatTheCompositorWants) {
    start();
    present(frame(0));
    EXPECT_TRUE(last().destination.empty());
    compositor->configure(800, 600);
    settle();
    EXPECT_TRUE(notes.has("resized 800x600"));
    EXPECT_EQ(last().destination, (std::vector{800, 600})) << "before the guest has drawn anew";
    EXPECT_FALSE(last().attached);
    compositor->configure(800, 600);
    settle();
    EXPECT_TRUE(notes.has("resized 800x600")) << "once";
    for (int i = 1; i <= 100; ++i) compositor->configure(800 + i, 600);
    settle();
    EXPECT_EQ(presenter->size(), (WindowSize{900, 600}));
    EXPECT_EQ(last().destination, (std::vector{900, 600}));
    compositor->close_window();
    settle();
    EXPECT_TRUE(notes.has("close"));
}

TEST_F(PresenterTest, DoesNotExceedAFullscreenWindow) {
    auto offers = usual_offers();
    offers.viewporter = false;
    start(offers);
    compositor->configure(63, 32, {XDG_TOPLEVEL_STATE_FULLSCREEN});
    settle();
    present(frame(0));
    EXPECT_EQ(shown_commits(), 0U);
    EXPECT_TRUE(notes.has("dropped 1"));
    EXPECT_TRUE(notes.has("released 1"));
    compositor->configure(64, 32, {XDG_TOPLEVEL_STATE_FULLSCREEN});
    settle();
    present(frame(0));
    EXPECT_EQ(shown_commits(), 1U);
    EXPECT_EQ(compositor->error, "");
}

TEST_F(PresenterTest, TurnsFramesThatStandOnTheirHead) {
    start();
    FrameDescription description;
    description.planes = {{memory[0].get(), 0, 256}};
    description.width = 64;
    description.height = 32;
    description.fourcc = kFormat;
    description.modifier = DRM_FORMAT_MOD_INVALID;
    description.bottom_up = true;
    present(Frame::check(description).value());
    EXPECT_EQ(last().transform, WL_OUTPUT_TRANSFORM_FLIPPED_180);
    compositor->send_frame_done();
    present(frame(1));
    EXPECT_EQ(last().transform, WL_OUTPUT_TRANSFORM_NORMAL);
}

// A flush's rectangle counts from the guest's top; wl_surface.damage_buffer counts the buffer's
// rows, and wp_viewport.set_source what is seen of them.
TEST_F(PresenterTest, CountsDamageAndCropFromTheTopOfThePicture) {
    start();
    FrameDescription description;
    description.planes = {{memory[0].get(), 0, 256}};
    description.width = 64;
    description.height = 32;
    description.fourcc = kFormat;
    description.modifier = DRM_FORMAT_MOD_INVALID;
    description.damage = FrameRect{1, 2, 3, 4};
    description.crop = FrameRect{0, 1, 64, 8};
    present(Frame::check(description).value());  // a window's first: everything is new
    for (const bool bottom_up : {true, false}) {
        description.bottom_up = bottom_up;
        compositor->send_frame_done();
        present(Frame::check(description).value());
        EXPECT_EQ(last().damage,
                  (std::vector<std::vector<int32_t>>{{1, bottom_up ? 32 - 2 - 4 : 2, 3, 4}}));
        EXPECT_EQ(compositor->source, (std::vector<int32_t>{0, 1, 64, 8}));
    }
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

TEST_F(PresenterTest, TakesLateImports) {
    start();
    compositor->hold_imports = true;
    present(frame(0));
    present(frame(1));
    present(frame(2));
    EXPECT_EQ(shown_commits(), 0U);
    EXPECT_EQ(compositor->imports, 1);
    compositor->answer_import();
    settle();
    EXPECT_EQ(shown_commits(), 1U);
    EXPECT_TRUE(notes.has("dropped 2"));
}

TEST_F(PresenterTest, CopiesWhatTheCompositorCannotImport) {
    start();
    compositor->accept_imports = false;
    auto mapping = Mapping::map_shared(memory[0].get(), 0, 64 * 32 * 4).value();
    for (uint32_t i = 0; i < 64 * 32; ++i) std::memcpy(mapping.data() + i * 4, &i, sizeof(i));
    present(frame(0, DRM_FORMAT_MOD_LINEAR));
    ASSERT_EQ(shown_commits(), 1U);
    EXPECT_FALSE(last().dmabuf);
    ASSERT_EQ(last().pixels.size(), 64U * 32);
    for (uint32_t i = 0; i < 64 * 32; ++i) ASSERT_EQ(last().pixels[i], i);
    EXPECT_TRUE(notes.has("released 1")) << "the guest's buffer is free at once";
    EXPECT_EQ(presenter->counts().copied, 1U);
    EXPECT_EQ(presenter->counts().copied_bytes, 64U * 32 * 4);
    EXPECT_EQ(presenter->counts().failed_imports, 1U);
    compositor->send_frame_done();
    present(frame(0, DRM_FORMAT_MOD_LINEAR));
    EXPECT_EQ(compositor->imports, 1) << "it is not tried again";
    EXPECT_EQ(presenter->counts().copied, 2U);
    compositor->send_feedback(usual_offers().tranches);
    compositor->send_frame_done();
    settle();
    compositor->accept_imports = true;
    present(frame(0, DRM_FORMAT_MOD_LINEAR));
    EXPECT_EQ(presenter->counts().zero_copy, 1U) << "another table of formats";
}

TEST_F(PresenterTest, WaitsForAFreeCopy) {
    auto offers = usual_offers();
    offers.dmabuf = 0;
    start(offers);
    for (size_t i = 0; i < 4; ++i) {
        present(frame(i, DRM_FORMAT_MOD_LINEAR));
        compositor->send_frame_done();
        settle();
    }
    EXPECT_EQ(shown_commits(), 3U) << "all three copies are the compositor's";
    compositor->release(compositor->commits[1].buffer);
    settle();
    EXPECT_EQ(shown_commits(), 4U);
    compositor->send_frame_done();
    present(frame(0, DRM_FORMAT_MOD_LINEAR, 32, 32));
    EXPECT_EQ(shown_commits(), 5U) << "another size has copies of its own";
    EXPECT_EQ(compositor->error, "");
}

TEST_F(PresenterTest, RefusesWhatNobodyCanRead) {
    start();
    compositor->accept_imports = false;
    present(frame(0, kTiled));
    EXPECT_EQ(shown_commits(), 0U);
    EXPECT_TRUE(notes.has("dropped 1"));
    EXPECT_TRUE(notes.has("released 1"));
    EXPECT_EQ(presenter->counts().refused, 1U);
    present(frame(0, fourcc_mod_code(INTEL, 1)));
    EXPECT_EQ(compositor->imports, 1) << "not advertised, so not asked for: that would be fatal";
    EXPECT_TRUE(notes.has("released 2"));
    EXPECT_EQ(compositor->error, "");
}

// Anything that a guest makes up is refused before the compositor sees it, which would end the
// connection.
TEST_F(PresenterTest, NoDescriptionEndsTheConnection) {
    start();
    std::mt19937 random(7);
    const uint32_t numbers[] = {0,   1,   2,    31,    32,    33,       63,        64,
                                65,  127, 128,  129,   255,   256,      257,       4096,
                                512, 513, 1024, 65535, 65536, 1u << 31, UINT32_MAX};
    const uint64_t modifiers[] = {DRM_FORMAT_MOD_INVALID, DRM_FORMAT_MOD_LINEAR, kTiled,
                                  fourcc_mod_code(INTEL, 1)};
    const uint32_t formats[] = {kFormat, DRM_FORMAT_ARGB8888, DRM_FORMAT_NV12, DRM_FORMAT_RGB565,
                                0};
    const auto pick = [&random](const auto& from) { return from[random() % std::size(from)]; };
    for (int i = 0; i < 3000; ++i) {
        FrameDescription description;
        description.width = pick(numbers);
        description.height = pick(numbers);
        description.fourcc = pick(formats);
        description.modifier = pick(modifiers);
        description.bottom_up = random() % 2 == 0;
        for (size_t plane = random() % 4 ? 1 : random() % 6; plane > 0; --plane)
            description.planes.push_back(
                {memory[random() % 8].get(), random() % 2 ? 0 : pick(numbers), pick(numbers)});
        if (auto checked = Frame::check(description)) present(*std::move(checked));
        compositor->send_frame_done();
        for (const auto& buffer : compositor->buffers)
            if (buffer->resource && random() % 2) compositor->release(buffer->resource);
        ASSERT_EQ(compositor->error, "") << i;
    }
    EXPECT_GT(presenter->counts().zero_copy, 100U);
    EXPECT_GT(presenter->counts().refused, 10U);
    EXPECT_EQ(notes.count("lost"), 0);
}

TEST_F(PresenterTest, SpeaksVersion3OfLinuxDmabuf) {
    auto offers = usual_offers();
    offers.dmabuf = 3;
    start(offers);
    present(frame(0));
    ASSERT_EQ(shown_commits(), 1U);
    EXPECT_TRUE(last().dmabuf);
    compositor->send_frame_done();
    present(frame(1, kTiled));
    EXPECT_EQ(last().dmabuf->modifier, kTiled);
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

TEST_F(PresenterTest, TenThousandFlipsLeaveNothingBehind) {
    start();
    size_t descriptors = 0;
    const auto open_descriptors = [] {
        size_t count = 0;
        for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
        return count;
    };
    for (size_t i = 0; i < 10'000; ++i) {
        ASSERT_TRUE(presenter->present(frame(i % 3), ++number));
        compositor->turn();
        if (i < 3) settle();  // imports
        compositor->send_frame_done();
        compositor->send_presented(i, 0, 0, 0);
        if (i > 0) compositor->release(compositor->buffers[(i - 1) % 3]->resource);
        compositor->turn();
        presenter->dispatch();
        if (i == 100) descriptors = open_descriptors();
        ASSERT_EQ(presenter->counts().zero_copy, i + 1);
    }
    EXPECT_EQ(open_descriptors(), descriptors);
    EXPECT_EQ(compositor->imports, 3);
    EXPECT_EQ(compositor->alive_buffers(), 3);
    EXPECT_EQ(presenter->counts().superseded, 0U);
    EXPECT_EQ(presenter->counts().copied_bytes, 0U);
    for (uint64_t i = 1; i < 10'000; ++i) {
        if (i % 997 != 0) continue;
        EXPECT_TRUE(notes.has("shown " + std::to_string(i))) << i;
        EXPECT_TRUE(notes.has("released " + std::to_string(i))) << i;
    }
}

}  // namespace
}  // namespace viaduct::wayland
