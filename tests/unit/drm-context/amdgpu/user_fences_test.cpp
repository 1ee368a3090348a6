// User fences that the worker writes: when, and how many pages it keeps mapped for them.
#include "drm-context/amdgpu/user_fences.h"

#include <gtest/gtest.h>

#include "blob/memfd.h"

namespace viaduct::amdgpu {
namespace {

constexpr GemHandle kBuffer(7);
constexpr RingIndex kRing(1);

std::shared_ptr<const Mapping> make_page() {
    const UniqueFd memory = create_sealed_memfd("page", UserFences::kKernelPage).value();
    return std::make_shared<const Mapping>(
        Mapping::map_shared(memory.get(), 0, UserFences::kKernelPage).value());
}
uint64_t value_at(const Mapping& page, uint32_t offset) {
    return *reinterpret_cast<const uint64_t*>(page.data() + offset);
}

TEST(UserFences, AreWrittenInTheOrderOfTheRing) {
    UserFences fences;
    const auto page = make_page();
    fences.add(kRing, 1, {page, 8}, 11);
    fences.add(kRing, 2, {page, 16}, 12);
    fences.ended(RingIndex(2), 9, UserFences::Outcome::kDone);
    EXPECT_EQ(value_at(*page, 8), 0u) << "another ring";
    fences.ended(kRing, 1, UserFences::Outcome::kDone);
    EXPECT_EQ(value_at(*page, 8), 11u);
    EXPECT_EQ(value_at(*page, 16), 0u);
    fences.ended(kRing, 2, UserFences::Outcome::kFailed);
    fences.ended(kRing, 3, UserFences::Outcome::kDone);
    EXPECT_EQ(value_at(*page, 16), 0u) << "its work failed";
}

TEST(UserFences, KeepFewPages) {
    UserFences fences;
    const auto first = make_page();
    fences.add_page(kBuffer, 0, first);
    fences.add(kRing, 1, {first, 0}, 5);
    for (uint32_t i = 1; i <= 2 * UserFences::kMostPages; ++i)
        fences.add_page(kBuffer, i * uint32_t{UserFences::kKernelPage}, make_page());
    size_t kept = 0;
    for (uint32_t i = 0; i <= 2 * UserFences::kMostPages; ++i)
        kept += fences.find_page(kBuffer, i * uint32_t{UserFences::kKernelPage}) != nullptr;
    EXPECT_GT(kept, 0u);
    EXPECT_LE(kept, UserFences::kMostPages);
    fences.ended(kRing, 1, UserFences::Outcome::kDone);
    EXPECT_EQ(value_at(*first, 0), 5u) << "a page that was dropped meanwhile";
    fences.drop_pages(kBuffer);
    EXPECT_EQ(fences.find_page(kBuffer, 2 * UserFences::kMostPages * UserFences::kKernelPage),
              nullptr);
}

}  // namespace
}  // namespace viaduct::amdgpu
