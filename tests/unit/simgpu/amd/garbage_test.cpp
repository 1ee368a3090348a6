// With any IB, the engines end and touch nothing that is not mapped (a sanitizer build
// sees the rest: every mapping is a heap block of its own).
#include <random>

#include "simgpu/amd/pm4/packet_table.h"
#include "simgpu/amd/sdma/sdma_engine.h"
#include "tests/unit/simgpu/amd/pm4/pm4_test.h"

namespace simgpu {
namespace {

using Random = std::mt19937;

class GarbageTest : public Pm4Test, public testing::WithParamInterface<uint32_t> {
  protected:
    GarbageTest() { memory_.map(kReadOnly, 256, Mode::kReadOnly); }

    uint32_t any() { return static_cast<uint32_t>(random_()); }
    uint32_t below(uint32_t limit) { return any() % limit; }

    /// Anything, but often what makes a handler go far: a mapped address, a small number.
    void append_operand(Dwords& out) {
        constexpr uint64_t kPlaces[] = {kData, kOther, kReadOnly, kIb, kData + kDataSize - 4};
        switch (below(4)) {
            case 0:
                out.push_back(any());
                break;
            case 1:
                out.push_back(below(16));
                break;
            default: {
                const uint64_t va = kPlaces[below(5)] + below(32);
                out.push_back(low(va));
                out.push_back(high(va));
            }
        }
    }

    uint8_t any_handled_opcode() {
        for (;;) {
            const auto opcode = static_cast<uint8_t>(below(256));
            const pm4::PacketInfo* info = pm4::packet_table()[opcode];
            if (info && info->handler) return opcode;
        }
    }

    void run_both(const Dwords& commands) {
        // Time enough for what ends by itself, little for waits that do not.
        deadline_ns_ = monotonic_in(std::chrono::microseconds(500));
        run(commands);
        deadline_ns_ = monotonic_in(std::chrono::microseconds(500));
        EngineTest::run(sdma_, commands);
    }

    static constexpr uint64_t kReadOnly = 0x6'0000'0000;
    sdma::SdmaEngine sdma_;
    Random random_{GetParam()};
};

TEST_P(GarbageTest, RandomDwords) {
    for (int round = 0; round < 60; round++) {
        Dwords commands(1 + below(200));
        for (uint32_t& dword : commands) dword = any();
        run_both(commands);
    }
}

TEST_P(GarbageTest, KnownPm4PacketsWithRandomBodies) {
    for (int round = 0; round < 300; round++) {
        Dwords commands;
        for (uint32_t packet = 0; packet < 8; packet++) {
            Dwords body;
            const uint32_t count = 1 + below(8);
            for (uint32_t operand = 0; operand < count; operand++) append_operand(body);
            commands = commands + pkt3(any_handled_opcode(), body, below(4));
        }
        run_both(commands);
    }
}

TEST_P(GarbageTest, KnownSdmaPacketsWithRandomBodies) {
    const auto table = sdma::packet_table();
    for (int round = 0; round < 300; round++) {
        Dwords commands;
        for (uint32_t packet = 0; packet < 8; packet++) {
            const sdma::PacketInfo& info = table[below(static_cast<uint32_t>(table.size()))];
            Dwords body{info.value | (any() & ~info.mask & ~(0x3fffu << 16))};
            while (body.size() < info.dwords) append_operand(body);
            body.resize(info.dwords);
            commands = commands + body;
        }
        run_both(commands);
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, GarbageTest, testing::Range(1u, 9u));

// Each PM4 opcode with each short body, at the very end of its IB.
TEST_F(Pm4Test, EveryOpcodeWithEveryShortBody) {
    for (uint32_t opcode = 0; opcode < 256; opcode++) {
        for (uint32_t dwords = 1; dwords <= 10; dwords++) {
            deadline_ns_ = monotonic_in(std::chrono::microseconds(200));
            const JobOutcome outcome = run(pkt3(static_cast<uint8_t>(opcode), Dwords(dwords, 0)));
            // Zero operands: done, or a fault at address 0, or a wait for what never comes.
            if (outcome.kind == JobOutcome::Kind::kFault) {
                EXPECT_LT(outcome.fault_va, 256u);
            }
        }
    }
}

// A header that promises more than its IB holds never runs.
TEST_F(Pm4Test, EveryOpcodeTruncated) {
    for (uint32_t opcode = 0; opcode < 256; opcode++) {
        if (opcode == kNop) continue;
        Dwords packet = pkt3(static_cast<uint8_t>(opcode), Dwords(8, 0));
        packet.pop_back();
        EXPECT_EQ(run(packet).kind, JobOutcome::Kind::kHang) << opcode;
        packet = {3u << 30 | 0x3fffu << 16 | opcode << 8};
        EXPECT_EQ(run(packet).kind, JobOutcome::Kind::kHang) << opcode;
    }
}

}  // namespace
}  // namespace simgpu
