// Shared by the tests of the command streamers: commands by name, and a way to run batches.
#pragma once

#include "simgpu/intel/cs/engine.h"
#include "tests/unit/simgpu/engine/engine_test.h"

namespace simgpu::intel {

/// An MI command of `1 + body` dwords; `flags` are the header's other bits.
inline Dwords mi(uint32_t opcode, Dwords body = {}, uint32_t flags = 0) {
    const uint32_t length = opcode < 0x10 ? 0 : static_cast<uint32_t>(body.size()) - 1;
    body.insert(body.begin(), opcode << 23 | flags | length);
    return body;
}
/// A command of the pipelines: bits 31:16 of its header, and its body.
inline Dwords gfx(uint32_t high_half, Dwords body) {
    const auto length = static_cast<uint32_t>(body.size()) - 1;
    body.insert(body.begin(), high_half << 16 | length);
    return body;
}

inline const Dwords kEnd = mi(0x0a);

inline Dwords store(uint64_t va, uint32_t value) {
    return mi(0x20, {low(va), high(va), value});
}
inline Dwords load_register(uint32_t address, uint32_t value) {
    return mi(0x22, {address, value});
}
inline Dwords store_register(uint32_t address, uint64_t va) {
    return mi(0x24, {address, low(va), high(va)});
}
inline Dwords start(uint64_t va, uint32_t flags = 0) {
    return mi(0x31, {low(va), high(va)}, flags);
}

class CsTest : public EngineTest {
  protected:
    static const ChipInfo& tgl() { return *find_chip_info("tgl"); }

    JobOutcome run_on(EngineClass engine_class, const Dwords& commands) {
        const auto engine = create_engine(tgl(), engine_class);
        return run(*engine, commands);
    }
    JobOutcome run_batch(const Dwords& commands) {
        return run_on(EngineClass::kRender, commands + kEnd);
    }
};

}  // namespace simgpu::intel
