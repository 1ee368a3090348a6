#include "simgpu/intel/eu/alu/operands.h"

namespace simgpu::intel::eu {

namespace {

using Table = std::array<const AluOp*, 128>;

Table make_table() {
    Table table{};
    for (const std::span<const AluOp> rows :
         {logic_ops(), integer_ops(), arithmetic_ops(), select_ops(), math_ops()})
        for (const AluOp& row : rows) table[row.opcode] = &row;
    return table;
}

}  // namespace

const AluOp* find_alu_op(uint8_t opcode) {
    static const Table table = make_table();
    return opcode < table.size() ? table[opcode] : nullptr;
}

void execute_alu(Thread& thread, const Instruction& in) {
    const ChannelMask enabled = enabled_channels(thread, in);
    if (enabled == 0) return;
    const AluOp& op = *in.alu;
    Row spare[3], result;
    const std::byte* source[3];
    for (unsigned i = 0; i < op.sources; i++)
        source[i] = read_source(thread, in, in.src[i], in.lane, op.logic(), spare[i]);
    op.kernels[index_of(in.lane)](result.bytes, source, lane_count(in));
    if (in.condition != Condition::kNone)
        write_flags(thread, in, compare_result(in, in.lane, result.bytes), enabled);
    if (in.writes_accumulator) write_accumulator(thread, in, result.bytes, in.lane, enabled);
    write_destination(thread, in, result.bytes, in.lane, enabled);
}

}  // namespace simgpu::intel::eu
