#include "simgpu/amd/gfx9/draw/depth_stencil.h"

#include <algorithm>
#include <cmath>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/registers.h"
#include "simgpu/amd/gfx9/surface/compare_function.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers).
constexpr uint32_t kRenderControl = 0x28000, kDepthView = 0x28008;
constexpr uint32_t kBoundsMin = 0x28020, kBoundsMax = 0x28024;
constexpr uint32_t kStencilClear = 0x28028, kDepthClear = 0x2802c;
constexpr uint32_t kDepthRead = 0x28040, kStencilRead = 0x28048;
constexpr uint32_t kDepthWrite = 0x28050, kStencilWrite = 0x28058;
constexpr uint32_t kDepthInfo2 = 0x28068, kStencilInfo2 = 0x2806c;
constexpr uint32_t kStencilControl = 0x2842c, kStencilFront = 0x28430, kStencilBack = 0x28434;
constexpr uint32_t kDepthControl = 0x28800;

SurfaceShape shape_of(const RegisterReader& registers, uint32_t info, uint32_t info2, uint32_t base,
                      uint8_t element_bits) {
    SurfaceShape shape;
    shape.base = base_address(registers, base);
    shape.mode = SwizzleMode(bits(registers(info), 4, 5));
    shape.element_bits = element_bits;
    shape.sample_bits = static_cast<uint8_t>(bits(registers(kDepthInfo), 2, 2));
    shape.levels = static_cast<uint8_t>(bits(registers(kDepthInfo), 16, 4) + 1);
    shape.width = bits(registers(kDepthSize), 0, 14) + 1;
    shape.height = bits(registers(kDepthSize), 16, 14) + 1;
    shape.pitch = bits(registers(info2), 0, 16) + 1;
    return shape;
}

constexpr uint32_t kMax24 = (1u << 24) - 1;

uint32_t to_unorm(float z, uint32_t most) {
    const double clamped = z > 0.0f ? std::min(static_cast<double>(z), 1.0) : 0.0;  // NaN: 0
    return static_cast<uint32_t>(std::lrint(clamped * most));
}

}  // namespace

uint32_t encode_depth(DepthFormat format, float z) {
    switch (format) {
        case DepthFormat::kUnorm16:
            return to_unorm(z, 0xffff);
        case DepthFormat::kUnorm24:
            return to_unorm(z, kMax24);
        default:
            return as_word(z);
    }
}

float decode_depth(DepthFormat format, uint32_t bits) {
    switch (format) {
        case DepthFormat::kUnorm16:
            return static_cast<float>(static_cast<double>(bits & 0xffff) / 0xffff);
        case DepthFormat::kUnorm24:
            return static_cast<float>(static_cast<double>(bits & kMax24) / kMax24);
        default:
            return as_float(bits);
    }
}

uint8_t stencil_operation(unsigned operation, uint8_t old, uint8_t reference, uint8_t operand) {
    const int sum = old + operand, difference = old - operand;
    switch (operation) {
        case 1:
            return 0;
        case 2:
            return 0xff;
        case 3:
            return reference;
        case 4:
            return operand;
        case 5:
            return static_cast<uint8_t>(std::min(sum, 0xff));
        case 6:
            return static_cast<uint8_t>(std::max(difference, 0));
        case 7:
            return static_cast<uint8_t>(~old);
        case 8:
            return static_cast<uint8_t>(sum);
        case 9:
            return static_cast<uint8_t>(difference);
        case 10:
            return old & operand;
        case 11:
            return old | operand;
        case 12:
            return old ^ operand;
        case 13:
            return static_cast<uint8_t>(~(old & operand));
        case 14:
            return static_cast<uint8_t>(~(old | operand));
        case 15:
            return static_cast<uint8_t>(~(old ^ operand));
        default:
            return old;
    }
}

DepthStencil::DepthStencil(const RegisterReader& registers, AddressConfig addresses,
                           ShaderMemory& memory)
    : memory_(memory), htile_(registers, addresses, memory) {
    const uint32_t view = registers(kDepthView);
    slice_ = bits(view, 0, 11);
    last_slice_ = bits(view, 13, 11);
    level_ = bits(view, 26, 4);
    read_depth(registers, addresses);
    read_stencil(registers, addresses);
    sample_bits_ = bits(registers(kDepthInfo), 2, 2);
    set_htile_planes(registers);
    if (active()) check(registers);
}

void DepthStencil::read_depth(const RegisterReader& registers, AddressConfig addresses) {
    const uint32_t control = registers(kDepthControl), info = registers(kDepthInfo);
    depth_.format = static_cast<DepthFormat>(bits(info, 0, 2));
    if (depth_.format == DepthFormat::kNone) return;
    const uint8_t element_bits = depth_.format == DepthFormat::kUnorm16 ? 1 : 2;
    depth_.plane.surface = Surface::create(
        shape_of(registers, kDepthInfo, kDepthInfo2, kDepthRead, element_bits), addresses);
    depth_.plane.write_delta =
        base_address(registers, kDepthWrite) - base_address(registers, kDepthRead);
    depth_.test = bit_of(control, 1);
    depth_.write = depth_.test && bit_of(control, 2) && !bit_of(registers(kDepthView), 24);
    depth_.function = bits(control, 4, 3);
    depth_.bounds = bit_of(control, 3);
    depth_.bounds_min = as_float(registers(kBoundsMin));
    depth_.bounds_max = as_float(registers(kBoundsMax));
    if (bit_of(registers(kRenderControl), 0)) depth_.clear = as_float(registers(kDepthClear));
}

void DepthStencil::read_stencil(const RegisterReader& registers, AddressConfig addresses) {
    const uint32_t control = registers(kDepthControl), operations = registers(kStencilControl);
    if (!bit_of(registers(kStencilInfo), 0)) return;
    stencil_.plane.surface = Surface::create(
        shape_of(registers, kStencilInfo, kStencilInfo2, kStencilRead, 0), addresses);
    stencil_.plane.write_delta =
        base_address(registers, kStencilWrite) - base_address(registers, kStencilRead);
    stencil_.plane.write_allowed = !bit_of(registers(kDepthView), 25);
    stencil_.test = bit_of(control, 0);
    if (bit_of(registers(kRenderControl), 1))
        stencil_.clear = static_cast<uint8_t>(registers(kStencilClear));
    const bool two_sided = bit_of(control, 7);
    for (unsigned back = 0; back < 2; back++) {
        const bool own = back && two_sided;
        const uint32_t masks = registers(own ? kStencilBack : kStencilFront);
        StencilFace& face = stencil_.face[back];
        face.function = bits(control, own ? 20 : 8, 3);
        face.on_fail = bits(operations, own ? 12 : 0, 4);
        face.on_pass = bits(operations, own ? 16 : 4, 4);
        face.on_depth_fail = bits(operations, own ? 20 : 8, 4);
        face.reference = static_cast<uint8_t>(masks);
        face.mask = static_cast<uint8_t>(masks >> 8);
        face.write_mask = static_cast<uint8_t>(masks >> 16);
        face.operand = static_cast<uint8_t>(masks >> 24);
    }
}

void DepthStencil::set_htile_planes(const RegisterReader& registers) {
    const uint32_t control = registers(kRenderControl);
    // STENCIL_COMPRESS_DISABLE, DEPTH_COMPRESS_DISABLE, DECOMPRESS_ENABLE
    decompresses_ = htile_.enabled() && (bits(control, 5, 2) || bit_of(control, 12));
    HtilePlane depth, stencil;
    if (depth_.plane.surface && (depth_.test || depth_.bounds || decompresses_))
        depth = {&*depth_.plane.surface,
                 encode_depth(depth_.format, as_float(registers(kDepthClear))), depth_bytes()};
    if (stencil_.plane.surface && (stencil_.test || decompresses_))
        stencil = {&*stencil_.plane.surface, registers(kStencilClear) & 0xff, 1};
    htile_.set_planes(depth, stencil);
    // A cleared block's values are stored before it is drawn to: they have to be where it is read.
    if (htile_.enabled() && (depth_.plane.write_delta || stencil_.plane.write_delta))
        problem_ = "DB_Z_WRITE_BASE: HTILE of a buffer that is read elsewhere is not simulated";
}

void DepthStencil::check(const RegisterReader& registers) {
    if (bits(registers(kRenderControl), 2, 2))
        problem_ = "DB_RENDER_CONTROL: copies of depth to colour are not simulated";
    if (depth_.test && !depth_.plane.surface) problem_ = "DB_Z_INFO: reserved swizzle mode";
    if (stencil_.test && !stencil_.plane.surface)
        problem_ = "DB_STENCIL_INFO: reserved swizzle mode";
}

bool DepthStencil::depth_passes(const DepthFragment& fragment, uint32_t& stored) {
    if (!depth_.test && !depth_.bounds) return true;
    uint32_t old = 0;
    if (!memory_.read(depth_.plane.address(fragment, slice_, level_), &old, depth_bytes()))
        return false;
    const float old_z = decode_depth(depth_.format, old);
    if (depth_.bounds && (old_z < depth_.bounds_min || old_z > depth_.bounds_max)) return false;
    if (!depth_.test) return true;
    if (depth_.format == DepthFormat::kFloat32)
        return passes(depth_.function, as_float(stored), old_z);
    return passes(depth_.function, stored,
                  depth_.format == DepthFormat::kUnorm24 ? old & kMax24 : old);
}

bool DepthStencil::stencil_passes(const StencilFace& face, const DepthFragment& fragment,
                                  uint8_t old) const {
    const uint8_t reference = fragment.stencil_reference.value_or(face.reference);
    return passes<int>(face.function, reference & face.mask, old & face.mask);
}

bool DepthStencil::update_stencil(const StencilFace& face, const DepthFragment& fragment,
                                  unsigned operation, uint8_t old) {
    const uint8_t reference = fragment.stencil_reference.value_or(face.reference);
    uint8_t value = stencil_operation(operation, old, reference, face.operand);
    if (stencil_.clear) value = *stencil_.clear;
    value = static_cast<uint8_t>((value & face.write_mask) | (old & ~face.write_mask));
    if (value == old || !stencil_.plane.write_allowed) return true;
    return memory_.write(
        stencil_.plane.address(fragment, slice_, level_) + stencil_.plane.write_delta, &value, 1);
}

bool DepthStencil::write_depth(const DepthFragment& fragment, uint32_t bits) {
    return memory_.write(depth_.plane.address(fragment, slice_, level_) + depth_.plane.write_delta,
                         &bits, depth_bytes());
}

bool DepthStencil::test(const DepthFragment& fragment) {
    if (!htile_.open(fragment.x, fragment.y, slice_ + fragment.layer, level_)) return false;
    uint32_t bits = encode_depth(depth_.format, depth_.clear.value_or(fragment.z));
    const StencilFace& face = stencil_.face[fragment.front ? 0 : 1];
    uint8_t old_stencil = 0;
    if (stencil_.test) {
        if (!memory_.read(stencil_.plane.address(fragment, slice_, level_), &old_stencil, 1))
            return false;
        if (!stencil_passes(face, fragment, old_stencil)) {
            update_stencil(face, fragment, face.on_fail, old_stencil);
            return false;
        }
    }
    const bool passed = depth_passes(fragment, bits) && !memory_.faulted();
    if (stencil_.test &&
        !update_stencil(face, fragment, passed ? face.on_pass : face.on_depth_fail, old_stencil))
        return false;
    if (!passed) return false;
    return !depth_.write || write_depth(fragment, bits);
}

}  // namespace simgpu::gfx9::draw
