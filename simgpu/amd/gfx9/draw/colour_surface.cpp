#include "simgpu/amd/gfx9/draw/colour_surface.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/registers.h"
#include "simgpu/amd/gfx9/memory/dcc_key.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers). The registers of target n lie kColourStride * n further
// on.
constexpr uint32_t kPitch = 0x287a0, kColourBase = 0x28c60, kColourSize = 0x28c68,
                   kColourView = 0x28c6c;
constexpr uint32_t kAttributes = 0x28c74, kCmask = 0x28c7c, kFmask = 0x28c84;
constexpr uint32_t kClearWords = 0x28c8c, kDcc = 0x28c94;

constexpr uint32_t kResource3d = 2;  // RESOURCE_TYPE
constexpr uint32_t kBlock = 8;       // pixels in each direction that a CMASK nibble is about

// A CMASK nibble: bits 3:2 are 0 if the colour is cleared. Of surfaces with FMASK, bits 1:0 are 0
// if all samples show fragment 0, else how far FMASK is stored (radv_init_color_image_metadata()
// and si_texture_create_object() in Mesa).
constexpr unsigned kColourStored = 0xc, kFmaskStored = 0x3;

}  // namespace

ColourSurface::ColourSurface(const RegisterReader& registers, unsigned index,
                             const ColourFormat& format, AddressConfig addresses)
    : format_(format) {
    const auto at = [&](uint32_t first) { return registers(first + kColourStride * index); };
    const uint32_t info = at(kColourInfo), size = at(kColourSize), view = at(kColourView),
                   attributes = at(kAttributes);
    SurfaceShape shape;
    shape.base = base_address(registers, kColourBase + kColourStride * index);
    shape.mode = SwizzleMode(bits(attributes, 18, 5));
    shape.element_bits = static_cast<uint8_t>(std::bit_width(format.bytes()) - 1);
    shape.sample_bits = static_cast<uint8_t>(bits(attributes, 12, 3));
    shape.image_3d = bits(attributes, 28, 2) == kResource3d;
    shape.levels = static_cast<uint8_t>(bits(size, 28, 4) + 1);
    shape.width = bits(size, 14, 14) + 1;
    shape.height = bits(size, 0, 14) + 1;
    shape.depth = bits(attributes, 0, 11) + 1;
    shape.pitch = bits(registers(kPitch + 4 * index), 0, 16) + 1;
    sample_bits_ = shape.sample_bits;
    slice_ = bits(view, 0, 11);
    last_slice_ = bits(view, 13, 11);
    level_ = bits(view, 24, 4);
    alpha_on_msb_ = bits(info, 11, 2) <= 1;  // COMP_SWAP: STD, ALT
    for (unsigned i = 0; i < 2; i++) clear_words_[i] = at(kClearWords + 4 * i);
    if (!std::has_single_bit(format.bytes())) {
        fail(fmt::format("CB_COLOR{}_INFO: format {} is not simulated", index, bits(info, 2, 5)));
        return;
    }
    surface_ = Surface::create(shape, addresses);
    if (!surface_)
        fail(fmt::format("CB_COLOR{}_ATTRIB: swizzle mode {} with {} samples", index,
                         shape.mode.number(), 1u << sample_bits_));
    else if (bits(attributes, 15, 2) != std::min(sample_bits_, 3u))
        fail(fmt::format("CB_COLOR{}_ATTRIB: fewer fragments than samples are not simulated",
                         index));
    else
        read_metadata(registers, index, addresses);
}

void ColourSurface::read_metadata(const RegisterReader& registers, unsigned index,
                                  AddressConfig addresses) {
    const auto at = [&](uint32_t first) { return registers(first + kColourStride * index); };
    const uint32_t info = at(kColourInfo), attributes = at(kAttributes);
    const SurfaceShape& data = surface_->shape();
    MetaShape shape;
    shape.levels = data.levels;
    shape.width = data.width;
    shape.height = data.height;
    shape.depth = data.depth;
    MetaLayout& layout = shape.layout;
    layout.image_3d = data.image_3d;
    layout.mipmapped = data.levels > 1;
    layout.pipe_aligned = bit_of(attributes, 31);
    layout.backend_aligned = bit_of(attributes, 30);
    if (bit_of(info, 28)) {  // DCC_ENABLE
        layout.kind = MetaKind::kDcc;
        layout.mode = data.mode;
        layout.element_bits = data.element_bits;
        layout.sample_bits = data.sample_bits;
        shape.base = base_address(registers, kDcc + kColourStride * index);
        dcc_ = MetaSurface::create(shape, addresses);
        // In Z order, 256 bytes hold samples of fewer pixels, and texture units take an image for
        // depth.
        const bool z_order = data.mode.order() == SwizzleMode::Order::kZ && !data.image_3d;
        if (!dcc_ || z_order) fail(fmt::format("CB_COLOR{}_INFO: DCC in Z order", index));
        const BlockSize block = layout.compressed_block();
        block_width_bits_ = std::min<unsigned>(std::countr_zero(block.width), block_width_bits_);
        block_height_bits_ = std::min<unsigned>(std::countr_zero(block.height), block_height_bits_);
    }
    const bool compressed = bit_of(info, 14) && sample_bits_;  // COMPRESSION
    if (!compressed && !bit_of(info, 13)) return;              // FAST_CLEAR
    const SwizzleMode fmask_mode(bits(attributes, 23, 5));
    const auto fmask_element_bits = static_cast<uint8_t>(sample_bits_ == 3 ? 2 : 0);
    layout.kind = MetaKind::kCmask;
    layout.mode = fmask_mode;
    layout.element_bits = fmask_element_bits;
    layout.sample_bits = 0;
    shape.base = base_address(registers, kCmask + kColourStride * index);
    cmask_ = MetaSurface::create(shape, addresses);
    if (!cmask_) fail(fmt::format("CB_COLOR{}_ATTRIB: CMASK of FMASK_SW_MODE", index));
    if (!compressed) return;
    SurfaceShape fmask = data;
    fmask.base = base_address(registers, kFmask + kColourStride * index);
    fmask.mode = fmask_mode;
    fmask.element_bits = fmask_element_bits;
    fmask.sample_bits = 0;
    fmask.pitch = align_up(data.width, block_size(fmask_mode, fmask_element_bits, false).width);
    fmask_ = Surface::create(fmask, addresses);
}

bool ColourSurface::fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
}

ColourSurface::Element ColourSurface::clear_colour() const {
    Element element{};
    if (format_.bytes() < kMaxPixelBytes) {
        std::memcpy(element.data(), clear_words_, 8);
        return element;
    }
    // Red, green and blue are the same.
    for (unsigned i = 0; i < 4; i++) std::memcpy(&element[4 * i], &clear_words_[i == 3], 4);
    return element;
}

/// FMASK of a pixel whose samples all have a fragment of their own.
uint32_t ColourSurface::own_fragments() const {
    constexpr uint32_t kOwn[] = {0, 0x02, 0xe4, 0x76543210};
    return kOwn[sample_bits_];
}

bool ColourSurface::open_dcc(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer,
                             unsigned sample) {
    if (!dcc_) return true;
    const uint64_t va = dcc_->find(x, y, slice_ + layer, level_, sample).va;
    if (va == latest_dcc_[sample]) return true;
    uint8_t key = 0;
    if (!memory.read(va, &key, 1)) return false;
    const DccState state = dcc_state(key);
    if (state != DccState::kStored) {
        const uint64_t block = address(x, y, layer, sample) & ~uint64_t{kDccBlockBytes - 1};
        const unsigned bytes = format_.bytes();
        Element element = clear_colour();
        if (state == DccState::kConstant)
            dcc_constant(key, format_.texel(), alpha_on_msb_, element.data());
        else if (state == DccState::kUnknown)
            return fail(fmt::format("DCC key {:#x} at {:#x}: compressed colour", key, va));
        else if (state == DccState::kSingle && !memory.read(block, element.data(), bytes))
            return false;
        std::array<uint8_t, kDccBlockBytes> filled;
        for (unsigned i = 0; i < kDccBlockBytes; i += bytes)
            std::memcpy(&filled[i], element.data(), bytes);
        if (!memory.write(block, filled.data(), filled.size()) || !memory.write(va, &kDccStored, 1))
            return false;
    }
    latest_dcc_[sample] = va;
    return true;
}

/// Stores colour and, if `fmask`, FMASK of the 8x8 pixels around.
bool ColourSurface::open_cmask(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer,
                               bool fmask) {
    if (!cmask_) return true;
    const MetaSurface::Place place = cmask_->find(x, y, slice_ + layer, level_, 0);
    if (place == latest_cmask_) return true;
    uint8_t byte = 0;
    if (!memory.read(place.va, &byte, 1)) return false;
    const unsigned nibble = byte >> place.shift & 0xf;
    // Levels of FMASK below what the samples need are compressed; all ones are the driver's.
    const unsigned level = nibble & kFmaskStored;
    if ((nibble & kColourStored) != kColourStored && nibble != 0)
        return fail(fmt::format("CMASK {:#x} at {:#x} is not simulated", nibble, place.va));
    if (fmask_ && level && level < sample_bits_)
        return fail(fmt::format("CMASK {:#x} at {:#x}: compressed FMASK", nibble, place.va));
    const bool store_colour = nibble == 0, store_fmask = fmask_ && fmask && level == 0;
    unsigned stored = nibble | kColourStored;
    if (!fmask_) stored |= kFmaskStored;
    if (store_fmask) stored |= sample_bits_;
    if (stored != nibble) {
        if (!store_block(memory, x, y, layer, store_colour, store_fmask)) return false;
        byte = static_cast<uint8_t>((byte & ~(0xf << place.shift)) | stored << place.shift);
        if (!memory.write(place.va, &byte, 1)) return false;
    }
    if (fmask || !fmask_) latest_cmask_ = place;
    return true;
}

bool ColourSurface::store_block(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer,
                                bool colour, bool fmask) {
    const Element element = clear_colour();
    const uint32_t none = 0;
    const uint32_t left = x & ~(kBlock - 1), top = y & ~(kBlock - 1);
    const uint32_t right = std::min(left + kBlock, surface_->width(level_));
    const uint32_t bottom = std::min(top + kBlock, surface_->height(level_));
    // With FMASK only fragment 0 has a meaning yet.
    const unsigned fragments = fmask_ ? 1 : samples();
    for (uint32_t at_y = top; at_y < bottom; at_y++)
        for (uint32_t at_x = left; at_x < right; at_x++) {
            for (unsigned s = 0; colour && s < fragments; s++)
                if (!open_dcc(memory, at_x, at_y, layer, s) ||
                    !memory.write(address(at_x, at_y, layer, s), element.data(), format_.bytes()))
                    return false;
            if (fmask && !memory.write(fmask_->address(at_x, at_y, slice_ + layer, level_), &none,
                                       1u << fmask_->shape().element_bits))
                return false;
        }
    return true;
}

/// Gives each sample of the pixel a fragment of its own.
bool ColourSurface::open_fragments(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer) {
    const uint64_t va = fmask_->address(x, y, slice_ + layer, level_);
    const uint64_t bytes = uint64_t{1} << fmask_->shape().element_bits;
    uint32_t stored = 0;
    const uint32_t own = own_fragments();
    if (!memory.read(va, &stored, bytes)) return false;
    if (stored == own) return true;
    std::array<Element, 8> fragments{};
    for (unsigned s = 0; s < samples(); s++)
        if (!memory.read(address(x, y, layer, s), fragments[s].data(), format_.bytes()))
            return false;
    const unsigned bits_each = sample_bits_ == 3 ? 4 : sample_bits_;
    for (unsigned s = 0; s < samples(); s++) {
        const uint32_t fragment = bits(stored, s * bits_each, bits_each);
        if (fragment >= samples())
            return fail(fmt::format("FMASK {:#x} at {:#x}: no such fragment", stored, va));
        if (!memory.write(address(x, y, layer, s), fragments[fragment].data(), format_.bytes()))
            return false;
    }
    return memory.write(va, &own, bytes);
}

bool ColourSurface::open(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer) {
    if (!problem_.empty()) return false;
    if (!dcc_ && !cmask_) return true;
    const std::array<uint32_t, 3> block{x >> block_width_bits_, y >> block_height_bits_, layer};
    if (block == latest_block_) return true;
    if (!open_cmask(memory, x, y, layer, true)) return false;
    for (unsigned s = 0; dcc_ && s < samples(); s++)
        if (!open_dcc(memory, x, y, layer, s)) return false;
    if (fmask_) return open_fragments(memory, x, y, layer);
    latest_block_ = block;
    return true;
}

bool ColourSurface::expand(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer,
                           bool fmask) {
    if (!problem_.empty()) return false;
    if (!open_cmask(memory, x, y, layer, fmask)) return false;
    for (unsigned s = 0; dcc_ && s < samples(); s++)
        if (!open_dcc(memory, x, y, layer, s)) return false;
    return true;
}

}  // namespace simgpu::gfx9::draw
