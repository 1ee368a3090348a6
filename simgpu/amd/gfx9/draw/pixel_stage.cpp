#include "simgpu/amd/gfx9/draw/pixel_stage.h"

#include <algorithm>
#include <bit>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

constexpr uint32_t kShaderControl = 0x2880c, kDepthExportFormat = 0x28710;
constexpr uint32_t kAlphaToMask = 0x28b70;
constexpr uint32_t kCountControl = 0x28004;  // DB_COUNT_CONTROL

// DB_SHADER_CONTROL.Z_ORDER.
constexpr uint32_t kEarlyThenLate = 1, kEarlyThenReZ = 3;

/// Values of a triangle at one place of the screen.
struct AtPlace {
    Barycentrics barycentrics;
    float inverse_w = 1, z = 0;
};

AtPlace interpolate(const ScreenTriangle& triangle, double b, double c,
                    const PixelInputs::Wanted& wanted) {
    const double share[3] = {1 - b - c, b, c};
    double inverse_w = 0, z = 0, perspective[2] = {}, linear[2] = {};
    for (unsigned k = 0; k < 3; k++) {
        const Corner& corner = triangle.corner[k];
        inverse_w += share[k] * corner.inverse_w;
        if (wanted.z) z += share[k] * corner.z;
        for (unsigned w = 0; w < 2; w++) {
            if (wanted.linear) linear[w] += share[k] * corner.weight[w];
            if (wanted.perspective)
                perspective[w] += share[k] * corner.inverse_w * corner.weight[w];
        }
    }
    AtPlace at;
    for (unsigned w = 0; w < 2; w++) {
        at.barycentrics.linear[w] = static_cast<float>(linear[w]);
        if (wanted.perspective && inverse_w != 0)
            at.barycentrics.perspective[w] = static_cast<float>(perspective[w] / inverse_w);
    }
    at.inverse_w = static_cast<float>(inverse_w);
    at.z = static_cast<float>(z + triangle.depth_offset);
    return at;
}

AtPlace interpolate(const ScreenTriangle& triangle, const Quad& quad, unsigned i,
                    SamplePattern::Place place, const PixelInputs::Wanted& wanted) {
    double weight[2];
    for (unsigned w = 0; w < 2; w++)
        weight[w] = quad.corner_weight[i][w] + quad.weight_right[w] * place.x +
                    quad.weight_down[w] * place.y;
    return interpolate(triangle, weight[0], weight[1], wanted);
}

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

PixelStage::AlphaToMask PixelStage::read_alpha_to_mask(const RegisterReader& registers) {
    const uint32_t word = registers(kAlphaToMask);
    AlphaToMask mask;
    // ALPHA_TO_MASK_DISABLE of DB_SHADER_CONTROL
    mask.enabled = bit_of(word, 0) && !bit_of(registers(kShaderControl), 11);
    for (unsigned i = 0; i < 4; i++)
        mask.offset[i] = static_cast<uint8_t>(bits(word, 8 + 2 * i, 2));
    return mask;
}

PixelStage::PixelStage(DrawTools& tools, const RasterState& raster)
    : tools_(tools),
      control_(read_control(tools.draw.registers)),
      counts_samples_(bits(tools.draw.registers(kCountControl), 8, 4) != 0),  // ZPASS_ENABLE
      samples_(raster.samples),
      alpha_to_mask_(read_alpha_to_mask(tools.draw.registers)),
      shader_(ShaderStage::read(ShaderStage::Kind::kPixel, tools.draw.registers)),
      depth_format_(bits(tools.draw.registers(kDepthExportFormat), 0, 4)),
      program_(std::make_unique<Program>(tools.memory, shader_.vgprs())),
      inputs_(tools.draw.registers, raster.pixel_centre),
      wanted_(inputs_.wanted()),
      depth_(tools.draw.registers, tools.draw.addresses, tools.memory),
      colours_(tools.draw.registers, tools.draw.addresses, tools.memory),
      last_layer_(std::min(depth_.active() ? depth_.last_layer() : ~0u, colours_.last_layer())) {
    if (alpha_to_mask_.enabled) control_.early = false;
}

std::string PixelStage::problem() const {
    if (!depth_.problem().empty()) return depth_.problem();
    if (!colours_.problem().empty()) return colours_.problem();
    if (depth_.active() && depth_.sample_bits() != samples_.sample_bits)
        return "DB_Z_INFO: other numbers of samples than PA_SC_AA_CONFIG's are not simulated";
    if (colours_.any() && colours_.draws() && colours_.sample_bits() != samples_.sample_bits)
        return "CB_COLOR_ATTRIB: other numbers of samples than PA_SC_AA_CONFIG's are not simulated";
    if (bit_of(tools_.draw.registers(kShaderControl), 7))
        return "DB_SHADER_CONTROL: COVERAGE_TO_MASK_ENABLE is not simulated";
    return {};
}

PixelPosition PixelStage::position(const ScreenTriangle& triangle, const Quad& quad, unsigned i,
                                   unsigned iteration) const {
    PixelPosition pixel;
    pixel.x = quad.x + static_cast<int32_t>(i % 2);
    pixel.y = quad.y + static_cast<int32_t>(i / 2);
    pixel.coverage = quad.samples[i];
    pixel.iteration = static_cast<uint8_t>(iteration);
    const AtPlace centre = interpolate(triangle, quad, i, {}, wanted_);
    AtPlace seen = centre;
    SamplePattern::Place place;
    pixel.centre = pixel.centroid = pixel.sample = centre.barycentrics;
    pixel.inverse_w = centre.inverse_w;
    if (samples_.sample_bits) {
        const SamplePattern::Place sample_place = samples_.place[i][iteration];
        const AtPlace sample = interpolate(triangle, quad, i, sample_place, wanted_);
        pixel.sample = sample.barycentrics;
        if (inputs_.position_at() == PositionAt::kSample) seen = sample, place = sample_place;
        if (const int chosen = samples_.centroid(quad.samples[i]); chosen >= 0) {
            const auto centroid_place = samples_.place[i][static_cast<unsigned>(chosen)];
            const AtPlace centroid = interpolate(triangle, quad, i, centroid_place, wanted_);
            pixel.centroid = centroid.barycentrics;
            if (inputs_.position_at() == PositionAt::kCentroid)
                seen = centroid, place = centroid_place;
        }
    }
    const float centre_offset = inputs_.position_is_corner() ? 0.0f : 0.5f;
    pixel.float_x = static_cast<float>(pixel.x) + centre_offset + static_cast<float>(place.x) / 256;
    pixel.float_y = static_cast<float>(pixel.y) + centre_offset + static_cast<float>(place.y) / 256;
    pixel.z = seen.z;
    pixel.w = seen.inverse_w;
    return pixel;
}

void PixelStage::set_depth(PendingQuad& pending, const ScreenTriangle& triangle,
                           const Quad& quad) const {
    const auto& corner = triangle.corner;
    const double along_b = double{corner[1].z} - double{corner[0].z};
    const double along_c = double{corner[2].z} - double{corner[0].z};
    for (unsigned i = 0; i < 4; i++)
        pending.depth[i] = double{corner[0].z} + along_b * quad.corner_weight[i][0] +
                           along_c * quad.corner_weight[i][1] + double{triangle.depth_offset};
    pending.depth_right = along_b * quad.weight_right[0] + along_c * quad.weight_right[1];
    pending.depth_down = along_b * quad.weight_down[0] + along_c * quad.weight_down[1];
}

bool PixelStage::quad(const ScreenTriangle& triangle, const Quad& quad) {
    for (unsigned iteration = 0; iteration < samples_.iterations; iteration++)
        if (!add(triangle, quad, iteration)) return false;
    return true;
}

bool PixelStage::add(const ScreenTriangle& triangle, const Quad& quad, unsigned iteration) {
    PendingQuad& pending = pending_[pending_count_];
    pending.covered = 0;
    for (unsigned i = 0; i < 4; i++) {
        pending.samples[i] = quad.samples[i] & samples_.of_iteration(iteration);
        if (pending.samples[i]) pending.covered |= static_cast<uint8_t>(1u << i);
    }
    if (!pending.covered) return true;
    pending.x = static_cast<uint32_t>(quad.x);
    pending.y = static_cast<uint32_t>(quad.y);
    set_depth(pending, triangle, quad);
    pending.front = triangle.front;
    // As in Direct3D: a layer that is not there counts as the first one.
    pending.layer = triangle.layer > last_layer_ ? 0 : triangle.layer;
    pending.z_min = triangle.z_min;
    pending.z_max = triangle.z_max;
    if (control_.early && !test_early(pending)) return false;
    if (!pending.covered) return true;
    PixelQuad& inputs = pixels_[pending_count_];
    for (unsigned i = 0; i < 4; i++) inputs.pixel[i] = position(triangle, quad, i, iteration);
    inputs.front = triangle.front;
    inputs.layer = triangle.layer;
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

DepthFragment PixelStage::fragment(const PendingQuad& quad, unsigned i, unsigned sample) const {
    DepthFragment f;
    f.x = quad.x + i % 2;
    f.y = quad.y + i / 2;
    f.layer = quad.layer;
    f.sample = static_cast<uint8_t>(sample);
    const auto [right, down] = samples_.place[i][sample];
    const double z = quad.depth[i] + quad.depth_right * right + quad.depth_down * down;
    f.z = std::clamp(static_cast<float>(z), quad.z_min, quad.z_max);
    f.front = quad.front;
    return f;
}

bool PixelStage::test_early(PendingQuad& quad) {
    for (unsigned i = 0; i < 4; i++) {
        for (unsigned s = 0; s < samples_.count(); s++) {
            const auto bit = static_cast<uint8_t>(1u << s);
            if (!(quad.samples[i] & bit)) continue;
            if (depth_.active() && !depth_.test(fragment(quad, i, s)))
                quad.samples[i] &= static_cast<uint8_t>(~bit);
            else
                count_sample();
        }
        if (!quad.samples[i]) quad.covered &= static_cast<uint8_t>(~(1u << i));
    }
    return !failed();
}

/// Whether the job has ended, for a fault or for metadata that is not simulated.
bool PixelStage::failed() {
    for (const std::string* problem : {&depth_.problem(), &colours_.problem()})
        if (!problem->empty()) return !end_with_problem(tools_, *problem);
    return tools_.memory.faulted() && !end_with_fault(tools_, "pixel");
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
    }
    inputs_.load(wave, std::span(pixels_).first(pending_count_));
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

// How alpha becomes a mask is not published. Here a sample is covered if alpha, times the number of
// samples, is above its number plus its pixel's offset: 0 covers none, 1 all.
uint8_t PixelStage::alpha_mask(unsigned i, unsigned lane) const {
    const float alpha = colours_.alpha(tools_.graphics, lane);
    unsigned mask = 0;
    for (unsigned s = 0; s < samples_.count(); s++) {
        const float threshold =
            static_cast<float>(s) + static_cast<float>(alpha_to_mask_.offset[i]) / 4;
        if (alpha * static_cast<float>(samples_.count()) > threshold) mask |= 1u << s;
    }
    return static_cast<uint8_t>(mask);
}

/// Tests that come after the shader; the samples that pass.
uint8_t PixelStage::late_test(const PendingQuad& quad, unsigned i, unsigned lane) {
    uint32_t exported[4];
    convert_export(depth_format_, tools_.graphics.depth, lane, exported);
    const bool there = tools_.graphics.depth.mask >> lane & 1;
    unsigned samples = quad.samples[i];
    if (there && control_.exports_mask) samples &= exported[2];
    if (alpha_to_mask_.enabled) samples &= alpha_mask(i, lane);
    unsigned passed = 0;
    for (unsigned s = 0; s < samples_.count(); s++) {
        if (!(samples >> s & 1)) continue;
        DepthFragment f = fragment(quad, i, s);
        if (there && control_.exports_depth)
            f.z = std::clamp(as_float(exported[0]), quad.z_min, quad.z_max);
        if (there && control_.exports_stencil)
            f.stencil_reference = static_cast<uint8_t>(exported[1]);
        if (depth_.active() && !depth_.test(f)) continue;
        count_sample();
        passed |= 1u << s;
    }
    return static_cast<uint8_t>(passed);
}

bool PixelStage::finish_pixel(const PendingQuad& quad, unsigned i, unsigned lane) {
    uint8_t samples = quad.samples[i];
    if (!control_.early) {
        samples = late_test(quad, i, lane);
        if (!samples) return !failed();
    }
    if (!colours_.any()) return true;
    const ColourTargets::Pixel pixel{quad.x + i % 2, quad.y + i / 2, quad.layer};
    return colours_.write(tools_.graphics, lane, pixel, samples) || !failed();
}

}  // namespace simgpu::gfx9::draw
