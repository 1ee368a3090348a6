// Pictures as QEMU describes them: parts, memory, bytes; and wrong ones.
#include <sys/mman.h>

#include <random>

#include "viewer_fixture.h"

namespace viaduct::viewer {
namespace {

TEST_F(ViewerTest, TakesTheDamageThatTheGuestNames) {
    start();
    flip(0);
    screen().send_frame_done();
    settle();
    pictures().update_dmabuf(-5, 1, 10, 100000);
    settle();
    EXPECT_EQ(screen().commits.back().damage, (std::vector<std::vector<int32_t>>{{0, 1, 5, 31}}));
}

TEST_F(ViewerTest, ShowsAPartOfATiledBuffer) {
    start();
    auto part = scanout(0, 64, 64);
    part.x = 8;
    part.y = 16;
    part.width = 32;
    part.height = 24;
    pictures().scanout_dmabuf2(part);
    pictures().update_dmabuf(0, 0, 32, 24);
    settle();
    ASSERT_EQ(shown(screen()), 1U);
    EXPECT_EQ(screen().commits.back().dmabuf->width, 64);
    EXPECT_EQ(screen().source, (std::vector<int32_t>{8, 16, 32, 24}));
}

TEST_F(ViewerTest, ShowsAPartOfALinearBufferFromItsCorner) {
    start();
    auto part = scanout(0, 64, 64);
    part.modifier = DRM_FORMAT_MOD_LINEAR;
    part.x = 8;
    part.y = 16;
    part.width = 32;
    part.height = 24;
    pictures().scanout_dmabuf2(part);
    pictures().update_dmabuf(0, 0, 32, 24);
    settle();
    ASSERT_EQ(shown(screen()), 1U);
    EXPECT_EQ(screen().commits.back().dmabuf->planes[0].offset, 16U * 256 + 8 * 4);
    EXPECT_TRUE(screen().source.empty());
}

// QEMU's own pictures are in memfds that are not sealed.
TEST_F(ViewerTest, ShowsSharedMemoryByOneCopy) {
    start();
    const UniqueFd file(::memfd_create("displaysurface", MFD_CLOEXEC));
    std::vector<uint32_t> pixels(64 * 32);
    for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint32_t>(i * 7919);
    ASSERT_EQ(::write(file.get(), pixels.data(), pixels.size() * 4),
              static_cast<ssize_t>(pixels.size() * 4));
    pictures().scanout_map(file.get(), 0, 64, 32, 256, kPixmanXrgb);
    pictures().update_map(0, 0, 64, 32);
    settle();
    ASSERT_EQ(shown(screen()), 1U);
    EXPECT_EQ(screen().commits.back().pixels, pixels);
    EXPECT_EQ(screen().imports, 0) << "it is not a dma-buf";
    pixels[70] = 42;
    ASSERT_EQ(::pwrite(file.get(), &pixels[70], 4, 280), 4);
    screen().send_frame_done();
    pictures().update_map(6, 1, 1, 1);
    settle();
    EXPECT_EQ(screen().commits.back().pixels, pixels);
    EXPECT_EQ(screen().commits.back().damage, (std::vector<std::vector<int32_t>>{{6, 1, 1, 1}}));
    EXPECT_EQ(pictures().errors, 0);
}

// QEMU waits for the reply to ScanoutMap before it sends UpdateMap.
TEST_F(ViewerTest, CopiesAFlipOfSharedMemoryOnce) {
    start();
    const UniqueFd file(::memfd_create("displaysurface", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(file.get(), 64 * 32 * 4), 0);
    for (size_t flips = 1; flips <= 3; ++flips) {
        pictures().scanout_map(file.get(), 0, 64, 32, 256, kPixmanXrgb);
        settle();
        screen().send_frame_done();
        pictures().update_map(6, 1, 1, 1);
        settle();
        screen().send_frame_done();
        settle();
        EXPECT_EQ(shown(screen()), flips);
        EXPECT_EQ(screen().commits.back().damage,
                  (std::vector<std::vector<int32_t>>{{0, 0, 64, 32}}))
            << "another picture";
    }
    EXPECT_EQ(viewer->heads().at(0)->presenter()->counts().copied, 3U);
}

TEST_F(ViewerTest, ShowsSharedMemoryWithoutAnUpdate) {
    start();
    const UniqueFd file(::memfd_create("displaysurface", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(file.get(), 64 * 32 * 4), 0);
    pictures().scanout_map(file.get(), 0, 64, 32, 256, kPixmanXrgb);
    settle();
    EXPECT_EQ(viewer->deadline(), now + kRefresh);
    pass(kRefresh - 1);
    EXPECT_EQ(shown(screen()), 0U);
    pass(1);
    EXPECT_EQ(shown(screen()), 1U);
    pictures().scanout_map(file.get(), 0, 64, 32, 256, kPixmanXrgb);
    flip(0);
    pass(kRefresh);
    screen().send_frame_done();
    settle();
    EXPECT_TRUE(screen().commits.back().dmabuf) << "the memory is no longer shown";
}

TEST_F(ViewerTest, CopiesPartsThatComeAtOnceAsOneFrame) {
    start();
    pictures().scanout(64, 32, 256, kPixmanXrgb, std::vector<uint8_t>(64 * 32 * 4));
    settle();
    screen().send_frame_done();
    settle();
    for (int32_t x = 0; x < 8; ++x)
        pictures().update(x, x, 1, 1, 4, kPixmanXrgb, std::vector<uint8_t>(4, 0x22));
    settle();
    screen().send_frame_done();
    settle();
    EXPECT_EQ(shown(screen()), 2U);
    EXPECT_EQ(screen().commits.back().damage, (std::vector<std::vector<int32_t>>{{0, 0, 64, 32}}));
    pictures().update(2, 3, 2, 2, 8, kPixmanXrgb, std::vector<uint8_t>(16, 0x22));
    settle();
    EXPECT_EQ(screen().commits.back().damage, (std::vector<std::vector<int32_t>>{{2, 3, 2, 2}}));
}

TEST_F(ViewerTest, SurvivesMemoryThatShrinks) {
    start();
    const UniqueFd file(::memfd_create("displaysurface", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(file.get(), 64 * 32 * 4), 0);
    pictures().scanout_map(file.get(), 0, 64, 32, 256, kPixmanXrgb);
    settle();
    screen().send_frame_done();
    ASSERT_EQ(::ftruncate(file.get(), 100), 0);
    pictures().update_map(0, 0, 64, 32);
    settle();
    EXPECT_FALSE(over);
    flip(0);
    screen().send_frame_done();
    settle();
    EXPECT_TRUE(screen().commits.back().dmabuf);
}

TEST_F(ViewerTest, ShowsPicturesByValue) {
    start();
    std::vector<uint8_t> bytes(64 * 32 * 4, 0x11);
    pictures().scanout(64, 32, 256, kPixmanXrgb, bytes);
    pictures().update(2, 3, 2, 2, 8, kPixmanXrgb, std::vector<uint8_t>(16, 0x22));
    settle();
    screen().send_frame_done();
    settle();
    auto expected = std::vector<uint32_t>(64 * 32, 0x11111111);
    for (const size_t i : {3 * 64 + 2, 3 * 64 + 3, 4 * 64 + 2, 4 * 64 + 3})
        expected[i] = 0x22222222;
    EXPECT_EQ(screen().commits.back().pixels, expected);
    EXPECT_EQ(viewer->heads().at(0)->scanout_state().copied_bytes(), 64U * 32 * 4 + 16);
}

TEST_F(ViewerTest, RefusesPicturesByValueThatAreNot) {
    const std::vector<uint8_t> bytes(64);
    const auto refused = [&](auto&& send) {
        const int errors = pictures().errors;
        send();
        settle();
        return pictures().errors == errors + 1;
    };
    start();
    EXPECT_TRUE(refused([&] { pictures().scanout(64, 32, 256, kPixmanXrgb, bytes); }));
    EXPECT_TRUE(refused([&] { pictures().scanout(4, 4, 15, kPixmanXrgb, bytes); }));
    EXPECT_TRUE(refused([&] { pictures().scanout(0, 4, 16, kPixmanXrgb, bytes); }));
    EXPECT_TRUE(refused([&] { pictures().scanout(4, 4, 16, 0x12345, bytes); }));
    EXPECT_TRUE(refused([&] { pictures().update(0, 0, 4, 4, 16, kPixmanXrgb, bytes); }))
        << "there is no picture";
    EXPECT_FALSE(refused([&] { pictures().scanout(4, 4, 16, kPixmanXrgb, bytes); }));
    EXPECT_TRUE(refused([&] { pictures().update(1, 0, 4, 4, 16, kPixmanXrgb, bytes); }));
    EXPECT_TRUE(refused([&] { pictures().update(-1, 0, 4, 4, 16, kPixmanXrgb, bytes); }));
    EXPECT_TRUE(refused([&] { pictures().update(INT32_MAX, 0, 4, 4, 16, kPixmanXrgb, bytes); }));
    EXPECT_FALSE(over);
}

// Each is refused with one sentence, answered in time, and ends no connection.
TEST_F(ViewerTest, SurvivesHostileDescriptions) {
    start();
    flip(0);
    std::mt19937 random(1);
    const uint32_t numbers[] = {0,        1,          4,          63,         64,        65,
                                256,      16384,      16385,      60000,      65536,     0x7fffffff,
                                1U << 31, 0xfffffff0, UINT32_MAX, 0x34325258, 0x34324752};
    const auto pick = [&] { return numbers[random() % std::size(numbers)]; };
    const UniqueFd nothing(::memfd_create("empty", MFD_CLOEXEC));
    for (int i = 0; i < 300; ++i) {
        screen().send_frame_done();
        const uint64_t refusals = viewer->heads().at(0)->stats().refusals();
        auto bad = scanout(static_cast<size_t>(i) % memory.size());
        switch (i % 6) {
            case 0:
                bad.width = pick();
                break;
            case 1:
                bad.backing_height = 60000 + static_cast<uint32_t>(i);
                break;
            case 2:
                bad.strides = {pick() | 1U << 20};
                break;
            case 3:
                bad.offsets = {0xffff0000U + static_cast<uint32_t>(i)};
                break;
            case 4:
                bad.fds = {nothing.get()};
                break;
            default:
                bad.fourcc = pick();
                bad.num_planes = pick();
                bad.backing_width = pick();
                bad.x = pick();
                bad.strides = {pick(), pick()};
                bad.modifier = uint64_t{pick()} << 32 | pick();
        }
        const auto before = lines.size();
        pictures().scanout_dmabuf2(bad);
        pictures().update_dmabuf(static_cast<int32_t>(pick()), 0, static_cast<int32_t>(pick()), 9);
        settle();
        pass(kRefresh);
        ASSERT_EQ(pictures().update_replies, pictures().updates) << i;
        ASSERT_EQ(screen().error, "") << i;
        ASSERT_FALSE(over);
        if (viewer->heads().at(0)->stats().refusals() == refusals) continue;
        EXPECT_LE(lines.size(), before + 2) << i;  // one of them on dropped lines
    }
    EXPECT_GT(viewer->heads().at(0)->stats().refusals(), 200U);
    screen().send_frame_done();
    flip(1);
    screen().send_frame_done();
    settle();
    EXPECT_EQ(screen().commits.back().dmabuf->height, 32) << "good frames are shown as ever";
}

// QEMU counts a part from the guest's top, whichever row of the buffer that is.
TEST_F(ViewerTest, ShowsThePartThatTheGuestMeans) {
    start();
    auto part = scanout(0);
    part.backing_height = 64;
    part.y = 10;
    for (const bool bottom_up : {false, true}) {
        part.y0_top = bottom_up;
        part.modifier = DRM_FORMAT_MOD_INVALID;
        pictures().scanout_dmabuf2(part);
        pictures().update_dmabuf(0, 1, 64, 2);
        settle();
        EXPECT_EQ(screen().source, (std::vector<int32_t>{0, 10, 64, 32}));
        screen().send_frame_done();
        part.modifier = DRM_FORMAT_MOD_LINEAR;
        pictures().scanout_dmabuf2(part);
        pictures().update_dmabuf(0, 1, 64, 2);
        settle();
        EXPECT_EQ(screen().commits.back().dmabuf->planes.at(0).offset,
                  256U * (bottom_up ? 64 - 10 - 32 : 10));
        screen().send_frame_done();
    }
}

}  // namespace
}  // namespace viaduct::viewer
