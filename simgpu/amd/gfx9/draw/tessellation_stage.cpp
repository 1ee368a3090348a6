#include "simgpu/amd/gfx9/draw/tessellation_stage.h"

#include <algorithm>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/registers.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers).
constexpr uint32_t kLargestFactor = 0x28a18;  // VGT_HOS_MAX_TESS_LEVEL
constexpr uint32_t kPatchConfig = 0x28b58;    // VGT_LS_HS_CONFIG
constexpr uint32_t kFactorConfig = 0x28b6c;   // VGT_TF_PARAM
constexpr uint32_t kFactorRing = 0x30938;     // VGT_TF_RING_SIZE
constexpr uint32_t kOffChipConfig = 0x3093c;  // VGT_HS_OFFCHIP_PARAM
constexpr uint32_t kFactorRingVa = 0x30940;   // VGT_TF_MEMORY_BASE

// Registers of the merged shader: system SGPRs, and VGPRs of the two halves.
constexpr unsigned kOffChipSgpr = 2, kFactorSgpr = 4;
constexpr unsigned kPatchVgpr = 0, kPlaceVgpr = 1, kVertexVgpr = 2;

/// LDS_SIZE, in 512 bytes.
uint32_t hull_lds_bytes(const ShaderStage& shader) {
    return bits(shader.rsrc2, 16, 9) * 512;
}

}  // namespace

TessellationStage::TessellationStage(DrawTools& tools, bool provoking_last, ShadingSink& domain)
    : tools_(tools),
      provoking_last_(provoking_last),
      domain_(domain),
      shader_(ShaderStage::read(ShaderStage::Kind::kHull, tools.draw.registers)),
      group_(tools, shader_, hull_lds_bytes(shader_)) {
    const RegisterReader& registers = tools.draw.registers;
    tessellator_ =
        TessellatorState::read(registers(kFactorConfig), as_float(registers(kLargestFactor)));
    const uint32_t patch = registers(kPatchConfig), off_chip = registers(kOffChipConfig);
    most_patches_ = bits(patch, 0, 8);
    input_vertices_ = bits(patch, 8, 6);
    output_vertices_ = bits(patch, 14, 6);
    ring_va_ = base_address(registers, kFactorRingVa);
    ring_bytes_ = uint64_t{bits(registers(kFactorRing), 0, 16)} * 4;
    off_chip_buffers_ = bits(off_chip, 0, 9) + 1;
    off_chip_bytes_ = 32768u >> bits(off_chip, 9, 2);  // 8 Ki dwords, or half, ...
}

std::string TessellationStage::problem() const {
    if (most_patches_ == 0 || input_vertices_ == 0 || input_vertices_ > kLargestPatch ||
        output_vertices_ == 0 || output_vertices_ > kLargestPatch)
        return fmt::format("VGT_LS_HS_CONFIG: {} patches of {} vertices and {} control points",
                           most_patches_, input_vertices_, output_vertices_);
    const uint64_t group_bytes = uint64_t{most_patches_} * tessellator_.factors() * 4;
    if (ring_bytes_ < group_bytes)
        return fmt::format("VGT_TF_RING_SIZE: {} bytes are too small for a group's {}", ring_bytes_,
                           group_bytes);
    return tessellator_.problem();
}

bool TessellationStage::primitive(const InputPrimitive& patch) {
    for (unsigned i = 0; i < patch.count; i++) vertices_.push_back(*patch.vertex[i]);
    patches_.push_back(patch.id);
    return patches_.size() < most_patches_ || flush();
}

bool TessellationStage::flush() {
    if (patches_.empty()) return true;
    const bool go_on = shade() && pass_on();
    vertices_.clear();
    patches_.clear();
    return go_on;
}

bool TessellationStage::shade() {
    const auto vertices = static_cast<unsigned>(vertices_.size());
    const auto control_points = static_cast<unsigned>(patches_.size()) * output_vertices_;
    if (!group_.start(vertices, control_points))
        return end_with_problem(tools_, fmt::format("VGT_LS_HS_CONFIG: {} vertices and {} control "
                                                    "points are more than a group's 16 waves",
                                                    vertices, control_points));
    if (!place_in_rings()) return false;
    load_control_points();
    load_vertices();
    tools_.counters.vertex_invocations += vertices;
    tools_.counters.hull_invocations += patches_.size();
    return group_.run();
}

bool TessellationStage::place_in_rings() {
    const uint64_t bytes = uint64_t{patches_.size()} * tessellator_.factors() * 4;
    if (ring_next_ + bytes > ring_bytes_) ring_next_ = 0;
    placed_ = ring_next_;
    ring_next_ += bytes;
    off_chip_ = next_buffer_ * off_chip_bytes_;
    next_buffer_ = (next_buffer_ + 1) % off_chip_buffers_;
    for (Wave& wave : group_.waves()) {
        wave.s[kOffChipSgpr] = off_chip_;
        wave.s[kFactorSgpr] = static_cast<uint32_t>(placed_);
    }
    return true;
}

// The patch in the draw, and in the group, with the control point from bit 8 on.
void TessellationStage::load_control_points() {
    for (unsigned patch = 0; patch < patches_.size(); patch++)
        for (unsigned i = 0; i < output_vertices_; i++) {
            const unsigned thread = patch * output_vertices_ + i;
            group_.set(thread, kPatchVgpr, patches_[patch]);
            group_.set(thread, kPlaceVgpr, patch | i << 8);
        }
}

// The index, the thread, the instance divided by the step rate, the instance.
void TessellationStage::load_vertices() {
    const unsigned last = bits(shader_.rsrc1, 28, 2);  // LS_VGPR_COMP_CNT
    for (unsigned thread = 0; thread < vertices_.size(); thread++) {
        const auto& from = vertices_[thread].value;
        const uint32_t value[] = {from[0], thread, from[1], from[3]};
        // Some chips put them where control points' registers would be if there are none.
        const bool moved =
            tools_.draw.moves_vertex_registers && !group_.has_second(thread / kLanes);
        for (unsigned i = 0; i <= last; i++)
            group_.set(thread, (moved ? 0 : kVertexVgpr) + i, value[i]);
    }
}

bool TessellationStage::pass_on() {
    domain_.set_off_chip(off_chip_);
    for (unsigned patch = 0; patch < patches_.size(); patch++)
        if (!pass_on(patch)) return false;
    // The next group's attributes are in another buffer.
    return domain_.flush();
}

bool TessellationStage::read_factors(unsigned patch, std::array<float, kMostFactors>& factors) {
    const unsigned count = tessellator_.factors();
    uint32_t words[kMostFactors] = {};
    const uint64_t va = ring_va_ + placed_ + uint64_t{patch} * count * 4;
    if (!tools_.memory.read(va, words, uint64_t{count} * 4))
        return end_with_fault(tools_, "tessellation factor");
    for (unsigned i = 0; i < count; i++) factors[i] = as_float(words[i]);
    return true;
}

bool TessellationStage::pass_on(unsigned patch) {
    std::array<float, kMostFactors> factors{};
    if (!read_factors(patch, factors)) return false;
    const Tessellation made = tessellate(tessellator_, factors);
    std::vector<InputVertex> points(made.points.size());
    for (size_t i = 0; i < points.size(); i++)
        points[i] = {
            next_id_ + i,
            {as_word(made.points[i].u), as_word(made.points[i].v), patch, patches_[patch]}};
    next_id_ += points.size();
    const unsigned each = tessellator_.vertices_each();
    InputPrimitive primitive;
    primitive.kind = each == 1   ? Primitive::Kind::kPoint
                     : each == 2 ? Primitive::Kind::kLine
                                 : Primitive::Kind::kTriangle;
    primitive.count = static_cast<uint8_t>(each);
    primitive.provoking = static_cast<uint8_t>(provoking_last_ ? each - 1 : 0);
    primitive.id = patches_[patch];
    for (size_t i = 0; i + each <= made.indices.size(); i += each) {
        for (unsigned v = 0; v < each; v++) primitive.vertex[v] = &points[made.indices[i + v]];
        if (!domain_.primitive(primitive)) return false;
        if (!tools_.loop.poll_rarely(shader_.program_va, tools_.outcome)) return false;
    }
    return true;
}

}  // namespace simgpu::gfx9::draw
