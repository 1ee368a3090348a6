// Shared by the tests of the EU: kernels of one thread that leave registers in memory.
#pragma once

#include <bit>

#include "simgpu/intel/eu/exec/walker.h"
#include "tests/unit/simgpu/engine/engine_test.h"
#include "tests/unit/simgpu/intel/eu/assembler.h"

namespace simgpu::intel::eu {

inline constexpr unsigned kChannels = 8;
/// A register's worth of numbers.
template <class T>
using Numbers = std::array<T, 32 / sizeof(T)>;

class EuTest : public EngineTest {
  protected:
    static constexpr uint64_t kKernel = 0x10'0000;
    // Where kernels find things: r1 to r4 are inputs, r5 and r6 the addresses of each channel's
    // result, r10 is what run_kernel() returns.
    static constexpr unsigned kResult = 10;
    static constexpr unsigned kAddresses = 5;

    static const ChipInfo& tgl() { return *find_chip_info("tgl"); }

    /// Runs `code`, then stores r10 and ends. Inputs are dwords, 8 to a register from r1 on.
    JobOutcome run_code(const std::vector<Words>& code, const std::vector<uint32_t>& inputs,
                        Walker walker = {}) {
        std::vector<Words> kernel = code;
        // A64 untyped write of a dword for each of 8 channels.
        kernel.push_back(send(null(),
                              {.sfid = 12,
                               .descriptor = data_port(0x19, 0x2e, 253, 2, 0),
                               .payload = kAddresses,
                               .payload2 = kResult,
                               .length2 = 1},
                              {.no_mask = true}));
        kernel.push_back(end_of_thread());
        memory_.map(kKernel, kernel.size() * sizeof(Words));
        for (size_t i = 0; i < kernel.size(); i++) memory_.put(kKernel + i * 16, kernel[i]);

        std::vector<uint32_t> constants = inputs;
        constants.resize(4 * kChannels);
        for (unsigned i = 0; i < kChannels; i++) {
            constants.push_back(low(kData + 4 * i));
            constants.push_back(high(kData + 4 * i));
        }
        walker.kernel_va = kKernel;
        if (walker.end == std::array<uint32_t, 3>{}) walker.end = {1, 1, 1};
        walker.control = 1u << 7 | 1u << 10;
        walker.constants.resize(constants.size() * 4);
        std::memcpy(walker.constants.data(), constants.data(), walker.constants.size());
        walker.cross_thread_registers = static_cast<uint32_t>(constants.size() / kChannels);
        bases_.general_bytes = 1ull << 32;
        JobEnvironment environment{memory_, stop_, deadline_ns_};
        return run_walker(walker, bases_, tgl(), environment, counters_);
    }

    uint32_t result(unsigned channel) { return dword(kData + 4 * channel); }

    StateBases bases_;
    EngineCounters counters_;
};

inline std::vector<uint32_t> concat(std::initializer_list<std::array<uint32_t, kChannels>> rows) {
    std::vector<uint32_t> all;
    for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
    return all;
}

}  // namespace simgpu::intel::eu
