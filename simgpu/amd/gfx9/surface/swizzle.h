// GFX9's swizzle modes: where the elements of a tiled block lie.
#pragma once

#include <array>
#include <cstdint>

namespace simgpu::gfx9 {

inline constexpr unsigned kInterleaveBits = 8;  // PIPE_INTERLEAVE_SIZE: 256 bytes

/// The fields of GB_ADDR_CONFIG that addresses depend on. Pipes interleave every 256 bytes.
struct AddressConfig {
    uint8_t pipe_bits = 0;  // log2 of pipes times shader engines
    uint8_t bank_bits = 0;  // log2 of banks
    // Of metadata, also log2 of shader engines, render backends per engine and the fragments of
    // a pixel that DCC compresses.
    uint8_t engine_bits = 0, backend_bits = 0, fragment_bits = 0;
    /// Later chips than Vega 10 and Raven interleave metadata of backends another way. No register
    /// shows it.
    bool alias_fix = false;

    static AddressConfig from_register(uint32_t gb_addr_config);
    bool operator==(const AddressConfig&) const = default;
};

/// SW_MODE of colour, depth and image descriptors.
class SwizzleMode {
  public:
    constexpr explicit SwizzleMode(uint32_t number) : number_(number) {}

    uint32_t number() const { return number_; }
    bool linear() const { return number_ == 0; }
    /// False for the reserved numbers, among them those with blocks of variable size.
    bool exists() const;
    /// log2 of a block's bytes: 8, 12 or 16.
    unsigned block_bits() const;
    enum class Order : uint8_t { kZ, kStandard, kDisplay, kRotated };
    Order order() const { return static_cast<Order>(number_ & 3); }
    /// Pipe and bank bits are XORed with higher coordinate bits.
    bool is_xor() const { return number_ >= 16 && number_ < 28; }
    /// Partially resident textures: no coordinate above the block takes part.
    bool is_prt() const { return number_ >= 16 && number_ < 20; }
    /// Blocks of a 3D image have depth in the Z and standard orders.
    bool thick(bool image_3d) const {
        return image_3d && !linear() && (order() == Order::kZ || order() == Order::kStandard);
    }

  private:
    uint32_t number_;
};

/// Size of a block in elements.
struct BlockSize {
    uint32_t width = 1, height = 1, depth = 1;
};
enum class Major : uint8_t { kX, kY, kZ };  // the longest direction
BlockSize block_size(SwizzleMode mode, unsigned element_bits, bool image_3d,
                     unsigned sample_bits = 0);

/// The byte offset in a block as a sum, bit by bit without carry, of what each set bit of a
/// coordinate contributes. Everything the hardware does to an address inside of a block (bit
/// interleaving, folding of pipes and banks, the slice's rotation) has this form.
class SwizzleEquation {
  public:
    /// `element_bits` is log2 of an element's bytes, 0 to 4. The mode exists and is not linear.
    /// `sample_bits` is log2 of the samples of a pixel, 0 to 3; 3D images have one.
    SwizzleEquation(SwizzleMode mode, unsigned element_bits, bool image_3d, AddressConfig config,
                    unsigned sample_bits = 0);

    uint32_t offset(uint32_t x, uint32_t y, uint32_t z, uint32_t sample = 0) const {
        return sum(axes_[0], x) ^ sum(axes_[1], y) ^ sum(axes_[2], z) ^ sum(axes_[3], sample);
    }

  private:
    static constexpr unsigned kCoordinateBits = 16;
    using Axis = std::array<uint32_t, kCoordinateBits>;

    static uint32_t sum(const Axis& axis, uint32_t coordinate) {
        uint32_t total = 0;
        for (uint32_t left = coordinate & 0xffff; left; left &= left - 1)
            total ^= axis[static_cast<unsigned>(__builtin_ctz(left))];
        return total;
    }

    Axis axes_[4] = {};  // x, y, z, sample
};

}  // namespace simgpu::gfx9
