// Intel EU kernels: one thread, on each of the simulated generations.
#include <array>

#include "simgpu/intel/eu/exec/walker.h"
#include "tests/fuzz/simgpu/space.h"
#include "tests/fuzz/target.h"
#include "tests/unit/simgpu/intel/eu/assembler.h"
#include "tests/unit/simgpu/intel/eu/random_instructions.h"

namespace viaduct::fuzz {

namespace {

namespace eu = simgpu::intel::eu;

constexpr const char* kChips[] = {"tgl", "mtl", "lnl"};

class KernelGrammar final : public CodeGrammar {
  protected:
    Dwords make_code(Random& random) const override {
        eu::RandomInstructions instructions([&] { return random.any(); });
        const auto dwords = instructions.next().dwords();
        return {dwords.begin(), dwords.end()};
    }
    /// Which chip, how many channels; and the registers that a thread begins with.
    Dwords make_state(Random& random) const override {
        Dwords state(66);
        for (uint32_t& word : state) word = static_cast<uint32_t>(any_place(random));
        state[0] = static_cast<uint32_t>(random.any());
        return state;
    }
    void change_code(Dwords& code, Random& random) const override {
        code[random.below(code.size())] ^= 1u << random.below(32);
    }
};

Dwords ending() {
    const auto dwords = eu::end_of_thread().dwords();
    return {dwords.begin(), dwords.end()};
}

}  // namespace

const Grammar& grammar() {
    static const KernelGrammar the_grammar;
    return the_grammar;
}

void start() {}

void run(std::span<const uint8_t> input) {
    Space space(parse_program(input), ending());
    eu::StateBases bases;
    for (const auto base : {&bases.general, &bases.surface, &bases.dynamic, &bases.bindless_surface,
                            &bases.bindless_sampler})
        *base = kData;
    bases.general_bytes = kDataBytes;
    eu::Walker walker;
    const uint32_t choice = space.state(0);
    walker.kernel_va = kCode;
    walker.simd = 8u << choice / 4 % 3;
    walker.slm_bytes = 1024 * (choice / 16 % 3);
    walker.end = {1, 1, 1};
    walker.cross_thread_registers = 64;
    walker.constants.resize(2048);
    for (size_t i = 0; i < 64; ++i) {
        const uint32_t word = space.state(1 + i);
        std::memcpy(walker.constants.data() + i * sizeof(word), &word, sizeof(word));
    }
    simgpu::JobEnvironment environment = space.environment();
    simgpu::EngineCounters counters;
    const auto& chip = *simgpu::intel::find_chip_info(kChips[choice % std::size(kChips)]);
    (void)eu::run_walker(walker, bases, chip, environment, counters);
}

}  // namespace viaduct::fuzz
