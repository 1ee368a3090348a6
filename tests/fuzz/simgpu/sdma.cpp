// SDMA packets of a job.
#include "simgpu/amd/sdma/create.h"
#include "simgpu/amd/sdma/packet_table.h"
#include "tests/fuzz/simgpu/space.h"
#include "tests/fuzz/target.h"

namespace viaduct::fuzz {

namespace {

class SdmaGrammar final : public CodeGrammar {
  protected:
    Dwords make_code(Random& random) const override {
        const auto& info = random.of(simgpu::sdma::packet_table());
        Dwords packet{info.value};
        if (random.once(4)) packet[0] |= static_cast<uint32_t>(random.any()) & ~info.mask;
        while (packet.size() < info.dwords) {
            const uint64_t place = any_place(random);
            packet.push_back(static_cast<uint32_t>(place));
            if (packet.size() < info.dwords && random.once(2))
                packet.push_back(static_cast<uint32_t>(place >> 32));
        }
        return packet;
    }
    Dwords make_state(Random&) const override { return {}; }
};

}  // namespace

const Grammar& grammar() {
    static const SdmaGrammar the_grammar;
    return the_grammar;
}

void start() {}

void run(std::span<const uint8_t> input) {
    Space space(parse_program(input));
    const auto engine = simgpu::create_sdma_engine();
    simgpu::JobEnvironment environment = space.environment();
    (void)engine->execute({kCode, space.code_bytes(), 0}, environment);
}

}  // namespace viaduct::fuzz
