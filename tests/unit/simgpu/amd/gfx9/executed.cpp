#include "tests/unit/simgpu/amd/gfx9/executed.h"

#include <map>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/decode/opcode_tables.h"

namespace simgpu::gfx9::test {
namespace {

constexpr const char* kClamp = " clamp";

std::string label(Encoding encoding, unsigned opcode, const char* name) {
    return fmt::format("{} {:#04x} {}", encoding_name(encoding), opcode, name);
}

// Labels by row. VOP3 repeats rows of the other vector encodings, so it comes after them.
struct Labels {
    std::map<const void*, std::string> by_row;
    std::set<std::string> all;

    template <class Rows>
    void add(Encoding encoding, const Rows& rows) {
        for (unsigned opcode = 0; opcode < rows.size(); opcode++) {
            const auto* row = rows[opcode];
            if (!row || by_row.contains(row)) continue;
            const std::string text = label(encoding, opcode, row->name);
            by_row[row] = text;
            all.insert(text);
            if constexpr (requires { row->clamped; })
                if (row->clamped) all.insert(text + kClamp);
        }
    }
    // Accesses with a format have no rows: one handler for all opcodes.
    void add_formats(Encoding encoding, unsigned first, unsigned count, const char* name) {
        for (unsigned opcode = first; opcode < first + count; opcode++)
            all.insert(label(encoding, opcode, name));
    }
};

Labels make_labels() {
    const OpcodeTables& t = opcode_tables();
    Labels labels;
    labels.add(Encoding::kSop1, t.sop1);
    labels.add(Encoding::kSop2, t.sop2);
    labels.add(Encoding::kSopk, t.sopk);
    labels.add(Encoding::kSopc, t.sopc);
    labels.add(Encoding::kSopp, t.sopp);
    labels.add(Encoding::kSmem, t.smem);
    labels.add(Encoding::kVop1, t.vop1);
    labels.add(Encoding::kVop2, t.vop2);
    labels.add(Encoding::kVopc, t.vopc);
    labels.add(Encoding::kVop3, t.vop3);
    labels.add(Encoding::kVop3p, t.vop3p);
    labels.add(Encoding::kFlat, t.vmem);
    labels.add(Encoding::kDs, t.ds);
    labels.add_formats(Encoding::kMubuf, 0, 16, "buffer_format");
    labels.add_formats(Encoding::kMubuf, 0x26, 2, "buffer_format");
    labels.add_formats(Encoding::kMubuf, 0x3e, 2, "buffer_wbinvl1");
    labels.add_formats(Encoding::kMtbuf, 0, 16, "tbuffer_format");
    return labels;
}

const Labels& labels() {
    static const Labels all = make_labels();
    return all;
}

const void* row_of(const Instruction& in) {
    const OpcodeTables& t = opcode_tables();
    if (in.valu) return in.valu;
    if (in.vmem) return in.vmem;
    switch (in.encoding) {
        case Encoding::kSop1:
            return t.sop1[in.opcode];
        case Encoding::kSop2:
            return t.sop2[in.opcode];
        case Encoding::kSopk:
            return t.sopk[in.opcode];
        case Encoding::kSopc:
            return t.sopc[in.opcode];
        case Encoding::kSopp:
            return t.sopp[in.opcode];
        case Encoding::kSmem:
            return t.smem[in.opcode];
        case Encoding::kDs:
            return t.ds[in.opcode];
        default:
            return nullptr;
    }
}

std::set<std::string>& executed() {
    static std::set<std::string> rows;
    return rows;
}

}  // namespace

std::string row_label(const Instruction& in) {
    if (!in.name) return {};
    const auto found = labels().by_row.find(row_of(in));
    if (found == labels().by_row.end()) return label(in.encoding, in.opcode, in.name);
    return found->second + (in.valu && in.valu->clamped && in.mods.clamp ? kClamp : "");
}

const std::set<std::string>& all_rows() {
    return labels().all;
}

void note_executed(const Instruction& in) {
    executed().insert(row_label(in));
}

const std::set<std::string>& executed_rows() {
    return executed();
}

}  // namespace simgpu::gfx9::test
