// Shared by the tests of both packet processors: a small address space and a way to run IBs.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <initializer_list>
#include <utility>
#include <vector>

#include "simgpu/engine/engine.h"
#include "tests/unit/simgpu/engine/fake_gpu_memory.h"

namespace simgpu {

using Dwords = std::vector<uint32_t>;

inline uint32_t low(uint64_t value) {
    return static_cast<uint32_t>(value);
}
inline uint32_t high(uint64_t value) {
    return static_cast<uint32_t>(value >> 32);
}

/// A type 3 packet. `flags`: 1 predicate, 2 compute.
inline Dwords pkt3(uint8_t opcode, Dwords body, uint32_t flags = 0) {
    const auto count = static_cast<uint32_t>(body.size() - 1);
    body.insert(body.begin(), 3u << 30 | count << 16 | uint32_t{opcode} << 8 | flags);
    return body;
}

inline Dwords operator+(Dwords a, const Dwords& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

inline uint64_t monotonic_in(std::chrono::nanoseconds from_now) {
    const auto when = std::chrono::steady_clock::now().time_since_epoch() + from_now;
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(when).count());
}

class EngineTest : public testing::Test {
  protected:
    static constexpr uint64_t kIb = 0x8000'1000'0000;
    static constexpr uint64_t kIb2 = 0x8000'2000'0000;
    static constexpr uint64_t kData = 0x1'0000'0000;
    static constexpr uint64_t kOther = 0x2'0000'0000;
    static constexpr uint64_t kNowhere = 0x7'0000'0000;
    static constexpr uint64_t kDataSize = 64 << 10;

    EngineTest() {
        memory_.map(kData, kDataSize);
        memory_.map(kOther, kDataSize);
    }

    /// Puts `commands` at `va`, in a mapping that ends where they end.
    void place(uint64_t va, const Dwords& commands) {
        memory_.map(va, commands.size() * 4);
        for (size_t i = 0; i < commands.size(); i++) memory_.put(va + i * 4, commands[i]);
    }

    JobOutcome run(Engine& engine, const Dwords& commands) {
        place(kIb, commands);
        JobEnvironment environment{memory_, stop_, deadline_ns_};
        return engine.execute({kIb, static_cast<uint32_t>(commands.size() * 4), 0}, environment);
    }

    uint32_t dword(uint64_t va) { return memory_.get<uint32_t>(va); }
    uint64_t qword(uint64_t va) { return memory_.get<uint64_t>(va); }

    FakeGpuMemory memory_;
    std::atomic<bool> stop_{false};
    // Tests of hangs lower it; for the others it only ends what would hang for ever.
    uint64_t deadline_ns_ = monotonic_in(std::chrono::seconds(60));
};

inline testing::AssertionResult is_done(const JobOutcome& outcome) {
    if (outcome.done()) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << "kind " << static_cast<int>(outcome.kind) << ": " << outcome.report;
}

}  // namespace simgpu
