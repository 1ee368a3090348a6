#include "display/frame.h"

#include <drm_fourcc.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <random>

#include "blob/memfd.h"

namespace viaduct {
namespace {

constexpr uint64_t kTiled = fourcc_mod_code(AMD, 1);

class FrameCheck : public ::testing::Test {
  protected:
    FrameDescription picture(uint32_t width, uint32_t height) const {
        FrameDescription frame;
        frame.planes = {{buffer.get(), 0, width * 4}};
        frame.width = width;
        frame.height = height;
        frame.fourcc = DRM_FORMAT_XRGB8888;
        return frame;
    }
    static int error_of(const FrameDescription& frame) {
        const auto checked = Frame::check(frame);
        return checked ? 0 : checked.error().code;
    }

    const UniqueFd buffer = create_sealed_memfd("frame", 64 * 64 * 4).value();
    const UniqueFd second = create_sealed_memfd("frame", 4096).value();
};

TEST_F(FrameCheck, HoldsWhatTheCompositorNeeds) {
    auto description = picture(64, 64);
    description.bottom_up = true;
    const auto frame = Frame::check(description);
    ASSERT_TRUE(frame) << frame.error().message;
    struct stat status {};
    ASSERT_EQ(::fstat(buffer.get(), &status), 0);
    EXPECT_EQ(frame->layout().planes[0].buffer, (FileId{status.st_dev, status.st_ino}));
    EXPECT_EQ(frame->layout().planes[0].stride, 256U);
    EXPECT_NE(frame->buffer(0)->get(), buffer.get()) << "a descriptor of its own";
    EXPECT_TRUE(frame->bottom_up());
    EXPECT_TRUE(frame->is_linear());
    EXPECT_EQ(frame->damage(), (FrameRect{0, 0, 64, 64}));
    EXPECT_FALSE(frame->acquire_fence());
}

TEST_F(FrameCheck, OfOneBufferAreOfOneLayout) {
    const auto other_number = buffer.duplicate();
    auto description = picture(32, 32);
    const auto first = Frame::check(description).value();
    description.planes[0].fd = other_number.get();
    EXPECT_EQ(Frame::check(description)->layout(), first.layout());
    description.planes[0].offset = 4;
    EXPECT_NE(Frame::check(description)->layout(), first.layout());
}

TEST_F(FrameCheck, AScreenIsOpaque) {
    auto description = picture(64, 64);
    description.fourcc = DRM_FORMAT_ARGB8888;
    EXPECT_EQ(Frame::check(description)->layout().fourcc, uint32_t{DRM_FORMAT_XRGB8888});
}

TEST_F(FrameCheck, RefusesWhatDoesNotFit) {
    struct Case {
        const char* what;
        void (*change)(FrameDescription&);
        int error;
    };
    const Case cases[] = {
        {"no width", [](auto& f) { f.width = 0; }, EINVAL},
        {"no height", [](auto& f) { f.height = 0; }, EINVAL},
        {"too wide", [](auto& f) { f.width = 16385; }, EINVAL},
        {"higher than its buffer", [](auto& f) { f.height = 65; }, EINVAL},
        {"height wraps", [](auto& f) { f.height = UINT32_MAX; }, EINVAL},
        {"wider than its rows", [](auto& f) { f.width = 65; }, EINVAL},
        {"no stride", [](auto& f) { f.planes[0].stride = 0; }, EINVAL},
        {"no stride, tiled", [](auto& f) { f.planes[0].stride = 0, f.modifier = kTiled; }, EINVAL},
        {"short rows", [](auto& f) { f.planes[0].stride = 255; }, EINVAL},
        {"stride wraps", [](auto& f) { f.planes[0].stride = UINT32_MAX; }, EINVAL},
        {"offset", [](auto& f) { f.planes[0].offset = 1; }, EINVAL},
        {"offset wraps", [](auto& f) { f.planes[0].offset = UINT32_MAX; }, EINVAL},
        {"tiled, too high", [](auto& f) { f.height = 65, f.modifier = kTiled; }, EINVAL},
        {"no planes", [](auto& f) { f.planes.clear(); }, EINVAL},
        {"two planes", [](auto& f) { f.planes.push_back(f.planes[0]); }, EINVAL},
        {"five planes", [](auto& f) { f.planes.resize(5, f.planes[0]), f.modifier = kTiled; },
         EINVAL},
        {"format 0", [](auto& f) { f.fourcc = 0; }, ENOTSUP},
        {"unknown format", [](auto& f) { f.fourcc = DRM_FORMAT_C8; }, ENOTSUP},
        {"big endian", [](auto& f) { f.fourcc |= DRM_FORMAT_BIG_ENDIAN; }, ENOTSUP},
        {"no buffer", [](auto& f) { f.planes[0].fd = -1; }, EACCES},
        {"closed buffer", [](auto& f) { f.planes[0].fd = 999'999; }, EACCES},
        {"closed fence", [](auto& f) { f.acquire_fence = 999'999; }, EBADF},
    };
    for (const Case& c : cases) {
        auto description = picture(64, 64);
        c.change(description);
        const auto frame = Frame::check(description);
        ASSERT_FALSE(frame) << c.what;
        EXPECT_EQ(frame.error().code, c.error) << c.what << ": " << frame.error().message;
    }
}

TEST_F(FrameCheck, RefusesBuffersThatCanShrink) {
    const UniqueFd memory(::memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(memory.get(), 1 << 16), 0);
    auto description = picture(64, 64);
    description.planes[0].fd = memory.get();
    EXPECT_EQ(error_of(description), EACCES);
    const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
    description.planes[0].fd = event.get();
    EXPECT_EQ(error_of(description), EACCES);
}

// Their sums have 32 bits.
TEST_F(FrameCheck, RefusesWhatCompositorsCannotCount) {
    const auto huge = create_sealed_memfd("frame", uint64_t{5} << 30).value();
    auto description = picture(16384, 16384);
    description.fourcc = DRM_FORMAT_XBGR16161616F;
    description.planes[0] = {huge.get(), 0, 16384 * 8};
    EXPECT_EQ(error_of(description), 0) << "2 GiB";
    description.planes[0].stride = 262'145;
    EXPECT_EQ(error_of(description), EINVAL) << "more than 4 GiB";
}

TEST_F(FrameCheck, TakesFormatsOfTwoPlanes) {
    auto description = picture(63, 31);
    description.fourcc = DRM_FORMAT_NV12;
    description.planes = {{buffer.get(), 0, 64}, {second.get(), 0, 64}};
    const auto frame = Frame::check(description);
    ASSERT_TRUE(frame) << frame.error().message;
    EXPECT_NE(frame->buffer(0), frame->buffer(1));
    description.planes[1].stride = 63;
    EXPECT_EQ(error_of(description), EINVAL) << "32 pairs";
    description.planes[1] = {second.get(), 4096 - 15 * 64, 64};
    EXPECT_EQ(error_of(description), EINVAL) << "16 rows";
    description.planes = {{buffer.get(), 0, 64}, {buffer.get(), 2048, 64}};
    const auto shared = Frame::check(description);
    ASSERT_TRUE(shared);
    EXPECT_EQ(shared->buffer(0), shared->buffer(1));
}

TEST_F(FrameCheck, TakesMetadataOfTiledLayouts) {
    auto description = picture(64, 64);
    description.modifier = kTiled;
    description.planes.push_back({second.get(), 0, 256});
    const auto frame = Frame::check(description);
    ASSERT_TRUE(frame) << frame.error().message;
    EXPECT_FALSE(frame->is_linear());
    description.planes[1].offset = 4000;
    EXPECT_EQ(error_of(description), EINVAL);
}

TEST_F(FrameCheck, ClipsDamage) {
    struct Case {
        FrameRect given, expected;
    };
    for (const Case& c :
         {Case{{1, 2, 3, 4}, {1, 2, 3, 4}}, Case{{-5, -5, 10, 10}, {0, 0, 5, 5}},
          Case{{60, 60, 100, 100}, {60, 60, 4, 4}},
          Case{{INT32_MAX, 0, INT32_MAX, 1}, {64, 0, 0, 1}},
          Case{{INT32_MIN, INT32_MIN, -1, -1}, {0, 0, 0, 0}}, Case{{3, 3, -1, 2}, {3, 3, 0, 2}}}) {
        auto description = picture(64, 64);
        description.damage = c.given;
        EXPECT_EQ(Frame::check(description)->damage(), c.expected);
    }
}

TEST_F(FrameCheck, DuplicatesItsFence) {
    const UniqueFd fence(::eventfd(0, EFD_CLOEXEC));
    auto description = picture(64, 64);
    description.acquire_fence = fence.get();
    const auto frame = Frame::check(description);
    ASSERT_TRUE(frame);
    EXPECT_TRUE(frame->acquire_fence());
    EXPECT_NE(frame->acquire_fence().get(), fence.get());
}

// A frame that passes lies within its buffers, computed in another way.
TEST_F(FrameCheck, NothingThatPassesLeavesItsBuffer) {
    std::mt19937 random(1);
    const uint32_t interesting[] = {
        0,    1,     2,     4,     63,      64,      65,       255,        256,           257,
        4096, 16383, 16384, 16385, 1 << 16, 1 << 30, 1u << 31, UINT32_MAX, UINT32_MAX - 3};
    const auto pick = [&] { return interesting[random() % std::size(interesting)]; };
    int passed = 0;
    for (int i = 0; i < 20'000; ++i) {
        FrameDescription frame;
        frame.width = pick();
        frame.height = pick();
        frame.fourcc = random() % 2 ? DRM_FORMAT_XRGB8888 : DRM_FORMAT_RGB565;
        frame.planes = {{buffer.get(), pick(), pick()}};
        if (!Frame::check(frame)) continue;
        ++passed;
        const auto last_row = static_cast<__uint128_t>(frame.height - 1) * frame.planes[0].stride;
        const uint64_t row = uint64_t{frame.width} * bytes_per_pixel(frame.fourcc);
        EXPECT_LE(frame.planes[0].offset + last_row + row, 64U * 64 * 4);
        EXPECT_GE(frame.planes[0].stride, row);
    }
    EXPECT_GT(passed, 100);
}

TEST(FourccName, IsPrintable) {
    EXPECT_EQ(fourcc_name(DRM_FORMAT_XRGB8888), "XR24");
    EXPECT_EQ(fourcc_name(1).find('\1'), std::string::npos);
}

}  // namespace
}  // namespace viaduct
