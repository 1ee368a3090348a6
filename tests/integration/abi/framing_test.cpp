// Hostile submissions, framing (A): every parseable command is answered, nothing else happens.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/integration/abi/vmm.h"

namespace viaduct::test {
namespace {

wire::RequestHeader header(uint32_t cmd, uint32_t len, uint32_t seqno, uint32_t rsp_off = 0) {
    return {cmd, len, seqno, rsp_off};
}

class Framing : public ::testing::Test {
  protected:
    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
};

TEST_F(Framing, EmptyAndTinySubmissions) {  // A1
    EXPECT_EQ(virgl_renderer_submit_cmd(nullptr, 1, 0), 0);
    for (uint32_t words = 1; words < 4; ++words) {
        const std::vector<std::byte> bytes(words * 4);
        EXPECT_EQ(guest_.submit(bytes), 0);
    }
    EXPECT_TRUE(guest_.settle());
    EXPECT_EQ(guest_.loss_field(), 0u);
}

TEST_F(Framing, ALengthThatIsALieEndsTheBuffer) {  // A2
    for (const uint32_t len : {0u, 15u, 17u, 4096u, 0xffffffffu}) {
        Commands commands;
        const uint32_t first = guest_.next_seqno();
        commands.add(header(99, 16, first));
        commands.add(header(1, len, guest_.next_seqno()));
        EXPECT_EQ(guest_.submit(commands), 0);
        EXPECT_TRUE(guest_.wait_seqno(first)) << len;
        EXPECT_TRUE(guest_.settle()) << len;
    }
}

TEST_F(Framing, MisalignedRequestsAreAnsweredAndEndTheBuffer) {  // A3
    struct Case {
        uint32_t len, rsp_off;
    };
    const uint32_t half = guest_.facts().alignment / 2;
    for (const Case& c : {Case{16 + half, 0}, Case{24 + half, 0}, Case{24, half}, Case{24, 1},
                          Case{24, 0xffffffff}}) {
        std::vector<std::byte> bytes(32);
        const auto head = header(2, c.len, guest_.next_seqno(), c.rsp_off);
        std::memcpy(bytes.data(), &head, sizeof(head));
        EXPECT_EQ(guest_.submit(bytes), 0);
        EXPECT_TRUE(guest_.wait_seqno(head.seqno)) << c.len << " " << c.rsp_off;
    }
    EXPECT_TRUE(guest_.settle());
}

TEST_F(Framing, UnknownCommandsAreAnsweredAndSkipped) {  // A4
    Commands commands;
    uint32_t last = 0;
    for (const uint32_t cmd : {0u, 11u, 12u, 255u, 0x80000000u, 0xffffffffu})
        commands.add(header(cmd, 16, last = guest_.next_seqno()));
    EXPECT_EQ(guest_.submit(commands), 0);
    EXPECT_TRUE(guest_.wait_seqno(last));
    EXPECT_EQ(guest_.loss_field(), 0u);
}

TEST_F(Framing, EveryCommandAtEveryLength) {  // A5
    for (const CommandSize& command : guest_.facts().commands) {
        for (uint32_t len = 16; len <= command.request + 16; len += guest_.facts().alignment) {
            std::vector<std::byte> request(len);
            const auto answer = guest_.call_bytes(command.cmd, request, command.response);
            if (command.response == 0) continue;
            uint32_t written = 0;
            std::memcpy(&written, answer.data(), sizeof(written));
            EXPECT_EQ(written, command.response) << "command " << command.cmd << " of " << len;
        }
    }
    EXPECT_TRUE(guest_.settle());
}

TEST_F(Framing, ABufferNeedsOnlyFourByteAlignment) {  // A6
    alignas(8) uint32_t words[5] = {};
    const auto head = header(99, 16, guest_.next_seqno());
    std::memcpy(words + 1, &head, sizeof(head));
    EXPECT_EQ(virgl_renderer_submit_cmd(words + 1, 1, 4), 0);
    EXPECT_TRUE(guest_.wait_seqno(head.seqno));
}

TEST_F(Framing, BadArgumentsOfTheCall) {  // A7, A11
    alignas(8) std::byte bytes[64] = {};
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 1, -1), EINVAL);
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 1, INT32_MIN), EINVAL);
    // Counts of bytes that wrap, or that no guest's ring holds: refused before a word is read.
    for (const int words : {(1 << 30) + 1, INT32_MAX, INT32_MAX - 3})
        EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 1, words), EINVAL) << words;
    for (int skew = 1; skew < 4; ++skew)
        EXPECT_EQ(virgl_renderer_submit_cmd(bytes + skew, 1, 4), EFAULT);
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 2, 4), EINVAL);
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, -1, 4), EINVAL);
    { const GuestContext gone(vmm_, 2); }
    EXPECT_EQ(virgl_renderer_submit_cmd(bytes, 2, 4), EINVAL);
}

TEST_F(Framing, AFailureInTheMiddleDoesNotStopTheRest) {  // A9
    const uint64_t blob_id = guest_.next_blob_id();
    Commands commands;
    commands.add(guest_.driver().name_resource(4711), {0, 0, guest_.next_seqno(), 0})
        .add(header(200, 16, guest_.next_seqno()))
        .add(guest_.driver().make_buffer(blob_id, 4096), {0, 0, guest_.next_seqno(), 0});
    const uint32_t last = guest_.next_seqno();
    commands.add(header(200, 16, last));
    EXPECT_EQ(guest_.submit(commands), 0);
    EXPECT_TRUE(guest_.wait_seqno(last));
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), blob_id, 4096), 0);
}

TEST_F(Framing, FourMegabytesOfNothing) {  // A10
    Commands commands;
    uint32_t last = 0;
    for (int i = 0; i < (4 << 20) / 16; ++i)
        commands.add(header(0, 16, last = guest_.next_seqno()));
    EXPECT_EQ(guest_.submit(commands), 0);
    EXPECT_TRUE(guest_.wait_seqno(last));
    EXPECT_LT(vmm_.log_text().size(), 16384u);
}

// The race is the test: the thread sanitizer must not see it.
__attribute__((no_sanitize("thread"))) void scribble(volatile uint32_t* words, uint32_t value) {
    words[(value >> 8) % 16] = value >> 24;
}

TEST_F(Framing, ASubmissionRewrittenWhileItRuns) {  // A8
    alignas(8) uint32_t words[16] = {};
    std::atomic<bool> stop = false;
    std::thread scribbler([&] {
        for (uint32_t i = 1; !stop; i = i * 1664525 + 1013904223) scribble(words, i);
    });
    // The library reads the words while they change, as it would a guest's: only that it survives
    // and goes on answering is promised.
    for (int i = 0; i < 2000; ++i) virgl_renderer_submit_cmd(words, 1, 16);
    stop = true;
    scribbler.join();
    EXPECT_TRUE(guest_.settle());
}

TEST_F(Framing, GarbageIsRefusedWithFewWords) {  // F10
    uint32_t random = 12345;
    for (int i = 0; i < 2000; ++i) {
        std::vector<std::byte> bytes(128);
        for (auto& byte : bytes)
            byte = static_cast<std::byte>((random = random * 1664525 + 1013904223) >> 24);
        EXPECT_EQ(guest_.submit(bytes), 0);
    }
    EXPECT_TRUE(guest_.settle());
    EXPECT_LT(vmm_.log_text().size(), 32768u);
}

}  // namespace
}  // namespace viaduct::test
