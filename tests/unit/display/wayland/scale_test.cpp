// Fractional scales (fractional-scale-v1): sizes in pixels and in the surface's coordinates.
#include "display/wayland/scale.h"

#include "display/wayland/cursor_image.h"
#include "presenter_fixture.h"
#include "xdg-shell-client-protocol.h"

namespace viaduct::wayland {
namespace {

TEST(Scale, RoundsAsCompositorsDo) {
    struct Case {
        uint32_t parts;
        int32_t surface, pixels;
    };
    for (const auto& [parts, surface, pixels] :
         {Case{120, 1280, 1280}, Case{180, 1280, 1920}, Case{180, 853, 1280}, Case{150, 1023, 1279},
          Case{240, 1, 2}, Case{0, 5, 5}}) {
        EXPECT_EQ(Scale(parts).to_pixels(surface), pixels) << parts << "/120 of " << surface;
        EXPECT_EQ(Scale(parts).to_surface(pixels), surface) << pixels << " at " << parts << "/120";
    }
    EXPECT_EQ(Scale(UINT32_MAX).to_pixels(INT32_MAX), INT32_MAX);
    EXPECT_EQ(Scale(UINT32_MAX).to_surface(INT32_MAX), 60);
}

class ScaleTest : public PresenterTest {
  protected:
    using Sizes = std::vector<int32_t>;
    void start_scaled(uint32_t parts) {
        auto offers = usual_offers();
        offers.fractional_scale = true;
        offers.seat = true;
        start(offers, false);
        ASSERT_TRUE(compositor->fractional_scale);
        compositor->send_scale(parts);
        compositor->configure(0, 0);
        settle();
    }
};

TEST_F(ScaleTest, AsksForThePixelsOfTheScreen) {
    start_scaled(180);
    compositor->configure(1280, 721);
    settle();
    EXPECT_TRUE(notes.has("resized 1920x1082")) << "1081.5 is rounded away from 0";
    EXPECT_EQ(presenter->size(), (WindowSize{1920, 1082}));
    present(frame(0, DRM_FORMAT_MOD_INVALID, 64, 32));
    EXPECT_EQ(last().destination, (Sizes{1280, 721}));
    EXPECT_EQ(presenter->surface_size(), (WindowSize{1280, 721}));
    EXPECT_EQ(presenter->picture_size(), (WindowSize{64, 32}));
}

TEST_F(ScaleTest, AFullscreenPictureHasEveryPixelOfTheScreen) {
    start_scaled(150);
    compositor->configure(1536, 864, {XDG_TOPLEVEL_STATE_FULLSCREEN});
    settle();
    EXPECT_TRUE(notes.has("resized 1920x1080"));
    present(frame(0));
    EXPECT_EQ(last().destination, (Sizes{1536, 864}));
    EXPECT_EQ(compositor->error, "");
}

TEST_F(ScaleTest, APictureOfAnySizeKeepsItsPixels) {
    start_scaled(180);
    EXPECT_EQ(notes.all.size(), 0U) << "any size will do, whatever the scale";
    present(frame(0, DRM_FORMAT_MOD_INVALID, 64, 32));
    EXPECT_EQ(last().destination, (Sizes{43, 21}));
    EXPECT_EQ(presenter->surface_size(), (WindowSize{43, 21}));
    compositor->send_scale(240);
    settle();
    EXPECT_EQ(last().destination, (Sizes{32, 16})) << "before the guest has drawn anew";
    EXPECT_FALSE(last().attached);
    compositor->send_scale(120);
    settle();
    EXPECT_TRUE(last().destination.empty());
    compositor->send_scale(120);
    const size_t commits = compositor->commits.size();
    settle();
    EXPECT_EQ(compositor->commits.size(), commits) << "nothing has changed";
}

TEST_F(ScaleTest, AThinPictureStaysVisible) {
    start_scaled(480);
    present(frame(0, DRM_FORMAT_MOD_INVALID, 64, 1));
    EXPECT_EQ(last().destination, (Sizes{16, 1}));
    EXPECT_EQ(compositor->error, "");
}

TEST_F(ScaleTest, AnotherScaleIsAnotherSizeForTheGuest) {
    start_scaled(120);
    present(frame(0));
    compositor->configure(800, 600);
    settle();
    EXPECT_TRUE(notes.has("resized 800x600"));
    compositor->send_scale(150);
    settle();
    EXPECT_TRUE(notes.has("resized 1000x750"));
    EXPECT_EQ(last().destination, (Sizes{800, 600}));
}

TEST_F(ScaleTest, DamageAndCropAreInPixelsOfTheBuffer) {
    start_scaled(180);
    compositor->configure(200, 100);
    settle();
    present(frame(0));
    compositor->send_frame_done();
    FrameDescription description;
    description.planes = {{memory[1].get(), 0, 256}};
    description.width = 64;
    description.height = 32;
    description.fourcc = kFormat;
    description.modifier = DRM_FORMAT_MOD_INVALID;
    description.damage = FrameRect{4, 5, 6, 7};
    description.crop = FrameRect{8, 0, 30, 15};
    present(Frame::check(description).value());
    EXPECT_EQ(last().damage, (std::vector<Sizes>{{4, 5, 6, 7}}));
    EXPECT_EQ(compositor->source, (Sizes{8, 0, 30, 15}));
    EXPECT_EQ(last().destination, (Sizes{200, 100}));
    compositor->configure(0, 0);
    settle();
    EXPECT_EQ(last().destination, (Sizes{20, 10})) << "of the part that is seen";
}

TEST_F(ScaleTest, NeedsViewports) {
    auto offers = usual_offers();
    offers.fractional_scale = true;
    offers.viewporter = false;
    start(offers);
    EXPECT_FALSE(compositor->fractional_scale);
    compositor->configure(800, 600);
    settle();
    EXPECT_TRUE(notes.has("resized 800x600"));
    present(frame(0));
    EXPECT_EQ(shown_commits(), 1U);
    EXPECT_EQ(compositor->error, "");
}

TEST_F(ScaleTest, AGuestsCursorIsScaledAsItsPictureIs) {
    SeatListener listener;
    input = &listener;
    start_scaled(180);
    auto& seat = compositor->seat;
    seat.send_enter(compositor->surface, 1, 1);
    settle();
    EXPECT_EQ(seat.cursor_size, (Sizes{16, 16})) << "the arrow is ours";
    EXPECT_EQ(seat.hot_spot, (Sizes{0, 0}));
    CursorImage image{64, 64, 63, 10, std::vector<uint32_t>(64 * 64)};
    ASSERT_TRUE(presenter->seat()->set_cursor(&image));
    presenter->flush();
    settle();
    EXPECT_EQ(seat.cursor_size, (Sizes{43, 43}));
    EXPECT_EQ(seat.hot_spot, (Sizes{42, 7}));
    compositor->send_scale(240);
    settle();
    EXPECT_EQ(seat.cursor_size, (Sizes{32, 32}));
    EXPECT_EQ(seat.hot_spot, (Sizes{31, 5})) << "within the picture";
}

TEST_F(ScaleTest, WithoutScalesACursorHasItsSize) {
    SeatListener listener;
    input = &listener;
    auto offers = usual_offers();
    offers.seat = true;
    start(offers);
    CursorImage image{64, 64, 63, 10, std::vector<uint32_t>(64 * 64)};
    ASSERT_TRUE(presenter->seat()->set_cursor(&image));
    compositor->seat.send_enter(compositor->surface, 1, 1);
    settle();
    EXPECT_TRUE(compositor->seat.cursor_size.empty());
    EXPECT_EQ(compositor->seat.hot_spot, (Sizes{63, 10}));
}

}  // namespace
}  // namespace viaduct::wayland
