#include "simgpu/amd/gfx9/decode/disassembly.h"

#include <fmt/format.h>

#include "simgpu/amd/gfx9/alu/valu.h"
#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/decode/operand.h"

namespace simgpu::gfx9 {

namespace {

std::string sgpr(unsigned index) {
    switch (index) {
        case code::kFlatScratchLo:
            return "flat_scratch";
        case code::kVccLo:
            return "vcc";
        case code::kVccLo + 1:
            return "vcc_hi";
        case code::kM0:
            return "m0";
        case code::kExecLo:
            return "exec";
        case code::kExecLo + 1:
            return "exec_hi";
        default:
            return fmt::format("s{}", index);
    }
}

/// VGPR numbers with the allocation applied: what lies out of it goes nowhere.
std::string vgpr(unsigned index) {
    return index >= kTrashVgpr ? "v?" : fmt::format("v{}", index);
}

std::string constant(uint64_t value, Type type) {
    if (type == Type::kF32) return fmt::format("{}", as_float(static_cast<uint32_t>(value)));
    return value < 10 ? fmt::format("{}", value) : fmt::format("{:#x}", value);
}

std::string text_of(const Operand& operand, Type type) {
    switch (operand.kind) {
        case Operand::Kind::kSgpr:
            return sgpr(operand.index);
        case Operand::Kind::kVgpr:
            return vgpr(operand.index);
        case Operand::Kind::kVccz:
            return "vccz";
        case Operand::Kind::kExecz:
            return "execz";
        case Operand::Kind::kScc:
            return "scc";
        case Operand::Kind::kConstant:
            return constant(operand.value, type);
        default:
            return {};
    }
}

/// Name and operands, with commas between those that there are.
class Line {
  public:
    explicit Line(const char* name) : text_(name) {}

    Line& add(std::string_view operand) {
        if (operand.empty()) return *this;
        text_ += first_ ? " " : ", ";
        text_ += operand;
        first_ = false;
        return *this;
    }
    /// A word behind the operands.
    Line& note(std::string_view word) {
        text_ += ' ';
        text_ += word;
        return *this;
    }
    std::string take() { return std::move(text_); }

  private:
    std::string text_;
    bool first_ = true;
};

std::string with_modifiers(std::string operand, const Modifiers& mods, unsigned i) {
    if (mods.abs >> i & 1) operand = fmt::format("|{}|", operand);
    if (mods.neg >> i & 1) operand = "-" + operand;
    return operand;
}

std::string vector_line(const Instruction& in) {
    const ValuOp& op = *in.valu;
    Line line(in.name);
    const bool scalar = op.flags & ValuOp::kScalarDst;
    if (op.dst != Type::kNone) line.add(scalar ? sgpr(in.dst) : vgpr(in.dst));
    if (op.mask_out) line.add(sgpr(in.sdst));
    for (unsigned i = 0; i < 4 && op.src[i] != Type::kNone; i++)
        line.add(with_modifiers(text_of(in.src[i], op.src[i]), in.mods, i));
    constexpr const char* kOmod[] = {"", "mul:2", "mul:4", "div:2"};
    if (in.mods.omod) line.note(kOmod[in.mods.omod & 3]);
    if (in.mods.clamp) line.note("clamp");
    if (in.mods.sdwa) line.note("sdwa");
    if (in.mods.dpp) line.note(fmt::format("dpp_ctrl:{:#x}", in.mods.dpp_ctrl));
    return line.take();
}

std::string scalar_line(const Instruction& in) {
    Line line(in.name);
    const bool compares = in.encoding == Encoding::kSopc;
    if (in.encoding == Encoding::kSopp) {
        if (in.imm) line.add(fmt::format("{}", in.imm));
        return line.take();
    }
    if (!compares) line.add(sgpr(in.dst));
    if (in.encoding == Encoding::kSopk)
        return line.add(fmt::format("{:#x}", static_cast<uint16_t>(in.imm))).take();
    for (unsigned i = 0; i < 2; i++) line.add(text_of(in.src[i], Type::kB32));
    return line.take();
}

std::string with_offset(Line& line, int32_t offset) {
    if (offset) line.note(fmt::format("offset:{}", offset));
    return line.take();
}

std::string memory_line(const Instruction& in) {
    Line line(in.name);
    switch (in.encoding) {
        case Encoding::kSmem:
            line.add(sgpr(in.dst)).add(sgpr(in.saddr));
            if (!bit_of(in.words[0], 17)) return line.add(sgpr(in.words[1] & 0x7f)).take();
            break;
        case Encoding::kDs:
            line.add(vgpr(in.dst)).add(vgpr(in.vaddr)).add(vgpr(in.vdata)).add(vgpr(in.vdata2));
            break;
        case Encoding::kFlat:
            line.add(vgpr(in.dst)).add(vgpr(in.vaddr)).add(vgpr(in.vdata));
            if (in.saddr != 0x7f) line.add(sgpr(in.saddr));
            break;
        default:
            line.add(vgpr(in.vdata)).add(vgpr(in.vaddr)).add(sgpr(in.saddr));
            line.add(text_of(in.src[0], Type::kB32));
            break;
    }
    return with_offset(line, in.imm);
}

std::string image_line(const Instruction& in) {
    Line line(in.name);
    line.add(vgpr(in.vdata)).add(vgpr(in.vaddr));
    line.add(sgpr(bits(in.words[1], 16, 5) * 4)).add(sgpr(bits(in.words[1], 21, 5) * 4));
    return line.note(fmt::format("opcode:{:#x} dmask:{:#x}", in.opcode, bits(in.words[0], 8, 4)))
        .take();
}

std::string export_target(unsigned number) {
    if (number < 8) return fmt::format("mrt{}", number);
    if (number == 8) return "mrtz";
    if (number == 9) return "null";
    if (number >= 32) return fmt::format("param{}", number - 32);
    return fmt::format("pos{}", number - 12);
}

std::string export_line(const Instruction& in) {
    const uint32_t word = in.words[0];
    Line line(in.name);
    line.add(export_target(bits(word, 4, 6)));
    for (unsigned i = 0; i < 4; i++)
        line.add(bit_of(word, i) ? vgpr(bits(in.words[1], 8 * i, 8)) : "off");
    if (bit_of(word, 11)) line.note("done");
    if (bit_of(word, 10)) line.note("compr");
    if (bit_of(word, 12)) line.note("vm");
    return line.take();
}

std::string interpolation_line(const Instruction& in) {
    constexpr const char* kPoints[] = {"p10", "p20", "p0"};
    Line line(in.name);
    line.add(vgpr(in.dst));
    line.add(in.opcode == 2 ? kPoints[std::min(bits(in.words[0], 0, 8), 2u)] : vgpr(in.vaddr));
    return line
        .add(fmt::format("attr{}.{}", bits(in.words[0], 10, 6), "xyzw"[bits(in.words[0], 8, 2)]))
        .take();
}

}  // namespace

std::string disassemble(const Instruction& in) {
    if (!in.name)
        return fmt::format("unknown {} {:08x} {:08x}", encoding_name(in.encoding), in.words[0],
                           in.words[1]);
    switch (in.encoding) {
        case Encoding::kSop1:
        case Encoding::kSop2:
        case Encoding::kSopk:
        case Encoding::kSopc:
        case Encoding::kSopp:
            return scalar_line(in);
        case Encoding::kSmem:
        case Encoding::kDs:
        case Encoding::kMubuf:
        case Encoding::kMtbuf:
        case Encoding::kFlat:
            return memory_line(in);
        case Encoding::kMimg:
            return image_line(in);
        case Encoding::kExp:
            return export_line(in);
        case Encoding::kVintrp:
            return interpolation_line(in);
        default:
            return in.valu ? vector_line(in) : in.name;
    }
}

}  // namespace simgpu::gfx9
