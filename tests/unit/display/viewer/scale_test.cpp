// A viewer on a screen with a fractional scale.
#include "viewer_fixture.h"

namespace viaduct::viewer {
namespace {

class ScaledViewerTest : public ViewerTest {
  protected:
    void SetUp() override {
        fractional_scale = true;
        start();
        screen().send_scale(180);
        screen().configure(40, 20);
        flip(0);
        pass(SizeRequests::kQuiet);
    }
};

TEST_F(ScaledViewerTest, TheGuestIsAskedForPixels) {
    EXPECT_EQ(qemu->calls, std::vector<std::string>{"0 SetUIInfo 60x30"});
    qemu->calls.clear();
    screen().send_scale(240);
    settle();
    pass(SizeRequests::kQuiet);
    EXPECT_EQ(qemu->calls, std::vector<std::string>{"0 SetUIInfo 80x40"});
}

TEST_F(ScaledViewerTest, PositionsAreThoseOfTheGuestsPixels) {
    qemu->calls.clear();
    flip(1);
    screen().seat.send_enter(screen().surface, 20, 10);  // the middle of 64x32
    screen().seat.send_pointer_frame();
    settle();
    screen().seat.send_motion(39.9, 19.9);
    screen().seat.send_pointer_frame();
    settle();
    EXPECT_EQ(qemu->calls,
              (std::vector<std::string>{"0 SetAbsPosition 32,16", "0 SetAbsPosition 63,31"}));
}

TEST_F(ScaledViewerTest, PositionsInAWindowOfAnySize) {
    screen().configure(0, 0);
    settle();
    EXPECT_EQ(screen().destination, (std::vector<int32_t>{43, 21}));
    qemu->calls.clear();
    screen().seat.send_enter(screen().surface, 21.5, 10.5);
    screen().seat.send_pointer_frame();
    settle();
    EXPECT_EQ(qemu->calls, std::vector<std::string>{"0 SetAbsPosition 32,16"});
}

}  // namespace
}  // namespace viaduct::viewer
