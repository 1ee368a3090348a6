#include "simgpu/chip.h"

#include <gtest/gtest.h>

#include <array>

namespace simgpu {
namespace {

constexpr std::array<std::string_view, 2> kFirst = {"gfx", "dma"}, kSecond = {"dma", "blit"};

std::array<Chip, 3> table() {
    std::array<Chip, 3> chips{};
    chips[0].name = "one";
    chips[0].ring_kinds = kFirst;
    chips[1].name = "two";
    chips[1].ring_kinds = kSecond;
    chips[2].name = "three";
    return chips;
}

TEST(Chips, AreFoundByTheirWholeName) {
    const auto chips = table();
    EXPECT_EQ(find_chip(chips, "two"), &chips[1]);
    EXPECT_EQ(find_chip(chips, "tw"), nullptr);
    EXPECT_EQ(find_chip(chips, ""), nullptr);
}

TEST(Chips, AreNamedForMessages) {
    const auto chips = table();
    EXPECT_EQ(chip_names(chips), "one, two or three");
    EXPECT_EQ(chip_names(std::span(chips).first(2)), "one or two");
    EXPECT_EQ(chip_names(std::span(chips).first(1)), "one");
}

TEST(Chips, KindsOfRingsAreListedOnce) {
    const auto chips = table();
    EXPECT_EQ(ring_kinds(chips), (std::vector<std::string_view>{"gfx", "dma", "blit"}));
}

}  // namespace
}  // namespace simgpu
