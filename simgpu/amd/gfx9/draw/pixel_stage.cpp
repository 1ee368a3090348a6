#include "simgpu/amd/gfx9/draw/pixel_stage.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

constexpr uint32_t kShaderControl = 0x2880c, kDepthExportFormat = 0x28710;
constexpr uint32_t kAlphaToMask = 0x28b70;

// DB_SHADER_CONTROL.Z_ORDER.
constexpr uint32_t kEarlyThenLate = 1, kEarlyThenReZ = 3;

}  // namespace

PixelStage::Control PixelStage::read_control(const RegisterReader& registers) {
    const uint32_t word = registers(kShaderControl);
    Control control;
    control.exports_depth = bit_of(word, 0);
    control.exports_stencil = bits(word, 1, 2) != 0;
    control.exports_mask = bit_of(word, 8);
    control.kills = bit_of(word, 6) || control.exports_mask;
    const uint32_t order = bits(word, 4, 2);
    const bool allowed = order == kEarlyThenLate || order == kEarlyThenReZ;
    // A shader that may still drop pixels must not have changed the depth buffer for them.
    control.early = bit_of(word, 12) || (allowed && !control.kills && !control.exports_depth &&
                                         !control.exports_stencil);
    return control;
}

PixelStage::PixelStage(DrawTools& tools, int32_t pixel_centre)
    : tools_(tools),
      control_(read_control(tools.draw.registers)),
      shader_(ShaderStage::read(ShaderStage::Kind::kPixel, tools.draw.registers)),
      depth_format_(bits(tools.draw.registers(kDepthExportFormat), 0, 4)),
      program_(std::make_unique<Program>(tools.memory, shader_.vgprs())),
      inputs_(tools.draw.registers, pixel_centre),
      depth_(tools.draw.registers, tools.draw.addresses, tools.memory),
      colours_(tools.draw.registers, tools.draw.addresses, tools.memory) {}

std::string PixelStage::problem() const {
    if (!depth_.problem().empty()) return depth_.problem();
    if (!colours_.problem().empty()) return colours_.problem();
    if (bit_of(tools_.draw.registers(kAlphaToMask), 0))
        return "DB_ALPHA_TO_MASK: alpha to coverage is not simulated";
    return {};
}

PixelPosition PixelStage::position(const ScreenTriangle& triangle, const Quad& quad,
                                   unsigned i) const {
    const auto& corner = triangle.corner;
    const double b = quad.corner_weight[i][0], c = quad.corner_weight[i][1], a = 1 - b - c;
    const double share[3] = {a, b, c};
    PixelPosition pixel;
    pixel.x = quad.x + static_cast<int32_t>(i % 2);
    pixel.y = quad.y + static_cast<int32_t>(i / 2);
    pixel.covered = quad.covered >> i & 1;
    double inverse_w = 0, z = 0, perspective[2] = {}, linear[2] = {};
    for (unsigned k = 0; k < 3; k++) {
        inverse_w += share[k] * corner[k].inverse_w;
        z += share[k] * corner[k].z;
        for (unsigned w = 0; w < 2; w++) {
            linear[w] += share[k] * corner[k].weight[w];
            perspective[w] += share[k] * corner[k].inverse_w * corner[k].weight[w];
        }
    }
    for (unsigned w = 0; w < 2; w++) {
        pixel.linear[w] = static_cast<float>(linear[w]);
        pixel.perspective[w] = static_cast<float>(inverse_w != 0 ? perspective[w] / inverse_w : 0);
    }
    pixel.inverse_w = static_cast<float>(inverse_w);
    pixel.z = static_cast<float>(z + triangle.depth_offset);
    return pixel;
}

bool PixelStage::quad(const ScreenTriangle& triangle, const Quad& quad) {
    PendingQuad& pending = pending_[pending_count_];
    for (unsigned i = 0; i < 4; i++) pending.pixel[i] = position(triangle, quad, i);
    pending.covered = quad.covered;
    pending.front = triangle.front;
    pending.layer = triangle.layer;
    pending.z_min = triangle.z_min;
    pending.z_max = triangle.z_max;
    if (control_.early && !test_early(pending)) return false;
    if (!pending.covered) return true;
    pending.primitive = slot_of(triangle);
    pending_count_++;
    return pending_count_ < kQuadsPerWave || flush();
}

// A wave has at most as many primitives as quads, so there is always a slot left.
uint8_t PixelStage::slot_of(const ScreenTriangle& triangle) {
    if (attribute_count_ == 0 || latest_serial_ != triangle.serial) {
        inputs_.attributes(*triangle.primitive, triangle.is_point, attributes_[attribute_count_++]);
        latest_serial_ = triangle.serial;
    }
    return static_cast<uint8_t>(attribute_count_ - 1);
}

DepthFragment PixelStage::fragment(const PendingQuad& quad, unsigned i) const {
    DepthFragment f;
    f.x = static_cast<uint32_t>(quad.pixel[i].x);
    f.y = static_cast<uint32_t>(quad.pixel[i].y);
    f.layer = quad.layer;
    f.z = std::clamp(quad.pixel[i].z, quad.z_min, quad.z_max);
    f.front = quad.front;
    return f;
}

bool PixelStage::test_early(PendingQuad& quad) {
    for (unsigned i = 0; i < 4; i++) {
        if (!(quad.covered >> i & 1)) continue;
        if (depth_.active() && !depth_.test(fragment(quad, i)))
            quad.covered &= static_cast<uint8_t>(~(1u << i));
        else
            tools_.counters.samples_passed++;
    }
    return !memory_failed();
}

bool PixelStage::memory_failed() {
    const ShaderMemory& memory = tools_.memory;
    if (!memory.faulted()) return false;
    const bool write = memory.fault_access() == Access::kWrite;
    tools_.outcome = make_outcome(
        JobOutcome::Kind::kFault,
        fmt::format("pixel {} at {:#x} faulted", write ? "write" : "read", memory.fault_va()));
    tools_.outcome.fault_va = memory.fault_va();
    tools_.outcome.fault_access = memory.fault_access();
    return true;
}

bool PixelStage::flush() {
    const bool go_on = pending_count_ == 0 || shade();
    pending_count_ = attribute_count_ = 0;
    return go_on;
}

/// Readies the wave; its covered lanes.
uint64_t PixelStage::start_wave() {
    Wave& wave = tools_.wave;
    tools_.graphics.reset();
    const unsigned user = shader_.start(wave);
    // The primitive mask, which names where attributes start in LDS, then the scratch offset.
    wave.s[user] = 0;
    shader_.set_scratch(wave, user + 1);
    uint64_t covered = 0;
    for (unsigned q = 0; q < pending_count_; q++) {
        const PendingQuad& quad = pending_[q];
        tools_.graphics.quad_attributes[q] = &attributes_[quad.primitive];
        covered |= uint64_t{quad.covered} << (4 * q);
        for (unsigned i = 0; i < 4; i++)
            inputs_.load(wave, 4 * q + i, quad.pixel[i], quad.front, quad.layer);
    }
    wave.set_exec(covered);
    return covered;
}

bool PixelStage::shade() {
    const uint64_t covered = start_wave();
    tools_.counters.pixel_invocations += static_cast<uint64_t>(std::popcount(covered));
    if (!tools_.loop.run(tools_.wave, *program_, tools_.outcome)) return false;
    for (unsigned q = 0; q < pending_count_; q++)
        for (unsigned i = 0; i < 4; i++) {
            const unsigned lane = 4 * q + i;
            if (!((covered & tools_.graphics.valid) >> lane & 1)) continue;
            if (!finish_pixel(pending_[q], i, lane)) return false;
        }
    return true;
}

bool PixelStage::late_test(const PendingQuad& quad, unsigned i, unsigned lane) {
    DepthFragment f = fragment(quad, i);
    uint32_t exported[4];
    convert_export(depth_format_, tools_.graphics.depth, lane, exported);
    const bool there = tools_.graphics.depth.mask >> lane & 1;
    if (there && control_.exports_depth)
        f.z = std::clamp(as_float(exported[0]), quad.z_min, quad.z_max);
    if (there && control_.exports_stencil) f.stencil_reference = static_cast<uint8_t>(exported[1]);
    if (there && control_.exports_mask && !(exported[2] & 1)) return false;
    if (depth_.active() && !depth_.test(f)) return false;
    tools_.counters.samples_passed++;
    return true;
}

bool PixelStage::finish_pixel(const PendingQuad& quad, unsigned i, unsigned lane) {
    if (!control_.early && !late_test(quad, i, lane)) return !memory_failed();
    if (!colours_.any()) return true;
    const PixelPosition& pixel = quad.pixel[i];
    return colours_.write(tools_.graphics, lane, static_cast<uint32_t>(pixel.x),
                          static_cast<uint32_t>(pixel.y), quad.layer) ||
           !memory_failed();
}

}  // namespace simgpu::gfx9::draw
