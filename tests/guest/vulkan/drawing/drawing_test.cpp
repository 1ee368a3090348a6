// viaduct-guest-vulkan-drawing: rectangles on radv against the same picture from the CPU.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <span>

#include "tests/guest/vulkan/drawing/picture.h"
#include "tests/guest/vulkan/support.h"

namespace viaduct::vulkan {
namespace {

constexpr Rectangle kWhole{-1, -1, 1, 1, {1, 1, 0, 1}, 0.5f, 0.5f};

TEST(Drawing, AClearFillsThePicture) {
    Picture picture(shared_device(), {100, 60});
    picture.draw({0.2f, 0.4f, 0.6f, 0.8f}, {});
    picture.expect([](int, int) { return Rgba{51, 102, 153, 204}; }, 0);
}

// One step of tolerance: exports go through half floats or 16-bit integers.
TEST(Drawing, ValuesAreInterpolated) {
    Picture picture(shared_device(), {64, 64});
    picture.draw({0, 0, 0, 0}, {kWhole});
    picture.expect(
        [](int x, int y) {
            return Rgba{to_byte((x + 0.5) / 64), to_byte((y + 0.5) / 64), 0, 255};
        },
        1);
}

// Many blocks of any tiling, and no multiple of one.
TEST(Drawing, LargePicturesAreWhole) {
    Picture picture(shared_device(), {333, 229});
    picture.draw({0, 0, 0, 0}, {kWhole});
    picture.expect(
        [](int x, int y) {
            return Rgba{to_byte((x + 0.5) / 333), to_byte((y + 0.5) / 229), 0, 255};
        },
        1);
}

TEST(Drawing, RectanglesCoverTheirCentres) {
    Picture picture(shared_device(), {64, 64});
    // From pixel 8 to 40, and from 16.5 to 48.5: that row's centres are on the upper edge.
    picture.draw({0, 0, 1, 1},
                 {{-0.75f, 16.5f / 32 - 1, 0.25f, 48.5f / 32 - 1, {0, 0, 0, 1}, 0, 0}});
    picture.expect(
        [](int x, int y) {
            const bool inside = x >= 8 && x < 40 && y >= 16 && y < 48;
            return inside ? Rgba{0, 0, 0, 255} : Rgba{0, 0, 255, 255};
        },
        0);
}

TEST(Drawing, TheNearerOneStays) {
    Picture picture(shared_device(), {64, 64});
    const auto whole = [](float blue, float left, float right) {
        return Rectangle{-1, -1, 1, 1, {0, 0, blue, 1}, left, right};
    };
    picture.draw({0, 0, 0, 0},
                 {whole(0.2f, 0.5f, 0.5f), whole(1, 0, 1), whole(0.6f, 0.75f, 0.75f)});
    picture.expect([](int x, int) { return Rgba{0, 0, x < 32 ? 255 : 51, 255}; }, 0);
}

TEST(Drawing, BlendingMixes) {
    Picture picture(shared_device(), {64, 64}, Blending::kAlpha);
    picture.draw({0, 0, 1, 1}, {{-1, -1, 1, 1, {1, 0, 0, 0.25f}, 0, 0}});
    picture.expect(
        [](int x, int) {
            return Rgba{to_byte((x + 0.5) / 64 * 0.25), 0, to_byte(0.75), to_byte(0.8125)};
        },
        1);
}

class DrawingSamples : public testing::TestWithParam<VkSampleCountFlagBits> {
  protected:
    /// How many samples of a pixel lie to the left of `x`, of its width, and the number of them.
    /// Places: standardSampleLocations in Vulkan's specification, in 1/16.
    static double part_left_of(double x) {
        constexpr int kTwo[] = {12, 4}, kFour[] = {6, 14, 2, 10},
                      kEight[] = {9, 7, 13, 5, 3, 1, 11, 15};
        const std::span<const int> places =
            GetParam() == VK_SAMPLE_COUNT_2_BIT   ? std::span<const int>(kTwo)
            : GetParam() == VK_SAMPLE_COUNT_4_BIT ? std::span<const int>(kFour)
                                                  : std::span<const int>(kEight);
        return static_cast<double>(
                   std::ranges::count_if(places, [x](int place) { return place < x * 16; })) /
               static_cast<double>(places.size());
    }
};

TEST_P(DrawingSamples, AreMixedAtEdges) {
    Picture picture(shared_device(), {64, 64}, Blending::kOff, GetParam());
    // To pixel 20 and 7.5/16 of the next; green all over at the bottom, black at the top.
    constexpr double kPart = 7.5 / 16;
    const float right = static_cast<float>((20 + kPart) / 32 - 1);
    picture.draw({0, 0, 1, 1}, {{-1, -1, right, 1, {0, 0, 0, 1}, 0.5f, 0.5f}});
    const double part = part_left_of(kPart);
    picture.expect(
        [part](int x, int) {
            return Rgba{0, 0, x < 20 ? 0 : x > 20 ? 255 : to_byte(1 - part), 255};
        },
        1);
}

TEST_P(DrawingSamples, HaveDepthsOfTheirOwn) {
    Picture picture(shared_device(), {64, 64}, Blending::kOff, GetParam());
    constexpr double kPart = 7.5 / 16;
    const float right = static_cast<float>((20 + kPart) / 32 - 1);
    picture.draw({0, 0, 0, 0}, {{-1, -1, right, 1, {0, 0, 1, 1}, 0.25f, 0.25f},
                                {-1, -1, 1, 1, {0, 0, 0, 1}, 0.5f, 0.5f}});
    const double part = part_left_of(kPart);
    picture.expect(
        [part](int x, int) {
            return Rgba{0, 0, x < 20 ? 255 : x > 20 ? 0 : to_byte(part), 255};
        },
        1);
}

// Clears of metadata alone, to a colour that there is no code for.
TEST_P(DrawingSamples, LargePicturesAreCleared) {
    Picture picture(shared_device(), {600, 540}, Blending::kOff, GetParam());
    picture.draw({0.2f, 0.4f, 0.6f, 0.8f}, {{-1, -1, -0.5f, 0, {0, 0, 1, 1}, 0.5f, 0.5f}});
    picture.expect(
        [](int x, int y) {
            const bool inside = x < 150 && y < 270;
            return inside ? Rgba{0, 0, 255, 255} : Rgba{51, 102, 153, 204};
        },
        1);
}

INSTANTIATE_TEST_SUITE_P(Drawing, DrawingSamples,
                         testing::Values(VK_SAMPLE_COUNT_2_BIT, VK_SAMPLE_COUNT_4_BIT,
                                         VK_SAMPLE_COUNT_8_BIT));

}  // namespace
}  // namespace viaduct::vulkan

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (testing::GTEST_FLAG(list_tests)) return RUN_ALL_TESTS();
    try {
        const auto& identity = viaduct::vulkan::shared_device().identity();
        std::printf("device: %s\ndriver: %s, %s\n", identity.device.c_str(),
                    identity.driver.c_str(), identity.version.c_str());
        return RUN_ALL_TESTS();
    } catch (const viaduct::vulkan::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return EXIT_FAILURE;
    }
}
