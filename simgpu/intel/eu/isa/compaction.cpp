#include "simgpu/intel/eu/isa/compaction.h"

#include <span>

#include "simgpu/intel/eu/isa/compaction_tables.h"
#include "simgpu/intel/eu/isa/opcodes.h"
#include "simgpu/intel/eu/isa/types.h"

namespace simgpu::intel::eu {

namespace {

using namespace compaction;

/// A field of the full instruction, whose value is the lowest bits that are left of a table's
/// entry.
struct Field {
    uint8_t top;
    uint8_t bottom;
};

/// The bits of the compacted instruction that index `table`, and the fields that its entries hold,
/// lowest first. An index in two parts has its upper bits at `upper_*`.
struct Part {
    uint8_t top;
    uint8_t bottom;
    std::span<const uint64_t> table;
    std::span<const Field> fields;
    uint8_t upper_top = 0;
    uint8_t upper_bottom = 0;
};

/// A register number, which is in the compacted instruction as it is.
struct Copied {
    uint8_t top;
    uint8_t bottom;
    uint8_t to_bottom;
};

struct Layout {
    std::span<const Part> parts;
    std::span<const Part> second_source;  // only without an immediate
    std::span<const Copied> copied;
};

constexpr Field kControlFieldsGen12[] = {{18, 16}, {21, 19}, {23, 22}, {27, 24}, {28, 28},
                                         {31, 31}, {32, 32}, {33, 33}, {34, 34}, {95, 92}};
constexpr Field kControlFieldsXe2[] = {{20, 18}, {23, 21}, {25, 24}, {27, 26}, {28, 28},
                                       {31, 31}, {32, 32}, {34, 34}, {95, 92}};
constexpr Field kDatatypeFields[] = {{35, 35}, {39, 36}, {43, 40}, {46, 46}, {47, 47},
                                     {49, 48}, {50, 50}, {66, 66}, {91, 88}, {98, 98}};
constexpr Field kSubregisterFieldsGen12[] = {{55, 51}, {71, 67}, {103, 99}};
constexpr Field kSubregisterFieldsXe2[] = {{33, 33}, {55, 51}, {71, 67}, {87, 87}};
constexpr Field kSource0FieldsGen12[] = {{45, 44}, {65, 64}, {80, 80},
                                         {83, 81}, {86, 84}, {87, 87}};
constexpr Field kSource0FieldsXe2[] = {{45, 44}, {65, 64}, {80, 80}, {83, 81}, {86, 84}};
constexpr Field kSource1FieldsGen12[] = {{97, 96}, {112, 112}, {115, 113}, {119, 116}, {121, 120}};
constexpr Field kSource1FieldsXe2[] = {{97, 96},   {103, 99},  {112, 112},
                                       {115, 113}, {118, 116}, {121, 120}};

constexpr Field kControl3FieldsGen12[] = {
    {18, 16}, {21, 19}, {22, 22}, {23, 23}, {27, 24}, {28, 28}, {31, 31}, {32, 32}, {33, 33},
    {34, 34}, {38, 36}, {39, 39}, {42, 40}, {48, 48}, {50, 50}, {82, 80}, {90, 88}, {95, 92}};
constexpr Field kControl3FieldsGen125[] = {
    {18, 16}, {21, 19}, {22, 22}, {23, 23}, {27, 24}, {28, 28}, {31, 31}, {32, 32}, {33, 33},
    {34, 34}, {38, 36}, {39, 39}, {42, 40}, {49, 48}, {50, 50}, {82, 80}, {90, 88}, {95, 92}};
constexpr Field kControl3FieldsXe2[] = {{20, 18}, {23, 21}, {25, 24}, {27, 26}, {28, 28}, {31, 31},
                                        {32, 32}, {34, 34}, {38, 36}, {39, 39}, {42, 40}, {49, 48},
                                        {50, 50}, {82, 80}, {90, 88}, {95, 92}};
constexpr Field kSource3Fields[] = {{35, 35}, {43, 43}, {45, 44}, {46, 46},   {47, 47},
                                    {65, 64}, {66, 66}, {83, 83}, {85, 84},   {87, 86},
                                    {91, 91}, {97, 96}, {98, 98}, {113, 112}, {114, 114}};
constexpr Field kSubregister3Fields[] = {{55, 51}, {71, 67}, {103, 99}, {119, 115}};

constexpr Part kPartsGen12[] = {{28, 24, kControlGen12, kControlFieldsGen12},
                                {34, 30, kDatatypeGen12, kDatatypeFields},
                                {39, 35, kSubregisterGen12, kSubregisterFieldsGen12},
                                {51, 48, kSource0Gen12, kSource0FieldsGen12}};
constexpr Part kPartsGen125[] = {{28, 24, kControlGen12, kControlFieldsGen12},
                                 {34, 30, kDatatypeGen12, kDatatypeFields},
                                 {39, 35, kSubregisterGen12, kSubregisterFieldsGen12},
                                 {51, 48, kSource0Gen125, kSource0FieldsGen12}};
constexpr Part kPartsXe2[] = {{22, 18, kControlXe2, kControlFieldsXe2},
                              {28, 26, kDatatypeXe2, kDatatypeFields, 31, 30},
                              {51, 48, kSubregisterXe2, kSubregisterFieldsXe2},
                              {25, 23, kSource0Xe2, kSource0FieldsXe2}};
constexpr Part kSecondGen12[] = {{55, 52, kSource1Gen12, kSource1FieldsGen12}};
constexpr Part kSecondGen125[] = {{55, 52, kSource1Gen125, kSource1FieldsGen12}};
constexpr Part kSecondXe2[] = {{55, 52, kSource1Xe2, kSource1FieldsXe2}};
constexpr Part kParts3Gen12[] = {{28, 24, kControl3Gen12, kControl3FieldsGen12},
                                 {34, 30, kSource3Gen12, kSource3Fields},
                                 {39, 35, kSubregister3Gen12, kSubregister3Fields}};
constexpr Part kParts3Gen125[] = {{28, 24, kControl3Gen125, kControl3FieldsGen125},
                                  {34, 30, kSource3Gen125, kSource3Fields},
                                  {39, 35, kSubregister3Gen12, kSubregister3Fields}};
constexpr Part kParts3Xe2[] = {{21, 18, kControl3Xe2, kControl3FieldsXe2},
                               {25, 22, kSource3Xe2, kSource3Fields},
                               {28, 26, kSubregister3Xe2, kSubregister3Fields, 31, 30}};

// Destination and source 0; the second source's is there only without an immediate.
constexpr Copied kRegistersGen12[] = {{23, 16, 56}, {47, 40, 72}};
constexpr Copied kRegistersXe2[] = {{39, 32, 56}, {47, 40, 72}};
constexpr Copied kRegisters3Gen12[] = {{23, 16, 56}, {47, 40, 72}, {63, 56, 104}, {55, 48, 120}};
constexpr Copied kRegisters3Xe2[] = {{39, 32, 56}, {47, 40, 72}, {63, 56, 104}, {55, 48, 120}};

Layout layout_of(Generation generation, bool three_sources) {
    switch (generation) {
        case Generation::kGen12:
            if (three_sources) return {kParts3Gen12, {}, kRegisters3Gen12};
            return {kPartsGen12, kSecondGen12, kRegistersGen12};
        case Generation::kGen12_5:
            if (three_sources) return {kParts3Gen125, {}, kRegisters3Gen12};
            return {kPartsGen125, kSecondGen125, kRegistersGen12};
        default:
            if (three_sources) return {kParts3Xe2, {}, kRegisters3Xe2};
            return {kPartsXe2, kSecondXe2, kRegistersXe2};
    }
}

void expand_part(const Words& compact, const Part& part, Words& full) {
    uint32_t index = compact.bits(part.top, part.bottom);
    if (part.upper_top)
        index |= compact.bits(part.upper_top, part.upper_bottom) << (part.top - part.bottom + 1);
    uint64_t entry = part.table[index];
    for (const Field field : part.fields) {
        const unsigned width = field.top - field.bottom + 1u;
        full.set(field.top, field.bottom, entry & ((uint64_t{1} << width) - 1));
        entry >>= width;
    }
}

/// The 12 bits of a compacted immediate, as the 32 of a full one.
uint32_t expand_immediate(uint32_t bits, Type type) {
    const uint32_t extended = bits & 0x800 ? bits | 0xfffff000 : bits;
    switch (type) {
        case Type::kF:
            return bits << 20;
        case Type::kHF:
            return bits << 20 | bits << 4;
        case Type::kUW:
            return bits << 16 | bits;
        case Type::kW:
            return extended << 16 | (extended & 0xffff);
        case Type::kD:
            return extended;
        default:
            return bits;
    }
}

}  // namespace

Words expand(uint64_t bits, Generation generation) {
    const Words compact{bits, 0};
    const auto opcode = static_cast<uint8_t>(compact.bits(6, 0));
    const Layout layout = layout_of(generation, has_three_sources(opcode));
    Words full;
    full.set(7, 0, compact.bits(7, 0));
    for (const Part& part : layout.parts) expand_part(compact, part, full);
    for (const Copied& reg : layout.copied)
        full.set(reg.to_bottom + 7u, reg.to_bottom, compact.bits(reg.top, reg.bottom));
    if (has_three_sources(opcode)) return full;
    const bool first_immediate = full.bit(46);
    if (first_immediate || full.bit(47)) {
        const auto type = Type(first_immediate ? full.bits(43, 40) : full.bits(91, 88));
        full.set(127, 96, expand_immediate(compact.bits(63, 52), type));
        return full;
    }
    for (const Part& part : layout.second_source) expand_part(compact, part, full);
    full.set(111, 104, compact.bits(63, 56));
    return full;
}

}  // namespace simgpu::intel::eu
