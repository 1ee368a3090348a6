// PM4 packets of a job, with the draws and dispatches that they lead to.
#include <algorithm>

#include "simgpu/amd/pm4/create.h"
#include "simgpu/amd/pm4/packet_table.h"
#include "tests/fuzz/simgpu/space.h"
#include "tests/fuzz/target.h"

namespace viaduct::fuzz {

namespace {

class Pm4Grammar final : public CodeGrammar {
  protected:
    /// A packet of the table: its minimum of dwords, or some more.
    Dwords make_code(Random& random) const override {
        const simgpu::pm4::PacketInfo& info = any_packet(random);
        const uint64_t body =
            std::max<uint64_t>(1, info.minimum) + (random.once(4) ? random.below(8) : 0);
        constexpr uint32_t kType3 = 3u << 30;
        Dwords packet{kType3 | static_cast<uint32_t>(body - 1) << 16 | uint32_t{info.opcode} << 8 |
                      static_cast<uint32_t>(random.once(8) ? random.below(4) : 0)};
        while (packet.size() <= body) {
            const uint64_t place = any_place(random);
            packet.push_back(static_cast<uint32_t>(place));
            if (packet.size() <= body && random.once(2))
                packet.push_back(static_cast<uint32_t>(place >> 32));
        }
        return packet;
    }
    Dwords make_state(Random& random) const override {
        return {static_cast<uint32_t>(random.below(8)), static_cast<uint32_t>(random.any())};
    }

  private:
    static const simgpu::pm4::PacketInfo& any_packet(Random& random) {
        for (;;) {
            const auto* info = simgpu::pm4::packet_table()[random.below(simgpu::pm4::kOpcodes)];
            if (info) return *info;
        }
    }
};

}  // namespace

const Grammar& grammar() {
    static const Pm4Grammar the_grammar;
    return the_grammar;
}

void start() {}

void run(std::span<const uint8_t> input) {
    Space space(parse_program(input));
    constexpr uint32_t kConfigs[] = {0x26010042, 0x2a114042};  // of Renoir, Vega 10
    const auto engine = simgpu::create_pm4_engine({.render_backends = 1 + space.state(0) % 8,
                                                   .gb_addr_config = kConfigs[space.state(1) % 2],
                                                   .metadata_alias_fix = space.state(2) % 2 != 0});
    simgpu::JobEnvironment environment = space.environment();
    (void)engine->execute({kCode, space.code_bytes(), 0}, environment);
}

}  // namespace viaduct::fuzz
