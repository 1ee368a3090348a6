// Sizes of the window and its picture.
#include "presenter_fixture.h"
#include "xdg-shell-client-protocol.h"

namespace viaduct::wayland {
namespace {

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

}  // namespace
}  // namespace viaduct::wayland
