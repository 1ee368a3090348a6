#include "display/input/input.h"

#include <linux/input-event-codes.h>

#include "display/input/keys.h"
#include "display/viewer/pixman_format.h"
#include "viewer_fixture.h"

namespace viaduct::viewer {
namespace {

class InputTest : public ViewerTest {
  protected:
    using Calls = std::vector<std::string>;
    void SetUp() override {
        start();
        flip(0);
        screen().send_frame_done();
        settle();
    }
    /// The calls that QEMU got since the last time.
    Calls calls() {
        settle();
        return std::exchange(qemu->calls, {});
    }
    test::ServerSeat& seat() { return screen().seat; }
    void press(std::initializer_list<uint32_t> keys) {
        for (const uint32_t key : keys) seat().send_key(key, true);
    }
    void release(std::initializer_list<uint32_t> keys) {
        for (const uint32_t key : keys) seat().send_key(key, false);
    }
    void move(double x, double y) {
        seat().send_motion(x, y);
        seat().send_pointer_frame();
    }
    void click() {
        seat().send_button(BTN_LEFT, true);
        seat().send_button(BTN_LEFT, false);
        seat().send_pointer_frame();
    }
};

TEST(Keys, AreThoseOfTheOriginalKeyboardAndItsPrefix) {
    const std::vector<std::pair<uint32_t, uint32_t>> kPairs = {
        {KEY_ESC, 0x01},       {KEY_A, 0x1e},        {KEY_LEFTCTRL, 0x1d}, {KEY_KPDOT, 0x53},
        {KEY_102ND, 0x56},     {KEY_F11, 0x57},      {KEY_F12, 0x58},      {KEY_KPENTER, 0x9c},
        {KEY_RIGHTCTRL, 0x9d}, {KEY_KPSLASH, 0xb5},  {KEY_SYSRQ, 0x54},    {KEY_RIGHTALT, 0xb8},
        {KEY_HOME, 0xc7},      {KEY_UP, 0xc8},       {KEY_PAGEUP, 0xc9},   {KEY_LEFT, 0xcb},
        {KEY_RIGHT, 0xcd},     {KEY_END, 0xcf},      {KEY_DOWN, 0xd0},     {KEY_PAGEDOWN, 0xd1},
        {KEY_INSERT, 0xd2},    {KEY_DELETE, 0xd3},   {KEY_PAUSE, 0xc6},    {KEY_LEFTMETA, 0xdb},
        {KEY_RIGHTMETA, 0xdc}, {KEY_COMPOSE, 0xdd},  {KEY_YEN, 0x7d},      {KEY_RO, 0x73},
        {KEY_MUTE, 0xa0},      {KEY_VOLUMEUP, 0xb0}, {KEY_F24, 0x6f},      {KEY_RESERVED, 0},
        {KEY_F24 + 1, 0},      {UINT32_MAX, 0},
    };
    for (const auto& [evdev, qemu] : kPairs) EXPECT_EQ(input::qemu_key(evdev), qemu) << evdev;
    EXPECT_EQ(input::qemu_button(BTN_RIGHT), 2);
    EXPECT_EQ(input::qemu_button(BTN_MIDDLE), 1);
    EXPECT_EQ(input::qemu_button(BTN_TASK), -1);
}

TEST(PixmanFormats, AreThoseOfQemusSurfaces) {
    EXPECT_EQ(fourcc_of_pixman(0x20020888), uint32_t{DRM_FORMAT_XRGB8888});
    EXPECT_EQ(fourcc_of_pixman(0x20028888), uint32_t{DRM_FORMAT_ARGB8888});
    EXPECT_EQ(fourcc_of_pixman(0x20080888), uint32_t{DRM_FORMAT_BGRX8888});
    EXPECT_EQ(fourcc_of_pixman(0x10020565), uint32_t{DRM_FORMAT_RGB565});
    EXPECT_EQ(fourcc_of_pixman(0), 0U);
}

TEST_F(InputTest, SendsKeysByNumber) {
    press({KEY_A, KEY_UP});
    release({KEY_A, KEY_UP});
    EXPECT_EQ(calls(), (Calls{"0 Press 30", "0 Press 200", "0 Release 30", "0 Release 200"}));
}

TEST_F(InputTest, LetsGoOfKeysWhenTheKeyboardLeaves) {
    press({KEY_LEFTALT, KEY_TAB});
    seat().send_keyboard_leave(screen().surface);
    release({KEY_TAB});  // as seen by another window's compositor, if at all
    EXPECT_EQ(calls(), (Calls{"0 Press 56", "0 Press 15", "0 Release 15", "0 Release 56"}));
}

TEST_F(InputTest, PutsATabletWhereThePointerIs) {
    screen().configure(128, 64);  // the picture of 64x32, twice as large
    settle();
    seat().send_enter(screen().surface, 0, 0);
    move(100, 63.9);
    move(-3, 1000);
    const auto sent = calls();
    ASSERT_GE(sent.size(), 2U);
    EXPECT_EQ(sent[sent.size() - 2], "0 SetAbsPosition 50,31");
    EXPECT_EQ(sent.back(), "0 SetAbsPosition 0,31") << "QEMU refuses what is outside";
    click();
    EXPECT_EQ(calls(), (Calls{"0 Press 0", "0 Release 0"}));
    EXPECT_EQ(seat().locks, 0);
}

TEST_F(InputTest, LetsGoOfButtonsWhenThePointerLeaves) {
    seat().send_enter(screen().surface, 1, 1);
    seat().send_button(BTN_RIGHT, true);
    seat().send_leave(screen().surface);
    seat().send_button(BTN_RIGHT, false);
    EXPECT_EQ(calls().back(), "0 Release 2");
}

TEST_F(InputTest, TurnsWheelsByWholeSteps) {
    seat().send_enter(screen().surface, 1, 1);
    seat().send_pointer_frame();
    calls();
    for (const int32_t parts : {120, -240, 60, 30, 30}) {
        seat().send_wheel(WL_POINTER_AXIS_VERTICAL_SCROLL, parts);
        seat().send_pointer_frame();
    }
    EXPECT_EQ(calls(), (Calls{"0 Press 4", "0 Release 4", "0 Press 3", "0 Release 3", "0 Press 3",
                              "0 Release 3", "0 Press 4", "0 Release 4"}));
    seat().send_distance(WL_POINTER_AXIS_HORIZONTAL_SCROLL, 15);
    seat().send_pointer_frame();
    EXPECT_EQ(calls(), (Calls{"0 Press 8", "0 Release 8"}));
    seat().send_wheel(WL_POINTER_AXIS_VERTICAL_SCROLL, INT32_MIN);
    seat().send_pointer_frame();
    EXPECT_LE(calls().size(), 40U);
}

TEST_F(InputTest, LocksThePointerForAMouse) {
    qemu->set_absolute(0, false);
    settle();
    seat().send_enter(screen().surface, 1, 1);
    move(5, 5);
    EXPECT_EQ(calls(), Calls{}) << "it is the host's";
    click();
    EXPECT_EQ(calls(), Calls{}) << "the click was the window's";
    EXPECT_EQ(seat().locks, 1);
    EXPECT_EQ(seat().inhibitors, 1);
    EXPECT_EQ(screen().title, "guest (Ctrl+Alt+G releases the pointer)");
    ASSERT_TRUE(seat().relative);
    seat().send_relative(3.4, -2);
    seat().send_pointer_frame();
    seat().send_relative(0.7, 0);
    seat().send_pointer_frame();
    EXPECT_EQ(calls(), (Calls{"0 RelMotion 3,-2", "0 RelMotion 1,0"})) << "parts add up";
    click();
    EXPECT_EQ(calls(), (Calls{"0 Press 0", "0 Release 0"}));
}

TEST_F(InputTest, HasAWayOut) {
    qemu->set_absolute(0, false);
    settle();
    seat().send_enter(screen().surface, 1, 1);
    click();
    settle();
    ASSERT_EQ(seat().locks, 1);
    press({KEY_LEFTCTRL, KEY_LEFTALT, KEY_G});
    release({KEY_G, KEY_LEFTALT, KEY_LEFTCTRL});
    EXPECT_EQ(calls(), (Calls{"0 Press 29", "0 Press 56", "0 Release 29", "0 Release 56"}))
        << "the guest's modifiers are not stuck, and it sees no G";
    EXPECT_EQ(seat().locks, 0);
    EXPECT_EQ(seat().inhibitors, 0);
    EXPECT_EQ(screen().title, "guest");
}

TEST_F(InputTest, ShortcutsGoByLabels) {
    // A keyboard whose key G is where American ones have U.
    seat().send_keymap(R"(xkb_keymap {
        xkb_keycodes "k" { minimum = 8; maximum = 255; <U> = 30; <G> = 42; };
        xkb_types "t" { type "ONE_LEVEL" { modifiers = none; map[none] = Level1; }; };
        xkb_compatibility "c" { };
        xkb_symbols "s" { key <U> { [ g ] }; key <G> { [ i ] }; };
    };)");
    press({KEY_LEFTCTRL, KEY_LEFTALT});
    settle();
    calls();
    press({KEY_G});
    release({KEY_G});
    EXPECT_EQ(calls(), (Calls{"0 Press 34", "0 Release 34"}));
    press({KEY_U});
    settle();
    EXPECT_EQ(seat().inhibitors, 1);
}

TEST_F(InputTest, ReportsABadKeymap) {
    seat().send_keymap("not a keymap");
    settle();
    EXPECT_EQ(lines_with("keymap"), 1U);
    press({KEY_LEFTCTRL, KEY_LEFTALT, KEY_F});
    settle();
    EXPECT_TRUE(screen().fullscreen);
}

TEST_F(InputTest, EndsTheGrabWithTheKeyboardAndWithQemu) {
    qemu->set_absolute(0, false);
    settle();
    seat().send_enter(screen().surface, 1, 1);
    click();
    settle();
    ASSERT_EQ(seat().locks, 1);
    seat().send_keyboard_leave(screen().surface);
    settle();
    EXPECT_EQ(seat().locks, 0);
    click();
    settle();
    ASSERT_EQ(seat().locks, 1);
    qemu->set_absolute(0, true);
    settle();
    EXPECT_EQ(seat().locks, 0) << "a tablet came";
}

TEST_F(InputTest, SendsTouches) {
    seat().send_touch_down(screen().surface, 77, 10, 20);
    seat().send_touch_down(screen().surface, 5, 63, 31);
    seat().send_touch_motion(77, 11, 21);
    seat().send_touch_up(77);
    seat().send_touch_down(screen().surface, 78, 1, 1);
    seat().send_touch_cancel();
    EXPECT_EQ(calls(),
              (Calls{"0 SendEvent 0 0 10,20", "0 SendEvent 0 1 63,31", "0 SendEvent 1 0 11,21",
                     "0 SendEvent 2 0 11,21", "0 SendEvent 0 0 1,1", "0 SendEvent 2 1 63,31",
                     "0 SendEvent 2 0 1,1"}));
    for (int32_t id = 0; id < 30; ++id) seat().send_touch_down(screen().surface, id, 1, 1);
    EXPECT_EQ(calls().size(), 10U) << "QEMU has so many slots";
}

TEST_F(InputTest, ShowsTheGuestsCursor) {
    seat().send_enter(screen().surface, 1, 1);
    settle();
    EXPECT_TRUE(seat().cursor) << "an arrow, before the guest has one";
    pictures().mouse_set(0, 0, 0);
    settle();
    EXPECT_FALSE(seat().cursor);
    pictures().mouse_set(0, 0, 1);
    settle();
    EXPECT_TRUE(seat().cursor);
}

TEST(UpdateHolds, AreAnsweredOnceAndInTime) {
    UpdateHold hold;
    std::vector<int> answers;
    const auto reply = [&](int number) {
        return [&answers, number] { answers.push_back(number); };
    };
    hold.hold(1, reply(1), 100);
    hold.hold(2, reply(2), 200);
    hold.hold(0, reply(3), 300);
    hold.settle(1, 400);
    EXPECT_EQ(answers, std::vector<int>{1});
    EXPECT_EQ(hold.deadline(), 200 + kRefresh);
    hold.expire(200 + kRefresh);
    EXPECT_EQ(answers, (std::vector<int>{1, 2}));
    hold.settle(9, 400);
    EXPECT_EQ(answers.size(), 2U) << "no frame was made of it";
    hold.release_all();
    EXPECT_EQ(answers, (std::vector<int>{1, 2, 3}));
    EXPECT_EQ(hold.deadline(), INT64_MAX);
    EXPECT_EQ(hold.counts().longest, kRefresh);
}

TEST(UpdateHolds, BelieveNoRefreshThatNoScreenHas) {
    UpdateHold hold;
    for (const uint64_t ns : {uint64_t{0}, uint64_t{999'999}, uint64_t{50'000'001}, UINT64_MAX}) {
        hold.set_refresh(ns);
        EXPECT_EQ(hold.refresh(), kRefresh) << ns;
    }
    hold.set_refresh(6'944'444);
    EXPECT_EQ(hold.refresh(), 6'944'444);
}

TEST(UpdateHolds, AReplyMayLeadToTheNextUpdate) {
    UpdateHold hold;
    int answers = 0;
    hold.hold(
        1,
        [&] {
            hold.hold(
                1, [&] { ++answers; }, 5);
        },
        0);
    hold.settle(1, 5);
    EXPECT_EQ(answers, 0);
    hold.settle(1, 6);
    EXPECT_EQ(answers, 1);
}

}  // namespace
}  // namespace viaduct::viewer
