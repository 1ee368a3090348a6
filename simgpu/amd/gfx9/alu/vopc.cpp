// VOPC: integer comparisons. Bit 4 of the opcode asks for EXEC to be set too (V_CMPX_*).
#include "simgpu/amd/gfx9/alu/valu.h"

namespace simgpu::gfx9 {

namespace {

template <class T>
constexpr ValuOp compare(unsigned predicate, uint16_t opcode, const char* name) {
    switch (predicate) {
        case 0:
            return lanes(opcode, name, [](T, T) { return false; });
        case 1:
            return lanes(opcode, name, [](T a, T b) { return a < b; });
        case 2:
            return lanes(opcode, name, [](T a, T b) { return a == b; });
        case 3:
            return lanes(opcode, name, [](T a, T b) { return a <= b; });
        case 4:
            return lanes(opcode, name, [](T a, T b) { return b < a; });
        case 5:
            return lanes(opcode, name, [](T a, T b) { return a != b; });
        case 6:
            return lanes(opcode, name, [](T a, T b) { return a >= b; });
        default:
            return lanes(opcode, name, [](T, T) { return true; });
    }
}

constexpr const char* kNames[2][8] = {
    {"v_cmp_f", "v_cmp_lt", "v_cmp_eq", "v_cmp_le", "v_cmp_gt", "v_cmp_ne", "v_cmp_ge", "v_cmp_t"},
    {"v_cmpx_f", "v_cmpx_lt", "v_cmpx_eq", "v_cmpx_le", "v_cmpx_gt", "v_cmpx_ne", "v_cmpx_ge",
     "v_cmpx_t"}};

constexpr unsigned kTypes = 6;
struct Table {
    ValuOp ops[kTypes * 16];
};

template <class T>
constexpr void add(Table& table, unsigned& n, unsigned base) {
    for (unsigned predicate = 0; predicate < 8; predicate++)
        for (unsigned sets_exec = 0; sets_exec < 2; sets_exec++)
            table.ops[n++] =
                compare<T>(predicate, static_cast<uint16_t>(base + predicate + 16 * sets_exec),
                           kNames[sets_exec][predicate]);
}

constexpr Table make_table() {
    Table table;
    unsigned n = 0;
    add<int16_t>(table, n, 0xa0);
    add<uint16_t>(table, n, 0xa8);
    add<int32_t>(table, n, 0xc0);
    add<uint32_t>(table, n, 0xc8);
    add<int64_t>(table, n, 0xe0);
    add<uint64_t>(table, n, 0xe8);
    return table;
}

constexpr Table kTable = make_table();

}  // namespace

ValuTable vopc_ops() {
    return kTable.ops;
}

}  // namespace simgpu::gfx9
