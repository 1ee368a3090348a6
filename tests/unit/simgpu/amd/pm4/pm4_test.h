// A PM4 engine whose dispatches are recorded instead of run.
#pragma once

#include "simgpu/amd/pm4/pm4_engine.h"
#include "tests/unit/simgpu/engine/engine_test.h"

namespace simgpu {

class Pm4Test : public EngineTest {
  protected:
    JobOutcome run(const Dwords& commands) { return EngineTest::run(engine_, commands); }
    uint64_t skipped(const char* name) {
        const auto row = engine_.counters().skipped.find(name);
        return row == engine_.counters().skipped.end() ? 0 : row->second;
    }

    static constexpr uint32_t kBackends = 4;
    std::vector<gfx9::Dispatch> dispatches_;
    JobOutcome dispatch_outcome_;
    pm4::Pm4Engine engine_{
        Pm4Options{.render_backends = kBackends},
        [this](const gfx9::Dispatch& dispatch, JobEnvironment&, EngineCounters&) {
            dispatches_.push_back(dispatch);
            return dispatch_outcome_;
        }};
};

// Opcodes under test.
inline constexpr uint8_t kNop = 0x10, kSetBase = 0x11, kDispatchDirect = 0x15,
                         kDispatchIndirect = 0x16, kAtomicMem = 0x1e, kSetPredication = 0x20,
                         kRegRmw = 0x21, kCondExec = 0x22, kPredExec = 0x23, kDrawIndexAuto = 0x2d,
                         kStrmoutBufferUpdate = 0x34, kWriteData = 0x37, kWaitRegMem = 0x3c,
                         kIndirectBuffer = 0x3f, kCopyData = 0x40, kCpDma = 0x41, kCondWrite = 0x45,
                         kEventWrite = 0x46, kEventWriteEop = 0x47, kEventWriteEos = 0x48,
                         kReleaseMem = 0x49, kDmaData = 0x50, kContextRegRmw = 0x51, kRewind = 0x59,
                         kLoadShReg = 0x5f, kSetContextReg = 0x69, kSetShReg = 0x76,
                         kSetUconfigReg = 0x79, kWaitRegMem64 = 0x93, kSetShRegIndex = 0x9b;

/// WRITE_DATA of `values` to memory.
inline Dwords write_data(uint64_t va, const Dwords& values, uint32_t flags = 0) {
    return pkt3(kWriteData, Dwords{5u << 8 | 1u << 20, low(va), high(va)} + values, flags);
}

}  // namespace simgpu
