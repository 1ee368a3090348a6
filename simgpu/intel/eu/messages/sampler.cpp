// The sampler's messages without filtering: loads of texels, and sizes.
#include <bit>
#include <optional>

#include "simgpu/intel/eu/memory/image.h"
#include "simgpu/intel/eu/messages/place.h"

namespace simgpu::intel::eu {

namespace {

/// The layout of a sampler message (Mesa's brw_eu.h, brw_sampler_desc): parameters and components
/// have a row of all channels each.
class SamplerCall {
  public:
    explicit SamplerCall(const MessageCall& call) : call_(call) {
        if (!take_layout()) return;
        const Surface* surface = indexed_surface(call);
        if (!surface) return;
        std::string problem;
        image_.emplace(*surface, &problem);
        if (problem.empty()) return;
        call.refuse(problem);
        image_.reset();
    }

    /// False if there is a fault, or the message has been refused.
    bool usable() const { return image_.has_value(); }
    const Image& image() const { return *image_; }
    ChannelMask channels() const { return call_.enabled & mask_of(channels_); }

    uint32_t parameter(unsigned index, unsigned channel) const {
        const size_t first = call_.header ? call_.grf : 0;
        return call_.dword(first + index * row() + 4 * channel);
    }
    /// The header's offset of coordinate 0 to 2, in texels.
    int32_t offset(unsigned axis) const {
        const auto digit = static_cast<int32_t>(offsets_ >> (8 - 4 * axis) & 15);
        return digit > 7 ? digit - 16 : digit;
    }
    void answer(unsigned channel, const Texel& texel) const {
        unsigned slot = 0;
        for (unsigned i = 0; i < 4; i++)
            if (!(masked_ >> i & 1)) call_.answer(slot++ * row() + 4 * channel, &texel[i], 4);
    }

  private:
    bool take_layout() {
        // "SIMD mode": 8 and 16 channels of 32 bits; twice that on Xe2.
        const uint32_t mode = call_.field(18, 17) | call_.field(29, 29) << 2;
        const bool xe2 = call_.surfaces().chip().generation >= Generation::kXe2;
        channels_ = (mode == 1 ? 8u : 16u) << xe2;
        const bool known = mode == 1 || mode == 2;
        if (!known) call_.refuse("a SIMD mode that is not simulated");
        if (call_.field(30, 30)) call_.refuse("16-bit results are not simulated");
        if (call_.header) {
            masked_ = call_.header_dword(2) >> 12 & 0xf;
            offsets_ = call_.header_dword(2) & 0xfff;
        }
        return known && !call_.field(30, 30);
    }
    size_t row() const { return (size_t{channels_} * 4 + call_.grf - 1) / call_.grf * call_.grf; }

    const MessageCall& call_;
    unsigned channels_ = 0;
    uint32_t masked_ = 0;  // components that are not answered
    uint32_t offsets_ = 0;
    std::optional<Image> image_;
};

/// "Shader Channel Select": 0, 1, or a component.
Texel swizzle(const Surface& surface, const Format& format, const Texel& from) {
    const uint32_t one = missing_texel(format)[3];
    Texel to{};
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t select = surface.swizzle[i];
        to[i] = select >= 4 ? from[select - 4u] : select == 1 ? one : 0;
    }
    return to;
}

Texel load_texel(const MessageCall& call, const Image& image, const std::array<uint32_t, 3>& at,
                 uint32_t level) {
    const auto va = image.address(at[0], at[1], at[2], level + image.first_level());
    if (image.is_null()) return {};
    const Format& format = image.format();
    // Outside of the surface everything is 0; formats without alpha still have it as 1.
    Texel texel{};
    if (!format.has(3)) texel[3] = missing_texel(format)[3];
    if (va) {
        std::array<std::byte, 16> pixel{};
        call.memory().read(*va, pixel.data(), format.bytes);
        texel = unpack(format, pixel.data());
    }
    return swizzle(image.surface(), format, texel);
}

/// `level_at`: index of the level's parameter; the coordinates are around it, in order.
void load(const MessageCall& call, std::optional<unsigned> level_at) {
    const SamplerCall sampler(call);
    if (!sampler.usable()) return;
    for_each_channel(sampler.channels(), [&](unsigned channel) {
        std::array<uint32_t, 3> at{};
        unsigned index = 0;
        for (unsigned axis = 0; axis < 3; axis++) {
            if (level_at && index == *level_at) index++;
            at[axis] =
                sampler.parameter(index++, channel) + static_cast<uint32_t>(sampler.offset(axis));
        }
        if (sampler.image().surface().type == SurfaceType::k1D) at = {at[0], 0, at[1]};
        const uint32_t level = level_at ? sampler.parameter(*level_at, channel) : 0;
        sampler.answer(channel, load_texel(call, sampler.image(), at, level));
    });
}

void ld(const MessageCall& call) {
    // Parameters: u, v, level, r; of buffers and 1D surfaces u, level.
    load(call, 2);
}

void ld_level_zero(const MessageCall& call) {
    load(call, std::nullopt);
}

/// Width, height, depth or layers, and number of levels.
void resinfo(const MessageCall& call) {
    const SamplerCall sampler(call);
    if (!sampler.usable()) return;
    for_each_channel(sampler.channels(), [&](unsigned channel) {
        const uint32_t level = sampler.parameter(0, channel);
        const Image& image = sampler.image();
        Texel answer{};
        if (!image.is_null()) {
            std::array<uint32_t, 3> size = image.size(level + image.first_level());
            if (image.surface().type == SurfaceType::k1D) size = {size[0], size[2], 0};
            if (image.surface().type == SurfaceType::kCube) size[2] /= 6;
            const bool exists = level < image.levels();
            for (unsigned i = 0; i < 3; i++) answer[i] = exists ? size[i] : 0;
            answer[3] = image.levels();
        }
        sampler.answer(channel, answer);
    });
}

// Types: Mesa's brw_eu_defines.h, GFX5_SAMPLER_MESSAGE_SAMPLE_LD and others.
constexpr MessageOp kSamplerOps[] = {
    {sfid::kSampler, 0x07, "sampler ld", ld},
    {sfid::kSampler, 0x0a, "sampler resinfo", resinfo},
    {sfid::kSampler, 0x1a, "sampler ld_lz", ld_level_zero},
};

}  // namespace

std::span<const MessageOp> sampler_messages() {
    return kSamplerOps;
}

}  // namespace simgpu::intel::eu
