#include "tests/loopback/server/host_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "blob/memfd.h"

namespace viaduct::loopback {
namespace {

constexpr uint64_t kPage = 4096;

TEST(HostWindow, RangesDoNotOverlapAndAreReused) {
    auto window = HostWindow::create(8 * kPage);
    ASSERT_TRUE(window);
    void* const first = *window->allocate(2 * kPage);
    void* const second = *window->allocate(2 * kPage);
    EXPECT_EQ(static_cast<char*>(second) - static_cast<char*>(first), 2 * kPage);
    window->release(first);
    EXPECT_NE(*window->allocate(3 * kPage), first);  // does not fit before the second
    EXPECT_NE(*window->allocate(kPage), first);      // fits better behind the third
    EXPECT_EQ(*window->allocate(2 * kPage), first);
}

TEST(HostWindow, NeighbouringGapsBecomeOne) {
    constexpr int kPieces = 4;
    auto window = HostWindow::create(kPieces * kPage);
    ASSERT_TRUE(window);
    std::vector<int> order = {0, 1, 2, 3};
    do {
        void* pieces[kPieces];
        for (void*& piece : pieces) piece = *window->allocate(kPage);
        for (const int i : order) window->release(pieces[i]);
        const auto whole = window->allocate(kPieces * kPage);
        ASSERT_TRUE(whole);
        window->release(*whole);
    } while (std::next_permutation(order.begin(), order.end()));
}

TEST(HostWindow, FullMeansNoSpace) {
    auto window = HostWindow::create(2 * kPage);
    ASSERT_TRUE(window);
    for (const uint64_t size : {uint64_t{0}, 3 * kPage, ~uint64_t{0}}) {
        const auto place = window->allocate(size);
        ASSERT_FALSE(place) << size;
        EXPECT_EQ(place.error().code, ENOSPC);
    }
    ASSERT_TRUE(window->allocate(2 * kPage));
    EXPECT_FALSE(window->allocate(kPage));
}

TEST(HostWindow, TheFileBehindAMappingIsFound) {
    auto memory = create_sealed_memfd("test", 4 * kPage);
    ASSERT_TRUE(memory);
    auto mapping = Mapping::map_shared(memory->get(), kPage, 2 * kPage);
    ASSERT_TRUE(mapping);
    auto file = file_behind_mapping(mapping->data(), 2 * kPage);
    if (!file && file.error().code == EPERM)
        GTEST_SKIP() << "/proc/self/map_files needs CAP_CHECKPOINT_RESTORE";
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->offset, kPage);
    auto again = Mapping::map_shared(file->fd.get(), file->offset, kPage);
    ASSERT_TRUE(again);
    mapping->data()[5] = std::byte{3};
    EXPECT_EQ(again->data()[5], std::byte{3});
    EXPECT_FALSE(file_behind_mapping(mapping->data(), 1ull << 40));
}

TEST(MapObserver, SeesSharedMappingsOfThisThread) {
    auto memory = create_sealed_memfd("test", 4 * kPage);
    ASSERT_TRUE(memory);
    auto before = Mapping::map_shared(memory->get(), 0, kPage);
    MapObserver observer;
    auto mapping = Mapping::map_shared(memory->get(), kPage, 2 * kPage);
    ASSERT_TRUE(before && mapping);
    EXPECT_FALSE(observer.take(before->data(), kPage));
    EXPECT_FALSE(observer.take(mapping->data(), 3 * kPage));
    auto file = observer.take(mapping->data() + kPage, kPage);
    ASSERT_TRUE(file);
    EXPECT_EQ(file->offset, 2 * kPage);
    auto again = Mapping::map_shared(file->fd.get(), static_cast<uint64_t>(file->offset), kPage);
    ASSERT_TRUE(again);
    mapping->data()[kPage + 1] = std::byte{7};
    EXPECT_EQ(again->data()[1], std::byte{7});
}

}  // namespace
}  // namespace viaduct::loopback
