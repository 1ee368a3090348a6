#include "simgpu/amd/gfx9/image/address.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/wave/half.h"

namespace simgpu::gfx9 {

namespace {

using Lod = ImageOperation::Lod;
using Kind = ImageOperation::Kind;

ImageOperation sample_like(Kind kind, unsigned opcode) {
    ImageOperation op;
    op.kind = kind;
    op.compares = opcode & 8;
    op.offsets = opcode & 16;
    constexpr Lod kLods[] = {Lod::kImplicit, Lod::kImplicit, Lod::kDerivatives, Lod::kDerivatives,
                             Lod::kExplicit, Lod::kBias,     Lod::kBias,        Lod::kZero};
    op.lod = kLods[opcode & 7];
    op.clamps_lod = (opcode & 7) == 1 || (opcode & 7) == 3 || (opcode & 7) == 6;
    // Gathers have no derivatives.
    if (kind == Kind::kGather && op.lod == Lod::kDerivatives) op.kind = Kind::kUnknown;
    return op;
}

/// Takes values from address registers one after the other.
class Reader {
  public:
    Reader(const Wave& wave, unsigned first, unsigned lane, bool half)
        : wave_(wave), next_(first), lane_(lane), half_(half) {}

    uint32_t word() {
        const uint32_t value = current();
        next_++;
        return value;
    }
    /// A value of the part that A16 halves.
    uint32_t integer() {
        if (!half_) return word();
        const unsigned shift = odd_ ? 16 : 0;
        const uint32_t pair = current();
        if (odd_) next_++;
        odd_ = !odd_;
        return pair >> shift & 0xffff;
    }
    float real() {
        const uint32_t value = integer();
        return half_ ? half_to_float(static_cast<uint16_t>(value)) : as_float(value);
    }
    /// Derivatives of each direction start in a register of their own.
    void align() {
        if (odd_) next_++;
        odd_ = false;
    }

  private:
    /// Registers out of the wave's allocation read VGPR 0.
    uint32_t current() const { return wave_.v[next_ < wave_.vgpr_count ? next_ : 0].lane[lane_]; }

    const Wave& wave_;
    unsigned next_;
    unsigned lane_;
    bool half_;
    bool odd_ = false;
};

bool uses_floats(Kind kind) {
    return kind == Kind::kSample || kind == Kind::kGather || kind == Kind::kQueryLod;
}

int32_t six_bits(uint32_t word, unsigned low) {
    return static_cast<int32_t>(word << (26 - low)) >> 26;
}

}  // namespace

ImageOperation ImageOperation::decode(unsigned opcode) {
    ImageOperation op;
    if (opcode == 0x00 || opcode == 0x01) {
        op.kind = Kind::kLoad;
        op.with_level = opcode == 0x01;
    } else if (opcode == 0x08 || opcode == 0x09) {
        op.kind = Kind::kStore;
        op.with_level = opcode == 0x09;
    } else if (opcode == 0x0e) {
        op.kind = Kind::kQuerySize;
    } else if (opcode >= 0x10 && opcode <= 0x1c) {
        op.kind = Kind::kAtomic;
    } else if (opcode >= 0x20 && opcode < 0x40) {
        op = sample_like(Kind::kSample, opcode);
    } else if (opcode >= 0x40 && opcode < 0x60) {
        op = sample_like(Kind::kGather, opcode);
    } else if (opcode == 0x60) {
        op.kind = Kind::kQueryLod;
    }
    return op;
}

unsigned address_registers(const ImageOperation& operation, unsigned dimensions,
                           unsigned coordinates, bool half) {
    const auto packed = [half](unsigned values) { return half ? (values + 1) / 2 : values; };
    unsigned body = coordinates + (operation.with_level ? 1 : 0);
    if (operation.lod == Lod::kExplicit && uses_floats(operation.kind)) body++;
    if (operation.clamps_lod) body++;
    unsigned registers = packed(body);
    if (operation.offsets) registers++;
    if (operation.lod == Lod::kBias) registers++;
    if (operation.compares) registers++;
    if (operation.lod == Lod::kDerivatives) registers += 2 * packed(dimensions);
    return registers;
}

ImageAddress read_address(const Wave& wave, unsigned first, unsigned lane,
                          const ImageOperation& operation, unsigned dimensions,
                          unsigned coordinates, bool half) {
    Reader reader(wave, first, lane, half);
    ImageAddress address;
    if (!uses_floats(operation.kind)) {
        for (unsigned i = 0; i < coordinates; i++) address.integer[i] = reader.integer();
        if (operation.with_level) address.level = reader.integer();
        return address;
    }
    if (operation.offsets) {
        const uint32_t word = reader.word();
        for (unsigned i = 0; i < 3; i++) address.offset[i] = six_bits(word, 8 * i);
    }
    if (operation.lod == Lod::kBias) {
        address.bias = reader.real();
        reader.align();
    }
    if (operation.compares) address.reference = as_float(reader.word());
    if (operation.lod == Lod::kDerivatives)
        for (auto& direction : address.gradient) {
            for (unsigned i = 0; i < dimensions; i++) direction[i] = reader.real();
            reader.align();
        }
    for (unsigned i = 0; i < coordinates; i++) address.coordinate[i] = reader.real();
    if (operation.lod == Lod::kExplicit) address.lod = reader.real();
    if (operation.clamps_lod) address.lod = reader.real();
    return address;
}

// The axes of V_CUBESC, V_CUBETC and V_CUBEMA; a face's middle is at (1.5, 1.5).
bool move_to_face(float (&place)[4], float face) {
    struct Axis {
        unsigned of;
        float sign;
    };
    struct Face {
        Axis s, t, major;
    };
    static constexpr Face kFaces[] = {
        {{2, -1}, {1, -1}, {0, 1}}, {{2, 1}, {1, -1}, {0, -1}}, {{0, 1}, {2, 1}, {1, 1}},
        {{0, 1}, {2, -1}, {1, -1}}, {{0, 1}, {1, -1}, {2, 1}},  {{0, -1}, {1, -1}, {2, -1}},
    };
    constexpr float kLeast = 1e-3f;  // of the distance from the middle of the cube
    const auto number = [](float id) {
        const auto whole = static_cast<unsigned>(std::clamp(id + 0.5f, 0.0f, 65535.0f)) % 8;
        return std::min(whole, 5u);
    };
    const Face &from = kFaces[number(place[2])], &to = kFaces[number(face)];
    float direction[3];
    direction[from.s.of] = from.s.sign * 2 * (place[0] - 1.5f);
    direction[from.t.of] = from.t.sign * 2 * (place[1] - 1.5f);
    direction[from.major.of] = from.major.sign;
    const float distance = to.major.sign * direction[to.major.of];
    if (!(distance > kLeast)) return false;
    place[0] = to.s.sign * direction[to.s.of] / distance / 2 + 1.5f;
    place[1] = to.t.sign * direction[to.t.of] / distance / 2 + 1.5f;
    place[2] = face;
    return true;
}

}  // namespace simgpu::gfx9
