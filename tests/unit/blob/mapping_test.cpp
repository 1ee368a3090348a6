#include "blob/mapping.h"

#include <gtest/gtest.h>

#include <cstring>

#include "blob/memfd.h"

namespace viaduct {
namespace {

TEST(Mapping, TwoMappingsOfOneObjectShareBytes) {
    const auto fd = create_sealed_memfd("test", 8192);
    ASSERT_TRUE(fd);
    auto a = Mapping::map_shared(fd->get(), 0, 8192);
    auto b = Mapping::map_shared(fd->get(), 4096, 4096);
    ASSERT_TRUE(a && b);
    a->data()[4096] = std::byte{42};
    EXPECT_EQ(b->data()[0], std::byte{42});
}

TEST(Mapping, FixedReplacesExactlyItsRange) {
    const auto fd = create_sealed_memfd("test", 4096);
    auto window = Mapping::map_shared(create_sealed_memfd("window", 3 * 4096)->get(), 0, 3 * 4096);
    ASSERT_TRUE(fd && window);
    std::memset(window->data(), 0x11, window->size());
    ASSERT_TRUE(map_fixed(fd->get(), 0, 4096, window->data() + 4096));
    EXPECT_EQ(window->data()[4095], std::byte{0x11});
    EXPECT_EQ(window->data()[4096], std::byte{0});
    EXPECT_EQ(window->data()[8192], std::byte{0x11});
}

TEST(Mapping, FixedRefusesAnUnalignedAddress) {
    const auto fd = create_sealed_memfd("test", 4096);
    EXPECT_EQ(map_fixed(fd->get(), 0, 4096, reinterpret_cast<void*>(0x1001)).error().code, EINVAL);
}

TEST(RoundUpToPage, SaturatesToZeroOnOverflow) {
    EXPECT_EQ(round_up_to_page(0), 0u);
    EXPECT_EQ(round_up_to_page(1), 4096u);
    EXPECT_EQ(round_up_to_page(4096), 4096u);
    EXPECT_EQ(round_up_to_page(UINT64_MAX), 0u);
}

}  // namespace
}  // namespace viaduct
