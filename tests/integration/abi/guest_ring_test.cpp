// Hostile rings of requests that pass the VMM (wire::GuestRing).
#include "tests/support/guest_ring_writer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <thread>

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {
namespace {

constexpr uint64_t kControlBytes = 2 * GuestRingWriter::kBytes;

class GuestRingTest : public ::testing::Test {
  protected:
    GuestRingTest() { EXPECT_TRUE(guest_.create_control(kControlBytes)); }

    static uint32_t area_offset(GuestContext& guest) {
        return static_cast<uint32_t>(guest.control().size() - guest.area().size());
    }
    GuestRingWriter ring() { return {guest_.control(), area_offset(guest_)}; }
    /// A worker that has read this submission looks at the ring before it sleeps.
    bool settle() { return guest_.settle() && neighbour_.settle(); }
    std::vector<std::byte> probe(uint32_t seqno) {
        return Commands().add(guest_.driver().probe(), {0, 0, seqno, 0}).bytes();
    }

    Vmm vmm_;
    GuestContext guest_{vmm_, 1, GuestContext::Control::kNone};
    GuestContext neighbour_{vmm_, 2};
};

TEST_F(GuestRingTest, WhatIsInItIsExecuted) {
    ASSERT_TRUE(settle());
    ring().set_used();
    constexpr uint32_t kRoom = 64, kAt = 4096;
    std::memset(guest_.area().data() + kAt, 0x55, 2 * kRoom);
    std::memcpy(guest_.area().data() + kAt, &kRoom, sizeof(kRoom));
    ring().write(Commands().add(guest_.driver().probe(), {0, 0, guest_.next_seqno(), kAt}).bytes());
    ASSERT_TRUE(settle());
    EXPECT_EQ(ring().tail(), ring().head());
    EXPECT_NE(guest_.area()[kAt + sizeof(kRoom)], std::byte{0x55}) << "it has an answer";
    EXPECT_EQ(guest_.area()[kAt + kRoom], std::byte{0x55});
}

// The worker looks at it no more, says so once, and goes on with what comes through the VMM.
TEST_F(GuestRingTest, OneThatIsInvalidEndsAndNothingElse) {
    ASSERT_TRUE(settle());
    ring().set_used();
    ring().head() = 4;
    ASSERT_TRUE(settle());
    EXPECT_TRUE(vmm_.wait_log("its ring of requests is invalid"));
    ring().head() = 0;
    ring().write(probe(guest_.next_seqno()));
    ASSERT_TRUE(settle());
    EXPECT_EQ(ring().tail(), 0u);
    EXPECT_FALSE(ring().host_is_awake());
    EXPECT_EQ(guest_.loss_field(), 0u);
    EXPECT_TRUE(guest_.fence_retires(0));
}

TEST_F(GuestRingTest, ARequestBehindOneThatNeverComesHoldsUpNobody) {
    ASSERT_TRUE(settle());
    ring().set_used();
    ring().write(probe(guest_.next_seqno()), 0x7fff'0000);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(settle());
    EXPECT_EQ(ring().tail(), 0u);
    EXPECT_EQ(guest_.loss_field(), 0u);
    EXPECT_TRUE(guest_.fence_retires(0));
    for (int i = 0; i < 1000 && ring().host_is_awake(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_FALSE(ring().host_is_awake()) << "the worker looks for nothing else";
}

struct Nonsense {
    const char* name;
    uint32_t head;
    uint64_t size;  // of the first buffer of requests
};

class NonsenseTest : public GuestRingTest, public ::testing::WithParamInterface<Nonsense> {};

TEST_P(NonsenseTest, IsExecutedByNobody) {
    ASSERT_TRUE(settle());
    ring().set_used();
    ring().word(0) = GetParam().size;
    ring().head() = GetParam().head;
    ASSERT_TRUE(settle());
    EXPECT_EQ(ring().tail(), 0u);
    EXPECT_EQ(guest_.loss_field(), 0u);
    EXPECT_TRUE(guest_.fence_retires(0));
}

constexpr uint32_t kRing = GuestRingWriter::kBytes;
INSTANTIATE_TEST_SUITE_P(, NonsenseTest,
                         ::testing::Values(Nonsense{"NotAWord", 20, 8},
                                           Nonsense{"NoRequests", 16, 0},
                                           Nonsense{"LargerThanWhatIsThere", 16, 9},
                                           Nonsense{"LargerThanAllowed", kRing, kRing / 2 + 1},
                                           Nonsense{"LargerThanTheRing", kRing, kRing},
                                           Nonsense{"LargestSize", kRing, 0xffffffff},
                                           Nonsense{"MoreThanFits", kRing + 8, 8},
                                           Nonsense{"MoreThanHalf", 0x7ffffff8, 8},
                                           Nonsense{"Backwards", 0xfffffff8, 8}),
                         [](const auto& info) { return std::string(info.param.name); });

// All words of the ring and of what describes it, while the worker reads: whatever of it is
// executed, the context answers, and so does its neighbour.
TEST_F(GuestRingTest, OneThatChangesWhileItIsReadHarmsNobody) {
    uint32_t taken = 0;
    for (uint32_t round = 0; round < 10; ++round) {  // a ring that is invalid once is read no more
        GuestContext victim(vmm_, 10 + round, GuestContext::Control::kNone);
        ASSERT_TRUE(victim.create_control(kControlBytes));
        ASSERT_TRUE(victim.settle());
        const GuestRingWriter own(victim.control(), area_offset(victim));
        own.set_used();
        std::atomic<bool> stop = false;
        std::thread scribbler([&, seed = round] {
            std::mt19937_64 random(seed);
            while (!stop) {
                const uint32_t at = own.head();
                own.write(probe(0));
                own.word(at + 8 * static_cast<uint32_t>(1 + random() % 4)) = random();
                if (random() % 1024 == 0) own.word(at) = random();
                if (random() % 1024 == 0) own.head() = random() % 2 ? own.tail() : at;
                while (!stop && own.head() - own.tail() > GuestRingWriter::kBytes / 2)
                    std::this_thread::yield();
            }
        });
        for (int i = 0; i < 20; ++i) {
            EXPECT_TRUE(victim.fence_retires(0, GuestContext::Fate::kAny));
            EXPECT_TRUE(neighbour_.settle());
        }
        stop = true;
        scribbler.join();
        taken += own.tail() != 0;
    }
    EXPECT_GT(taken, 0u) << "none was read while it changed";
}

}  // namespace
}  // namespace viaduct::test
