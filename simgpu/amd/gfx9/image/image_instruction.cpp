#include "simgpu/amd/gfx9/image/image_instruction.h"

#include <algorithm>
#include <array>
#include <bit>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/image/sampling.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/memory/vmem.h"
#include "simgpu/amd/gfx9/wave/half.h"

namespace simgpu::gfx9 {

namespace {

using Kind = ImageOperation::Kind;
using Lod = ImageOperation::Lod;

constexpr unsigned kFirstAtomic = 0x10, kCompareSwap = 0x11;

/// The instruction's own fields (Vega ISA, "MIMG").
struct Fields {
    explicit Fields(const Instruction& in)
        : dmask(bits(in.words[0], 8, 4)),
          unnormalised(bit_of(in.words[0], 12)),
          returns(bit_of(in.words[0], 13)),
          array(bit_of(in.words[0], 14)),
          a16(bit_of(in.words[0], 15)),
          d16(bit_of(in.words[1], 31)),
          resource(bits(in.words[1], 16, 5) * 4),
          sampler(bits(in.words[1], 21, 5) * 4) {}

    uint32_t dmask;
    bool unnormalised, returns, array, a16, d16;
    uint32_t resource, sampler;
};

unsigned data_registers(const Fields& fields, Kind kind) {
    const unsigned components =
        kind == Kind::kGather ? 4 : static_cast<unsigned>(std::popcount(fields.dmask));
    return fields.d16 ? (components + 1) / 2 : components;
}

/// Descriptors are decoded once, not each time that an instruction runs.
const std::optional<Image>& decoded(const uint32_t (&words)[8], AddressConfig addresses) {
    struct Entry {
        bool used = false;
        std::array<uint32_t, 8> words{};
        AddressConfig addresses;
        std::optional<Image> image;
    };
    static thread_local std::array<Entry, 16> entries;
    static thread_local unsigned next = 0;
    const std::array<uint32_t, 8> key = std::to_array(words);
    for (const Entry& entry : entries)
        if (entry.used && entry.words == key && entry.addresses == addresses) return entry.image;
    Entry& entry = entries[next++ % entries.size()];
    entry = {true, key, addresses, Image::decode(words, addresses)};
    return entry.image;
}

/// Everything that one instruction's lanes share.
class ImageRun {
  public:
    ImageRun(Wave& wave, const Instruction& in)
        : wave_(wave), in_(in), fields_(in), operation_(ImageOperation::decode(in.opcode)) {}

    void run();

  private:
    unsigned count_coordinates() const;
    ImageAddress address(unsigned lane) const {
        return read_address(wave_, in_.vaddr, lane, operation_, image_->dimensions(), coordinates_,
                            fields_.a16);
    }
    bool inside(const ImageAddress& address) const;
    TexelAt place(const ImageAddress& address) const;
    bool load(unsigned lane);
    bool store(unsigned lane);
    bool atomic(unsigned lane);
    bool query_size(unsigned lane);
    bool sample(unsigned lane, const TextureUnit& unit, const Sampler& sampler);
    bool query_lod(unsigned lane, const TextureUnit& unit, const Sampler& sampler);
    bool run_lane(unsigned lane);
    bool run_sampled();
    LodChoice lod(unsigned lane, const ImageAddress& address, const TextureUnit& unit,
                  const Sampler& sampler);
    LodChoice implicit_lod(unsigned lane, const TextureUnit& unit) const;
    const LodChoice& quad_lod(unsigned lane, const TextureUnit& unit, const Sampler& sampler);
    bool border(const Sampler& sampler, Texel& colour) const;
    /// Puts the components of DMASK, or all four, into the lane's data registers.
    void give(unsigned lane, const Texel& texel, bool all = false);
    Texel take(unsigned lane) const;

    Wave& wave_;
    const Instruction& in_;
    Fields fields_;
    ImageOperation operation_;
    const Image* image_ = nullptr;
    unsigned coordinates_ = 0;  // of an address
    // Data registers are written once all lanes have read theirs: they may be the same.
    Row data_[4];
    uint64_t written_ = 0;
    // Of the quad whose lanes come now.
    unsigned quad_ = ~0u;
    LodChoice quad_lod_, quad_choice_;
};

unsigned ImageRun::count_coordinates() const {
    if (operation_.kind == Kind::kQuerySize) return 1;
    if (operation_.kind == Kind::kQueryLod && image_->type() != ImageType::kCube)
        return image_->dimensions();
    const bool slice = image_->is_array() && (fields_.array || image_->type() == ImageType::kCube);
    const bool sample = image_->is_multisampled();
    return image_->dimensions() + (slice ? 1 : 0) + (sample ? 1 : 0);
}

bool ImageRun::inside(const ImageAddress& address) const {
    const unsigned level = image_->first_level() + address.level;
    if (level > image_->last_level() && address.level) return false;
    const unsigned dimensions = image_->dimensions();
    if (address.integer[0] >= image_->width(level)) return false;
    if (dimensions >= 2 && address.integer[1] >= image_->height(level)) return false;
    if (dimensions == 3) return address.integer[2] < image_->depth(level);
    unsigned count = coordinates_;
    if (image_->is_multisampled() && address.integer[--count] >= image_->samples()) return false;
    return count == dimensions || address.integer[dimensions] < image_->depth(level);
}

/// The texel of a load, a store or an atomic.
TexelAt ImageRun::place(const ImageAddress& address) const {
    const unsigned dimensions = image_->dimensions();
    unsigned count = coordinates_;
    TexelAt at;
    if (image_->is_multisampled()) at.sample = address.integer[--count];
    at.x = address.integer[0];
    at.y = dimensions >= 2 ? address.integer[1] : 0;
    if (dimensions == 3)
        at.z = address.integer[2];
    else if (count > dimensions)
        at.z = address.integer[dimensions];
    at.level = image_->first_level() + address.level;
    return at;
}

bool ImageRun::load(unsigned lane) {
    const ImageAddress at = address(lane);
    Texel texel{};
    if (inside(at) && !image_->load(*wave_.memory, place(at), texel)) return false;
    give(lane, texel);
    return true;
}

bool ImageRun::store(unsigned lane) {
    const ImageAddress at = address(lane);
    if (!inside(at)) return true;
    return image_->store(*wave_.memory, place(at), take(lane));
}

// Opcodes 0x10 to 0x1c are in the order of the buffer atomics. DMASK 3 and 15 mean 64 bits or a
// value to compare with.
bool ImageRun::atomic(unsigned lane) {
    const ImageAddress at = address(lane);
    if (!inside(at)) return true;
    const unsigned index = in_.opcode - kFirstAtomic;
    if (image_->is_compressed()) return false;
    auto* word = wave_.memory->atomic_word<uint32_t>(image_->address(place(at)));
    if (!word) return false;
    const uint32_t data = wave_.v[in_.vdata].lane[lane];
    const uint32_t compare = in_.opcode == kCompareSwap ? wave_.v[in_.vdata + 1].lane[lane] : 0;
    const uint32_t old = atomic_update(
        word, [&](uint32_t value) { return kAtomics32[index](value, data, compare); });
    if (!fields_.returns) return true;
    data_[0].lane[lane] = old;
    written_ |= uint64_t{1} << lane;
    return true;
}

bool ImageRun::query_size(unsigned lane) {
    const uint32_t level = image_->first_level() + (wave_.v[in_.vaddr].lane[lane] & 15);
    const uint32_t levels = image_->last_level() - image_->first_level() + 1;
    const bool cube = image_->type() == ImageType::kCube;
    give(lane, {image_->width(level), image_->dimensions() > 1 ? image_->height(level) : 1,
                cube ? image_->depth(level) / 6 : image_->depth(level), levels});
    return true;
}

void ImageRun::give(unsigned lane, const Texel& texel, bool all) {
    written_ |= uint64_t{1} << lane;
    unsigned next = 0;
    for (unsigned c = 0; c < 4; c++) {
        if (!all && !(fields_.dmask >> c & 1)) continue;
        if (!fields_.d16) {
            data_[next++].lane[lane] = texel[c];
            continue;
        }
        const uint32_t value =
            image_->is_integer() ? texel[c] & 0xffff : float_to_half(as_float(texel[c]));
        uint32_t& pair = data_[next / 2].lane[lane];
        pair = next % 2 ? pair | value << 16 : value;
        next++;
    }
}

Texel ImageRun::take(unsigned lane) const {
    Texel texel{};
    unsigned next = 0;
    for (unsigned c = 0; c < 4; c++) {
        if (!(fields_.dmask >> c & 1)) continue;
        if (fields_.d16) {
            const uint32_t half =
                wave_.v[in_.vdata + next / 2].lane[lane] >> (16 * (next % 2)) & 0xffff;
            if (image_->is_signed_integer())
                texel[c] = static_cast<uint32_t>(int32_t{static_cast<int16_t>(half)});
            else if (image_->is_integer())
                texel[c] = half;
            else
                texel[c] = as_word(half_to_float(static_cast<uint16_t>(half)));
        } else {
            texel[c] = wave_.v[in_.vdata + next].lane[lane];
        }
        next++;
    }
    return texel;
}

bool ImageRun::border(const Sampler& sampler, Texel& colour) const {
    constexpr uint8_t kOpaqueBlack = 1, kOpaqueWhite = 2, kTable = 3;
    const uint32_t one = image_->is_integer() ? 1u : as_word(1.0f);
    const uint32_t rgb = sampler.border == kOpaqueWhite ? one : 0;
    colour = {rgb, rgb, rgb,
              sampler.border == kOpaqueBlack || sampler.border == kOpaqueWhite ? one : 0};
    if (sampler.border != kTable) return true;
    return wave_.memory->read(wave_.border_colours_va + uint64_t{sampler.border_index} * 16,
                              colour.data(), 16);
}

LodChoice ImageRun::implicit_lod(unsigned lane, const TextureUnit& unit) const {
    // All four lanes of the quad, covered or not.
    const unsigned corner = lane & ~3u;
    const ImageAddress here = address(corner), right = address(corner + 1),
                       below = address(corner + 2);
    const bool cube = image_->type() == ImageType::kCube;
    const auto difference = [&](ImageAddress other, float(&d)[3]) {
        const float face = here.coordinate[2];
        if (cube && other.coordinate[2] != face && !move_to_face(other.coordinate, face)) return;
        for (unsigned i = 0; i < image_->dimensions(); i++)
            d[i] = other.coordinate[i] - here.coordinate[i];
    };
    float dx[3] = {}, dy[3] = {};
    difference(right, dx);
    difference(below, dy);
    return unit.lod_of(dx, dy);
}

/// The four lanes of a quad have the same.
const LodChoice& ImageRun::quad_lod(unsigned lane, const TextureUnit& unit,
                                    const Sampler& sampler) {
    if (quad_ == lane / 4) return quad_lod_;
    quad_ = lane / 4;
    quad_lod_ = implicit_lod(lane, unit);
    quad_choice_ = unit.clamp(quad_lod_.unclamped + sampler.bias, 0);
    return quad_lod_;
}

LodChoice ImageRun::lod(unsigned lane, const ImageAddress& at, const TextureUnit& unit,
                        const Sampler& sampler) {
    const float least = operation_.clamps_lod ? at.lod : 0.0f;
    switch (operation_.lod) {
        case Lod::kZero:
            return unit.clamp(0, 0);
        case Lod::kExplicit:
            return unit.clamp(at.lod + sampler.bias, 0);
        case Lod::kDerivatives:
            return unit.clamp(unit.lod_of(at.gradient[0], at.gradient[1]).unclamped + sampler.bias,
                              least);
        case Lod::kImplicit:
            quad_lod(lane, unit, sampler);
            if (!operation_.clamps_lod) return quad_choice_;
            [[fallthrough]];
        default:
            return unit.clamp(quad_lod(lane, unit, sampler).unclamped + sampler.bias + at.bias,
                              least);
    }
}

bool ImageRun::sample(unsigned lane, const TextureUnit& unit, const Sampler& sampler) {
    const ImageAddress at = address(lane);
    const LodChoice level = lod(lane, at, unit, sampler);
    Texel texel{};
    if (operation_.kind == Kind::kGather) {
        const auto component =
            fields_.dmask ? static_cast<unsigned>(std::countr_zero(fields_.dmask)) : 0;
        if (!unit.gather(at, operation_, level, component, texel)) return false;
    } else if (!unit.sample(at, operation_, level, texel)) {
        return false;
    }
    give(lane, texel, operation_.kind == Kind::kGather);
    return true;
}

bool ImageRun::query_lod(unsigned lane, const TextureUnit& unit, const Sampler& sampler) {
    quad_lod(lane, unit, sampler);
    give(lane, {as_word(quad_choice_.clamped), as_word(quad_choice_.unclamped), 0, 0});
    return true;
}

bool ImageRun::run_sampled() {
    uint32_t words[4];
    for (unsigned i = 0; i < 4; i++) words[i] = wave_.s[fields_.sampler + i];
    Sampler sampler = Sampler::decode(words);
    sampler.unnormalised = sampler.unnormalised || fields_.unnormalised;
    Texel border_colour;
    if (!border(sampler, border_colour)) return false;
    const TextureUnit unit(*image_, sampler, *wave_.memory, border_colour);
    bool ok = true;
    for_each_lane(wave_.exec(), [&](unsigned lane) {
        if (!ok) return;
        ok = operation_.kind == Kind::kQueryLod ? query_lod(lane, unit, sampler)
                                                : sample(lane, unit, sampler);
    });
    return ok;
}

bool ImageRun::run_lane(unsigned lane) {
    switch (operation_.kind) {
        case Kind::kLoad:
            return load(lane);
        case Kind::kStore:
            return store(lane);
        case Kind::kAtomic:
            return atomic(lane);
        default:
            return query_size(lane);
    }
}

void ImageRun::run() {
    uint32_t words[8];
    for (unsigned i = 0; i < 8; i++) words[i] = wave_.s[fields_.resource + i];
    const std::optional<Image>& image = decoded(words, wave_.addresses);
    if (!image) return handle_unknown(wave_, in_);
    image_ = &*image;
    coordinates_ = count_coordinates();
    // Samples are not filtered.
    if (operation_.kind >= Kind::kSample && image_->is_multisampled())
        return handle_unknown(wave_, in_);
    bool ok = true;
    if (operation_.kind >= Kind::kSample)
        ok = run_sampled();
    else
        for_each_lane(wave_.exec(), [&](unsigned lane) { ok = ok && run_lane(lane); });
    if (!ok) {
        wave_.status = wave_.memory->faulted() ? Wave::Status::kFault : Wave::Status::kUnknown;
        return;
    }
    if (operation_.kind == Kind::kStore) return;
    const unsigned registers =
        operation_.kind == Kind::kAtomic ? 1 : data_registers(fields_, operation_.kind);
    for (unsigned i = 0; i < registers; i++) wave_.write_lanes(in_.dst + i, data_[i], written_);
}

}  // namespace

unsigned image_data_registers(const Instruction& in) {
    const ImageOperation operation = ImageOperation::decode(in.opcode);
    const Fields fields(in);
    const bool texture_fail = bits(in.words[0], 16, 2) != 0;  // TFE, LWE
    if (operation.kind == Kind::kUnknown || texture_fail) return 0;
    if (operation.kind != Kind::kAtomic)
        return std::max(data_registers(fields, operation.kind), 1u);
    // One component more than that is a 64-bit atomic.
    const unsigned components = in.opcode == kCompareSwap ? 2 : 1;
    return static_cast<unsigned>(std::popcount(fields.dmask)) == components ? components : 0;
}

void execute_image(Wave& wave, const Instruction& in) {
    ImageRun(wave, in).run();
}

}  // namespace simgpu::gfx9
