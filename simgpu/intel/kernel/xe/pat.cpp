#include "simgpu/intel/kernel/xe/pat.h"

#include <algorithm>
#include <initializer_list>

namespace simgpu::intel::xe {

namespace {

bool is_one_of(uint16_t index, std::initializer_list<uint16_t> those) {
    return std::ranges::find(those, index) != those.end();
}

}  // namespace

// The tables of xe_pat.c. Entries of Xe2 that compress are not coherent; nothing is compressed
// here.
Coherence coherence_of(const ChipInfo& chip, uint16_t pat_index) {
    const auto entry = [&](uint16_t entries, std::initializer_list<uint16_t> coherent) {
        if (pat_index >= entries) return Coherence::kReserved;
        return is_one_of(pat_index, coherent) ? Coherence::kOneWay : Coherence::kNone;
    };
    switch (chip.generation) {
        case Generation::kGen12:  // xelp_pat_table: WB, WC, WT, UC
            return entry(4, {0});
        case Generation::kGen12_5:  // xelpg_pat_table: WB, WT, UC, and WB of one way and of two
            return entry(5, {3, 4});
        case Generation::kXe2:  // xe2_pat_table
            break;
    }
    if (is_one_of(pat_index, {16, 17, 18, 19})) return Coherence::kReserved;
    return entry(32, {1, 2, 4, 5, 7, 22, 23, 26, 27, 30, 31});
}

}  // namespace simgpu::intel::xe
