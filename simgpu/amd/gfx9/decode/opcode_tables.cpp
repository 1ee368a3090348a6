#include "simgpu/amd/gfx9/decode/opcode_tables.h"

namespace simgpu::gfx9 {

namespace {

template <class Index, class Rows>
void add(Index& index, const Rows& rows, unsigned base = 0) {
    for (const auto& row : rows)
        if (base + row.opcode < index.size()) index[base + row.opcode] = &row;
}

// VOP3 holds the other vector encodings too (Vega ISA, VOP3A opcode map).
constexpr unsigned kVop2InVop3 = 0x100;
constexpr unsigned kVop1InVop3 = 0x140;

OpcodeTables make_tables() {
    OpcodeTables t;
    add(t.sop1, sop1_ops());
    add(t.sop2, sop2_ops());
    add(t.sopk, sopk_ops());
    add(t.sopc, sopc_ops());
    add(t.sopp, sopp_ops());
    add(t.smem, smem_ops());
    for (ValuTable rows : {vop1_move_ops(), vop1_convert_ops(), vop1_math_ops()}) {
        add(t.vop1, rows);
        add(t.vop3, rows, kVop1InVop3);
    }
    for (ValuTable rows : {vop2_float_ops(), vop2_integer_ops()}) {
        add(t.vop2, rows);
        add(t.vop3, rows, kVop2InVop3);
    }
    for (ValuTable rows : {vopc_ops(), vopc_float_ops()}) {
        add(t.vopc, rows);
        add(t.vop3, rows);
    }
    for (ValuTable rows :
         {vop3_integer_ops(), vop3_float_ops(), vop3_division_ops(), vop3_misc_ops()})
        add(t.vop3, rows);
    // These have a literal constant or two results: no VOP3 form.
    constexpr unsigned kNoVop3[] = {0x117, 0x118, 0x124, 0x125, 0x191};
    for (unsigned opcode : kNoVop3) t.vop3[opcode] = nullptr;
    add(t.vop3p, vop3p_ops());
    add(t.vmem, vmem_ops());
    add(t.vmem, vmem_atomic_ops());
    add(t.ds, ds_ops());
    add(t.ds, ds_atomic_ops());
    return t;
}

}  // namespace

const OpcodeTables& opcode_tables() {
    static const OpcodeTables tables = make_tables();
    return tables;
}

}  // namespace simgpu::gfx9
