#include "drm-context/context/requests.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace viaduct {
namespace {

constexpr uint32_t kCreate = 2, kSubmit = 4, kSubmitToQueue = 5, kSubmitToOne = 6;

Status nothing(DriverContext&, Request&) {
    return {};
}
constexpr CommandEntry kCommands[] = {
    {},
    {"PLAIN", nothing},
    {"CREATE", nothing, {}, {}, Role::kCreate},
    {},
    {"SUBMIT", nothing, {}, {}, Role::kSubmit, {.offset = 16, .mask = 0x3f, .base = 1}},
    {"TO_QUEUE", nothing, {}, {}, Role::kSubmit, {.offset = 20, .names = RingField::Names::kQueue}},
    {"TO_ONE", nothing, {}, {}, Role::kSubmit, {.mask = 0, .base = 7}},
};
constexpr DriverTraits kTraits = {.name = "test", .commands = kCommands};

class Requests : public std::vector<std::byte> {
  public:
    Requests& add(uint32_t cmd, uint32_t ring = 0, uint32_t length = 24) {
        const uint32_t words[] = {cmd, length, 0, 0, ring, ring};
        const auto bytes = std::as_bytes(std::span(words));
        insert(end(), bytes.begin(), bytes.end());
        return *this;
    }
};

TEST(Requests, AreCutBehindEachSubmission) {
    const auto requests = Requests().add(1).add(kSubmit, 3).add(kSubmit, 5).add(1);
    const BufferPart first = first_part(requests, kTraits);
    EXPECT_EQ(first.bytes, 48u);
    ASSERT_TRUE(first.submission);
    EXPECT_EQ(first.submission.named, 4u);
    EXPECT_EQ(first.submission.bytes, 24u);
    const BufferPart second = first_part(std::span(requests).subspan(48), kTraits);
    EXPECT_EQ(second.bytes, 24u);
    EXPECT_EQ(second.submission.named, 6u);
    const BufferPart rest = first_part(std::span(requests).subspan(72), kTraits);
    EXPECT_EQ(rest.bytes, 24u);
    EXPECT_FALSE(rest.submission);
}

TEST(Requests, NameARingAsTheirRowHasIt) {
    const auto named = [](uint32_t cmd, uint32_t value, uint32_t length = 24) {
        return first_part(Requests().add(cmd, value, length), kTraits).submission;
    };
    EXPECT_EQ(named(kSubmit, 0xffff'ffc2).named, 3u) << "masked";
    EXPECT_EQ(named(kSubmitToQueue, UINT32_MAX).named, UINT32_MAX);
    EXPECT_EQ(named(kSubmitToQueue, 9).names, RingField::Names::kQueue);
    EXPECT_EQ(named(kSubmitToOne, 9).named, 7u);
}

TEST(Requests, OfBrokenFramingAreOnePiece) {
    for (const uint32_t length : {0u, 15u, 1000u, UINT32_MAX}) {
        const auto requests = Requests().add(1, 0, length).add(kSubmit, 3);
        EXPECT_EQ(first_part(requests, kTraits).bytes, requests.size()) << length;
        EXPECT_FALSE(first_part(requests, kTraits).submission) << length;
        EXPECT_FALSE(only_creates(requests, kTraits)) << length;
        std::span<const std::byte> rest(requests);
        FramedRequest request;
        EXPECT_FALSE(take_request(rest, request)) << length;
        EXPECT_FALSE(check_framing(rest)) << length;
    }
}

TEST(Requests, ThatEndBeforeTheirRingNameZero) {
    const auto cut = Requests().add(kSubmit, 3, 16);
    EXPECT_EQ(first_part(cut, kTraits).submission.named, 1u) << "0, and the base";
}

TEST(Requests, OnlyCreate) {
    EXPECT_TRUE(only_creates(Requests().add(kCreate).add(kCreate), kTraits));
    EXPECT_FALSE(only_creates(Requests().add(kCreate).add(1), kTraits));
    EXPECT_FALSE(only_creates(Requests().add(kCreate).add(99), kTraits));
    EXPECT_FALSE(only_creates({}, kTraits));
}

}  // namespace
}  // namespace viaduct
