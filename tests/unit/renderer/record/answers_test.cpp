#include "renderer/record/answers.h"

#include <amdgpu_drm.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <tuple>
#include <vector>

#include "drm-context/driver/table.h"
#include "wire/amdgpu.h"
#include "wire/capset.h"
#include "wire/ccmd.h"

namespace viaduct {

namespace {

using Seen = std::vector<std::tuple<uint32_t, uint64_t, size_t>>;  // seqno, offset, bytes

class AnswersTest : public ::testing::Test {
  protected:
    /// A request with a response at `rsp_off`, for which the guest keeps `room`.
    void send(uint32_t seqno, uint32_t rsp_off, uint32_t room, uint32_t command = kQueryInfo) {
        set(traits.area_offset() + rsp_off, room);
        const wire::RequestHeader header{command, sizeof(header), seqno, rsp_off};
        answers.expect(
            control(), std::as_bytes(std::span(&header, 1)), traits,
            [&](uint64_t offset, std::span<const std::byte>) { announced.push_back(offset); });
    }
    void set(uint64_t offset, uint32_t value) {
        if (offset + sizeof(value) <= bytes.size())
            std::memcpy(bytes.data() + offset, &value, sizeof(value));
    }
    void publish(uint32_t seqno) { set(0, seqno); }
    Seen collect() {
        Seen seen;
        answers.collect(control(), [&](const Answers::Answer& answer) {
            seen.emplace_back(answer.seqno, answer.offset, answer.bytes.size());
        });
        return seen;
    }
    std::span<const std::byte> control() const { return bytes; }

    static constexpr uint32_t kQueryInfo = static_cast<uint32_t>(wire::amdgpu::Command::kQueryInfo);
    const DriverTraits& traits = find_context_type(wire::ContextType::kAmdgpu)->traits();
    alignas(8) std::array<std::byte, 8192> bytes{};
    Answers answers;
    std::vector<uint64_t> announced;
};

TEST_F(AnswersTest, AreTakenWhenTheirNumberIsPublished) {
    send(1, 0, 64);
    send(2, 64, 128);
    EXPECT_EQ(announced, (std::vector<uint64_t>{traits.area_offset(), traits.area_offset() + 64}));
    EXPECT_EQ(collect(), Seen());
    set(traits.area_offset(), 24);  // the host's length
    publish(1);
    EXPECT_EQ(collect(), (Seen{{1, traits.area_offset(), 24}}));
    EXPECT_EQ(collect(), Seen());
    set(traits.area_offset() + 64, 100);
    publish(2);
    EXPECT_EQ(collect(), (Seen{{2, traits.area_offset() + 64, 100}}));
}

TEST_F(AnswersTest, NumbersMayWrap) {
    send(UINT32_MAX, 0, 64);
    publish(UINT32_MAX - 1);
    EXPECT_EQ(collect(), Seen());
    set(traits.area_offset(), 16);
    publish(3);
    EXPECT_EQ(collect().size(), 1u);
}

TEST_F(AnswersTest, AGuestThatLiesGetsNothingBeyondItsBuffer) {
    send(1, 4000, UINT32_MAX);    // more room than there is
    send(2, UINT32_MAX - 3, 16);  // behind the buffer
    send(3, 2, 16);               // not aligned
    send(4, 128, 16);
    set(traits.area_offset() + 128, UINT32_MAX);  // a length beyond its room
    publish(4);
    for (const auto& [seqno, offset, size] : collect()) EXPECT_LE(offset + size, bytes.size());
    bytes[traits.area_offset() + 4000] = std::byte{0};
    const wire::RequestHeader broken{kQueryInfo, 0, 5, 0};
    answers.expect(control(), std::as_bytes(std::span(&broken, 1)), traits, [](auto, auto) {});
    answers.expect(control().first(4), std::as_bytes(std::span(&broken, 1)), traits,
                   [](auto, auto) {});
    answers.collect({}, [](const Answers::Answer&) { FAIL(); });
}

TEST_F(AnswersTest, CommandsWithoutAResponseAndUnansweredOnesHaveNone) {
    send(1, 0, 64, 9999);  // no command
    send(2, 64, 64);       // the host leaves it as it is
    // The guest asks for none.
    send(3, 0, 64, static_cast<uint32_t>(wire::amdgpu::Command::kGemNew));
    publish(3);
    EXPECT_EQ(collect(), Seen());
    EXPECT_EQ(announced.size(), 1u);
}

TEST_F(AnswersTest, OfTheMomentAreLeftOut) {
    wire::amdgpu::QueryInfoRequest request{};
    request.hdr = {kQueryInfo, sizeof(request), 1, 0};
    request.query = AMDGPU_INFO_TIMESTAMP;
    set(traits.area_offset(), 64);
    answers.expect(control(), std::as_bytes(std::span(&request, 1)), traits,
                   [&](uint64_t offset, auto) { announced.push_back(offset); });
    set(traits.area_offset(), 16);
    publish(1);
    EXPECT_EQ(collect(), Seen());
    EXPECT_EQ(announced.size(), 1u);  // the host needs the room all the same
}

TEST_F(AnswersTest, ForgetsTheOldestOfTooMany) {
    for (uint32_t i = 1; i <= 10000; ++i) send(i, 0, 64);
    set(traits.area_offset(), 16);
    publish(10000);
    EXPECT_EQ(collect().size(), 4096u);
}

}  // namespace

}  // namespace viaduct
