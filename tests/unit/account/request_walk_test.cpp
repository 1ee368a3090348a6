#include "drm-context/context/request_walk.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace viaduct {
namespace {

constexpr uint32_t kCreate = 2, kSubmit = 4;
constexpr DriverTraits make_traits() {
    DriverTraits traits;
    traits.submit_command = kSubmit;
    traits.submit_ring_offset = 16;
    traits.create_command = kCreate;
    return traits;
}
constexpr DriverTraits kTraits = make_traits();

class Requests : public std::vector<std::byte> {
  public:
    Requests& add(uint32_t cmd, uint32_t ring = 0, uint32_t length = 24) {
        const uint32_t words[] = {cmd, length, 0, 0, ring, 0};
        const auto bytes = std::as_bytes(std::span(words));
        insert(end(), bytes.begin(), bytes.end());
        return *this;
    }
};

TEST(RequestWalk, CutsBehindEachSubmission) {
    const auto requests = Requests().add(1).add(kSubmit, 3).add(kSubmit, 5).add(1);
    EXPECT_EQ(up_to_submission(requests, kTraits), 48u);
    EXPECT_EQ(up_to_submission(std::span(requests).subspan(48), kTraits), 24u);
    EXPECT_EQ(up_to_submission(std::span(requests).subspan(72), kTraits), 24u);
    EXPECT_EQ(first_submission(requests, kTraits).ring, 3u);
    EXPECT_EQ(first_submission(requests, kTraits).bytes, 24u);
    EXPECT_EQ(first_submission(std::span(requests).subspan(72), kTraits).ring, 0u);
}

TEST(RequestWalk, BrokenFramingIsOnePiece) {
    for (const uint32_t length : {0u, 15u, 1000u, UINT32_MAX}) {
        const auto requests = Requests().add(1, 0, length).add(kSubmit, 3);
        EXPECT_EQ(up_to_submission(requests, kTraits), requests.size()) << length;
        EXPECT_EQ(first_submission(requests, kTraits).ring, 0u) << length;
        EXPECT_FALSE(only_creates(requests, kTraits)) << length;
    }
    EXPECT_EQ(first_submission(Requests().add(kSubmit, 3, 16), kTraits).ring, 0u)
        << "the ring is not there";
}

TEST(RequestWalk, OnlyCreates) {
    EXPECT_TRUE(only_creates(Requests().add(kCreate).add(kCreate), kTraits));
    EXPECT_FALSE(only_creates(Requests().add(kCreate).add(1), kTraits));
    EXPECT_FALSE(only_creates({}, kTraits));
}

}  // namespace
}  // namespace viaduct
