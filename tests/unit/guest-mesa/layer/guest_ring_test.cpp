#include "guest-mesa/layer/guest_ring.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "wire/ccmd.h"

namespace viaduct::guest {
namespace {

/// Buffers of any size, in a ring that begins anywhere.
TEST(GuestRing, HoldsWhatWasWritten) {
    constexpr uint32_t kBytes = wire::GuestRing::kBytes, kArea = wire::kLeastAreaOffset;
    std::vector<uint64_t> memory(2 * kBytes / 8);
    auto* const start = reinterpret_cast<std::byte*>(memory.data());
    std::byte* const fields = start + sizeof(wire::ShmemHeader);
    std::memcpy(fields, &wire::GuestRing::kMark, sizeof(uint64_t));
    Mapping shmem(
        ::mmap(nullptr, 2 * kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        2 * kBytes);
    std::memcpy(shmem.data(), start, kArea);
    GuestRing ring(shmem, kArea);
    ASSERT_TRUE(ring.exists());
    EXPECT_FALSE(GuestRing::is_awake(ring.awake()));
    const auto field = [&](size_t offset) {
        return std::atomic_ref(
            *reinterpret_cast<uint32_t*>(shmem.data() + sizeof(wire::ShmemHeader) + offset));
    };
    EXPECT_EQ(field(offsetof(wire::GuestRing, used)), 1u);
    std::mt19937 random(1);
    uint32_t tail = 0;
    for (int i = 0; i < 5000; ++i) {
        std::vector<std::byte> requests(1 + random() % wire::GuestRing::kLargest);
        for (std::byte& each : requests) each = static_cast<std::byte>(random());
        const uint32_t room = static_cast<uint32_t>((requests.size() + 15) / 8 * 8);
        const bool fits = field(offsetof(wire::GuestRing, head)) - tail + room <= kBytes;
        ASSERT_EQ(ring.write(requests, static_cast<uint32_t>(random())), fits);
        if (!fits) {
            tail = field(offsetof(wire::GuestRing, head));
            field(offsetof(wire::GuestRing, tail)) = tail;
            continue;
        }
        const uint32_t at = field(offsetof(wire::GuestRing, head)) - room;
        const std::byte* const bytes = shmem.data() + shmem.size() - kBytes;
        for (size_t k = 0; k < requests.size(); ++k)
            ASSERT_EQ(bytes[(at + 8 + k) % kBytes], requests[k]);
    }
    EXPECT_FALSE(ring.write(std::vector<std::byte>(wire::GuestRing::kLargest + 1), 0));
}

TEST(GuestRing, RequestsFollowOneThatIsNotLongAgo) {
    for (const uint32_t after : {0u, 7u, 0x7fff'ffffu, UINT32_MAX}) {
        EXPECT_TRUE(GuestRing::may_follow(after, after));
        EXPECT_TRUE(GuestRing::may_follow(after + 1'000'000'000, after));
        EXPECT_FALSE(GuestRing::may_follow(after + 0x7fff'0000, after));
        EXPECT_FALSE(GuestRing::may_follow(after + 0x8000'0003, after));
    }
}

}  // namespace
}  // namespace viaduct::guest
