#include "drm-context/context/guest_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>
#include <thread>

#include "drm-context/transport/control_memory.h"
#include "tests/support/guest_ring_writer.h"

namespace viaduct {
namespace {

using test::GuestRingWriter;

constexpr uint32_t kArea = 88 + sizeof(wire::GuestRing) + sizeof(wire::FinishedWork);
constexpr uint32_t kRingBytes = GuestRingWriter::kBytes;
constexpr size_t kControlSize = kArea + size_t{kRingBytes} + 4096 - kArea % 8;

/// A ring, and as its guest the test.
class GuestRingTest : public ::testing::Test {
  protected:
    GuestRingTest() : control_(map(kControlSize)) { ring_.adopt(control_, kArea); }

    static Mapping map(size_t size) {
        const auto memory = transport::create_control_memory(size, kArea);
        return Mapping::map_shared(memory->get(), 0, size).value();
    }
    std::vector<std::byte> take() {
        const auto taken = ring_.take();
        EXPECT_TRUE(taken) << taken.error().message;
        return taken ? std::vector<std::byte>(taken->begin(), taken->end())
                     : std::vector<std::byte>();
    }

    std::vector<std::byte> some_requests(size_t size) {
        std::vector<std::byte> requests(size);
        for (std::byte& each : requests) each = static_cast<std::byte>(random_());
        return requests;
    }

    const Mapping control_;
    const test::GuestRingWriter guest_{control_.bytes(), kArea};
    GuestRing ring_;
    std::mt19937 random_{1};
};

TEST_F(GuestRingTest, GivesWhatWasWrittenInItsOrder) {
    EXPECT_TRUE(ring_.empty());
    for (int round = 0; round < 2000; ++round) {
        std::vector<std::vector<std::byte>> written;
        for (uint32_t left = kRingBytes;;) {
            const size_t size = 1 + random_() % (round % 7 == 0 ? wire::GuestRing::kLargest : 600);
            if (GuestRingWriter::room_for(size) > left) break;
            left -= GuestRingWriter::room_for(size);
            guest_.write(written.emplace_back(some_requests(size)));
        }
        for (const auto& requests : written) {
            EXPECT_FALSE(ring_.empty());
            ASSERT_EQ(take(), requests);
        }
        ASSERT_TRUE(ring_.empty());
        ASSERT_EQ(guest_.tail(), guest_.head()) << "there is room again";
    }
}

TEST_F(GuestRingTest, SaysWhatIsBeforeAPosition) {
    EXPECT_FALSE(ring_.has_before(ring_.written()));
    guest_.write(some_requests(20));
    const uint32_t first = ring_.written();
    guest_.write(some_requests(20));
    EXPECT_TRUE(ring_.has_before(first));
    take();
    EXPECT_FALSE(ring_.has_before(first));
    EXPECT_TRUE(ring_.has_before(ring_.written()));
}

TEST_F(GuestRingTest, NothingIsThereAheadOfTheRequestThatItFollows) {
    guest_.write(some_requests(20), 3);
    const uint32_t position = ring_.written();
    for (const uint32_t taken : {0u, 1u, 2u, 0x8000'0003u, UINT32_MAX}) {
        ring_.note_taken(taken);
        EXPECT_TRUE(ring_.empty()) << taken;
        EXPECT_FALSE(ring_.has_before(position)) << taken;
    }
    for (const uint32_t taken : {3u, 4u, 0x7fff'ffffu}) {
        ring_.note_taken(taken);
        EXPECT_FALSE(ring_.empty()) << taken;
        EXPECT_TRUE(ring_.has_before(position)) << taken;
    }
    take();
    EXPECT_TRUE(ring_.empty());
}

TEST_F(GuestRingTest, NothingComesAfterItIsClosed) {
    const auto requests = some_requests(20);
    guest_.write(requests);
    ring_.close();
    guest_.write(some_requests(20));
    ring_.close();
    EXPECT_EQ(take(), requests);
    EXPECT_TRUE(ring_.empty());
}

// As of a guest that ends before its worker has taken the control buffer.
TEST_F(GuestRingTest, OneThatIsClosedBeforeItExistsIsReadAllTheSame) {
    const auto requests = some_requests(20);
    guest_.write(requests);
    GuestRing ring;
    ring.close();
    ring.adopt(control_, kArea);
    ring.close();
    guest_.write(some_requests(20));
    const auto taken = ring.take();
    ASSERT_TRUE(taken);
    EXPECT_TRUE(std::ranges::equal(*taken, requests));
    EXPECT_TRUE(ring.empty());
}

// A worker that waits for it to come would never do anything else.
TEST_F(GuestRingTest, ARequestThatIsTakenBackIsTheRingsEnd) {
    guest_.write(some_requests(20));
    const uint32_t position = ring_.written();
    guest_.head() = 0;
    EXPECT_TRUE(ring_.has_before(position));
    EXPECT_EQ(ring_.take().error().code, EPROTO);
    EXPECT_FALSE(ring_.has_before(position));
}

TEST_F(GuestRingTest, ShowsWhetherTheWorkerIsAwake) {
    EXPECT_TRUE(guest_.host_is_awake());
    ring_.show_awake(false);
    EXPECT_FALSE(guest_.host_is_awake());
    EXPECT_FALSE(ring_.is_used());
    guest_.set_used();
    EXPECT_TRUE(ring_.is_used());
}

TEST_F(GuestRingTest, CountsHowOftenTheWorkerFellAsleepAndWoke) {
    const auto awake = [&] {
        uint32_t word = 0;
        std::memcpy(&word,
                    control_.data() + kArea - sizeof(wire::FinishedWork) - sizeof(wire::GuestRing) +
                        offsetof(wire::GuestRing, awake),
                    sizeof(word));
        return word;
    };
    EXPECT_EQ(awake(), 1u);
    for (const bool is_awake : {true, false, false, true, true, false}) ring_.show_awake(is_awake);
    EXPECT_EQ(awake(), 4u);
}

TEST_F(GuestRingTest, ABufferWithoutRoomHasNone) {
    const Mapping small = map(kArea + kRingBytes - 8);
    std::memset(small.data() + kArea, 0xee, small.size() - kArea);
    GuestRing ring;
    ring.adopt(small, kArea);
    EXPECT_TRUE(ring.empty());
    EXPECT_FALSE(ring.is_used());
    EXPECT_TRUE(ring.take()->empty());
    ring.close();
    ring.show_awake(true);
}

struct Nonsense {
    const char* name;
    uint32_t head;
    uint64_t first_word;
};

class GuestRingNonsense : public GuestRingTest, public ::testing::WithParamInterface<Nonsense> {};

TEST_P(GuestRingNonsense, IsLookedAtOnce) {
    guest_.word(0) = GetParam().first_word;
    guest_.head() = GetParam().head;
    const auto taken = ring_.take();
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, EPROTO);
    EXPECT_FALSE(guest_.host_is_awake()) << "the guest goes through the VMM";
    guest_.head() = 0;
    guest_.write(std::vector<std::byte>(8));
    EXPECT_TRUE(ring_.empty());
    EXPECT_TRUE(ring_.take()->empty());
    ring_.show_awake(true);
    EXPECT_FALSE(guest_.host_is_awake());
}

INSTANTIATE_TEST_SUITE_P(
    All, GuestRingNonsense,
    ::testing::Values(Nonsense{"MoreThanFits", kRingBytes + 8, 8},
                      Nonsense{"FarAhead", 1u << 30, 8}, Nonsense{"Misaligned", 12, 4},
                      Nonsense{"OnlyALength", 8, 8}, Nonsense{"NoBytes", 16, 0},
                      Nonsense{"LongerThanWritten", 16, 9},
                      Nonsense{"TooLarge", kRingBytes, wire::GuestRing::kLargest + 1},
                      Nonsense{"Huge", kRingBytes, UINT32_MAX - 3}),
    [](const auto& info) { return info.param.name; });

// A length is used as it was when it was checked.
TEST_F(GuestRingTest, AGuestThatChangesWhatIsReadHarmsNoOne) {
    std::atomic<bool> stop = false;
    std::thread guest([&] {
        std::mt19937 random(2);
        while (!stop) {
            guest_.word(static_cast<uint32_t>(random() % 16 * 8)) = random() % 64;
            guest_.head() = static_cast<uint32_t>(random() % 32 * 8);
        }
    });
    for (int i = 0; i < 20'000; ++i) {
        GuestRing ring;
        ring.adopt(control_, kArea);
        for (int turn = 0; turn < 4; ++turn) {
            const auto taken = ring.take();
            if (!taken) break;
            ASSERT_LE(taken->size(), 64u);
        }
    }
    stop = true;
    guest.join();
}

}  // namespace
}  // namespace viaduct
