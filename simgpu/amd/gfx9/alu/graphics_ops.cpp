#include "simgpu/amd/gfx9/alu/graphics_ops.h"
#include <cmath>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/wave/graphics_wave.h"

namespace simgpu::gfx9 {

namespace {

// EXP targets (Vega ISA, "Export instruction").
constexpr unsigned kColour0 = 0, kDepth = 8, kPosition0 = 12, kParameter0 = 32;

ExportTarget* target_of(GraphicsWave& graphics, unsigned number) {
    if (number < kColour0 + kColourTargets) return &graphics.colour[number];
    if (number == kDepth) return &graphics.depth;
    if (number >= kPosition0 && number < kPosition0 + kPositionExports)
        return &graphics.position[number - kPosition0];
    if (number >= kParameter0 && number < kParameter0 + kParameterExports)
        return &graphics.parameter[number - kParameter0];
    return nullptr;
}

void export_component(const Wave& wave, uint32_t registers, unsigned component, bool compressed,
                      Row& to) {
    const unsigned which = compressed ? component / 2 : component;
    const unsigned index = bits(registers, 8 * which, 8);
    const Row& from = wave.v[index < wave.vgpr_count ? index : 0];
    const unsigned shift = compressed && component % 2 ? 16 : 0;
    const uint32_t mask = compressed ? 0xffff : ~0u;
    for_each_lane(wave.exec(),
                  [&](unsigned lane) { to.lane[lane] = from.lane[lane] >> shift & mask; });
}

float interpolate(const PrimitiveAttributes& p, unsigned op, unsigned attribute, unsigned channel,
                  uint32_t source_register, float source, float before) {
    switch (op) {
        case 0:
            return std::fma(p.p10[attribute][channel], source, p.p0[attribute][channel]);
        case 1:
            return std::fma(p.p20[attribute][channel], source, before);
        default:  // V_INTERP_MOV_F32: the source field names one of the three
            return source_register == 0   ? p.p10[attribute][channel]
                   : source_register == 1 ? p.p20[attribute][channel]
                                          : p.p0[attribute][channel];
    }
}

}  // namespace

void execute_export(Wave& wave, const Instruction& in) {
    if (!wave.graphics) return handle_unknown(wave, in);
    const uint32_t word = in.words[0];
    const bool compressed = bit_of(word, 10), valid_mask = bit_of(word, 12);
    if (valid_mask) wave.graphics->valid &= wave.exec();
    ExportTarget* target = target_of(*wave.graphics, bits(word, 4, 6));
    if (!target) return;  // the null target, or one that does not exist
    target->enabled = static_cast<uint8_t>(bits(word, 0, 4));
    target->compressed = compressed;
    target->mask |= wave.exec();
    for (unsigned component = 0; component < 4; component++)
        if (bit_of(word, component))
            export_component(wave, in.words[1], component, compressed,
                             target->component[component]);
}

// S_SENDMSG (Vega ISA, "Send message"): the message in bits 0..3, for a geometry shader's an
// operation in 4..5, CUT and EMIT, and a stream in 8..9. An emitted vertex comes before the cut.
// M0[7:0] is the GS wave id.
void execute_geometry_message(Wave& wave, const Instruction& in) {
    constexpr uint32_t kGeometry = 2, kGeometryDone = 3;
    const auto message = static_cast<uint32_t>(in.imm);
    const uint32_t id = bits(message, 0, 4);
    if (id != kGeometry && id != kGeometryDone) return;
    if (bits(wave.m0(), 0, 8) != wave.geometry->id) wave.geometry->named_another = true;
    if (id == kGeometryDone) wave.geometry->done = true;
    const bool cut = bit_of(message, 4), emit = bit_of(message, 5);
    auto& lanes = wave.geometry->stream[bits(message, 8, 2)];
    for_each_lane(wave.exec(), [&](unsigned number) {
        GeometryWave::Lane& lane = lanes[number];
        if (emit && lane.vertices == wave.geometry->most_vertices)
            wave.geometry->overflowed = true;
        else if (emit)
            lane.vertices++;
        if (cut) lane.cut();
    });
}

void execute_interpolation(Wave& wave, const Instruction& in) {
    const uint32_t word = in.words[0];
    const unsigned op = bits(word, 16, 2), attribute = bits(word, 10, 6);
    if (!wave.graphics || op == 3 || attribute >= kParameterExports)
        return handle_unknown(wave, in);
    const unsigned channel = bits(word, 8, 2), source = bits(word, 0, 8);
    const Row from = wave.v[in.vaddr];
    Row& to = wave.v[in.dst];
    for_each_lane(wave.exec(), [&](unsigned lane) {
        const PrimitiveAttributes* attributes = wave.graphics->quad_attributes[lane / 4];
        if (!attributes) return;
        to.lane[lane] = as_word(interpolate(*attributes, op, attribute, channel, source,
                                            as_float(from.lane[lane]), as_float(to.lane[lane])));
    });
}

}  // namespace simgpu::gfx9
