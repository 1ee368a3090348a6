#include "simgpu/amd/gfx9/surface/meta_equation.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "simgpu/amd/gfx9/surface/bit_sequence.h"

// The hardware's equations, as Mesa's addrlib derives them (GenMetaEquation() of its GFX9 part):
// the coordinates of compressed blocks interleave; those bits that choose the pipe and the render
// backend are taken out, and put in again above the pipe interleave in the form that the data has.
namespace simgpu::gfx9 {

namespace {

constexpr unsigned kMostPipeBits = 5;

constexpr BlockSize kThinDcc[] = {{16, 16, 1}, {16, 8, 1}, {8, 8, 1}, {8, 4, 1}, {4, 4, 1}};
constexpr BlockSize kThickDcc[] = {{16, 4, 4}, {8, 4, 4}, {4, 4, 4}, {2, 4, 4}, {1, 4, 4}};
constexpr BlockSize kThickZDcc[] = {{8, 4, 8}, {4, 4, 8}, {4, 4, 4}, {4, 2, 4}, {2, 2, 4}};

/// Coordinate bits that are added without carry. Numbered so that the lowest one set is what
/// addrlib calls the smallest: samples first, then by bit, then x before y before z.
class Term {
  public:
    Term() = default;
    explicit Term(CoordinateBit coordinate) : bits_(uint64_t{1} << number(coordinate)) {}

    static unsigned number(CoordinateBit c) {
        return c.axis == CoordinateBit::kSample ? c.bit : kSamples + 3u * c.bit + c.axis;
    }
    static CoordinateBit coordinate(unsigned number) {
        if (number < kSamples) return {CoordinateBit::kSample, static_cast<uint8_t>(number)};
        return {static_cast<uint8_t>((number - kSamples) % 3),
                static_cast<uint8_t>((number - kSamples) / 3)};
    }
    unsigned size() const { return static_cast<unsigned>(std::popcount(bits_)); }
    bool empty() const { return !bits_; }
    unsigned smallest() const { return static_cast<unsigned>(std::countr_zero(bits_)); }
    bool has(unsigned number) const { return bits_ >> number & 1; }
    void add(const Term& other) { bits_ |= other.bits_; }
    void remove(unsigned number) { bits_ &= ~(uint64_t{1} << number); }
    void clear() { bits_ = 0; }
    /// Removes the bits of an axis from `first` on.
    void limit(CoordinateBit::Axis axis, unsigned first) {
        for (uint8_t bit = static_cast<uint8_t>(first); bit < kMostBits; bit++)
            remove(number({axis, bit}));
    }
    bool operator==(const Term&) const = default;
    template <class F>
    void for_each(F&& f) const {
        for (uint64_t left = bits_; left; left &= left - 1)
            f(coordinate(static_cast<unsigned>(std::countr_zero(left))));
    }

  private:
    static constexpr unsigned kSamples = 4;
    static constexpr uint8_t kMostBits = 20;

    uint64_t bits_ = 0;
};
using Terms = std::vector<Term>;

unsigned log2_of(uint32_t power) {
    return static_cast<unsigned>(std::bit_width(power) - 1);
}

bool is_colour(const MetaLayout& layout) {
    return layout.kind == MetaKind::kDcc;
}

Term term_at(const BitSequence& data, unsigned bit, const MetaLayout& layout) {
    // Partially resident: what lies above the block does not matter.
    if (layout.mode.is_prt() && bit >= layout.mode.block_bits()) return {};
    return data.names_coordinate(bit) && data.at(bit).bit < 16 ? Term(data.at(bit)) : Term();
}

/// The pipe that an element's data lies in.
Terms pipe_terms(const MetaLayout& layout, unsigned pipe_bits) {
    const BitSequence data =
        is_colour(layout) ? BitSequence::of(layout.mode, layout.element_bits, layout.image_3d)
                          : BitSequence::of_depth(layout.element_bits, layout.sample_bits);
    unsigned first = kInterleaveBits;
    if (!is_colour(layout))  // pipes change between blocks of 8x8 only
        while (Term(data.at(first)).smallest() < Term::number({CoordinateBit::kX, 3})) first++;
    Terms pipes;
    for (unsigned i = 0; i < pipe_bits; i++) {
        Term term = term_at(data, first + i, layout);
        if (layout.mode.is_xor()) {
            if (layout.thick()) {
                const unsigned higher = first + pipe_bits + 2 * (pipe_bits - 1 - i);
                term.add(term_at(data, higher, layout));
                term.add(term_at(data, higher + 1, layout));
            } else {
                term.add(term_at(data, first + 2 * pipe_bits - 1 - i, layout));
                if (layout.sample_bits == 0 && !layout.mode.is_prt())
                    term.add(Term({CoordinateBit::kZ, static_cast<uint8_t>(pipe_bits - 1 - i)}));
            }
        }
        pipes.push_back(term);
    }
    return pipes;
}

/// The render backend that a pixel belongs to: they share the screen in 16x16 or 32x32 pixels.
Terms backend_terms(unsigned per_engine_bits, unsigned engine_bits) {
    uint8_t x = per_engine_bits == 0 ? 5 : 4, y = x;
    const unsigned total = per_engine_bits + engine_bits;
    Terms backends(total);
    unsigned start = 0;
    if (engine_bits > 0 && per_engine_bits == 1) {
        backends[0].add(Term({CoordinateBit::kX, x++}));
        backends[0].add(Term({CoordinateBit::kY, y++}));
        backends[0].add(Term({CoordinateBit::kY, y}));
        start = 1;
    }
    const unsigned count = 2 * (total - start);
    for (unsigned i = 0; i < count; i++) {
        const unsigned index = start + (start + i >= total ? count - i - 1 : i);
        backends[index].add(i % 2 ? Term({CoordinateBit::kX, x++})
                                  : Term({CoordinateBit::kY, y++}));
    }
    return backends;
}

/// The coordinate bits of compressed blocks in a metadata block, in the order of the address.
std::vector<unsigned> block_coordinates(const MetaLayout& layout, AddressConfig config,
                                        unsigned compressed_fragments) {
    const BlockSize small = layout.compressed_block(), large = layout.meta_block(config);
    const unsigned low[3] = {log2_of(small.width), log2_of(small.height), log2_of(small.depth)};
    const unsigned high[3] = {log2_of(large.width), log2_of(large.height), log2_of(large.depth)};
    constexpr uint8_t kX = CoordinateBit::kX, kY = CoordinateBit::kY, kZ = CoordinateBit::kZ;
    const uint8_t order[3] = {layout.mipmapped ? kY : kX, layout.mipmapped ? kX : kY, kZ};
    std::vector<unsigned> coordinates;
    if (is_colour(layout) && !layout.thick())
        for (uint8_t s = 0; s < compressed_fragments; s++)
            coordinates.push_back(Term::number({CoordinateBit::kSample, s}));
    for (uint8_t bit = 0; bit < 16; bit++)
        for (unsigned i = 0; i < (layout.thick() ? 3u : 2u); i++)
            if (bit >= low[order[i]] && bit < high[order[i]])
                coordinates.push_back(Term::number({order[i], bit}));
    return coordinates;
}

/// The bits of an equation, from which those that other bits determine have been taken out.
class Reduction {
  public:
    Reduction(const MetaLayout& layout, AddressConfig config, unsigned compressed_fragments)
        : low_(block_coordinates(layout, config, compressed_fragments)),
          pipes_(pipe_terms(layout, layout.pipe_bits(config))),
          alias_fix_(config.alias_fix) {
        if (layout.backend_aligned)
            backends_ = backend_terms(config.backend_bits, config.engine_bits);
        with_pipe_bits_.resize(backends_.size());
        const Terms whole_pipes = pipes_, whole_backends = backends_;
        limit_pipes(layout.meta_block(config));
        remove_pipes();
        const std::vector<size_t> left = remove_backends();
        upper_ = whole_pipes;
        for (const size_t i : left) upper_.push_back(whole_backends[i]);
    }

    /// Coordinates in the order of the address, without those below.
    const std::vector<unsigned>& low() const { return low_; }
    /// The terms that are put in at the pipe interleave.
    const Terms& upper() const { return upper_; }

  private:
    /// A metadata block has no more bits of a coordinate than its size. Backend bits that say
    /// the same as a pipe bit go.
    void limit_pipes(BlockSize block) {
        for (Term& pipe : pipes_) {
            pipe.limit(CoordinateBit::kX, log2_of(block.width));
            pipe.limit(CoordinateBit::kY, log2_of(block.height));
            pipe.limit(CoordinateBit::kZ, log2_of(block.depth));
        }
        for (Term& backend : backends_)
            for (Term pipe : pipes_) {
                if (alias_fix_) pipe.limit(CoordinateBit::kZ, 0);
                if (backend == pipe) backend.clear();
            }
    }
    /// One coordinate bit for each pipe bit.
    void remove_pipes() {
        for (size_t i = 0; i < pipes_.size(); i++) {
            if (pipes_[i].empty()) continue;
            const unsigned gone = pipes_[i].smallest();
            std::erase(low_, gone);
            for (Term& pipe : pipes_) pipe.remove(gone);
            replace_in_backends(0, gone, pipes_[i], true);
        }
    }
    /// One coordinate bit for each backend bit that is left; these backend bits.
    std::vector<size_t> remove_backends() {
        std::vector<size_t> left;
        for (size_t i = 0; i < backends_.size(); i++) {
            if (backends_[i].size() <= (alias_fix_ && with_pipe_bits_[i] ? 1u : 0u)) continue;
            left.push_back(i);
            const unsigned gone = backends_[i].smallest();
            std::erase(low_, gone);
            Term rest = backends_[i];
            rest.remove(gone);
            replace_in_backends(i + 1, gone, rest, with_pipe_bits_[i]);
        }
        return left;
    }
    /// Where `gone` was, `rest` comes in its place.
    void replace_in_backends(size_t first, unsigned gone, const Term& rest, bool of_pipes) {
        for (size_t i = first; i < backends_.size(); i++) {
            if (!backends_[i].has(gone)) continue;
            backends_[i].remove(gone);
            backends_[i].add(rest);
            if (!rest.empty() && of_pipes) with_pipe_bits_[i] = true;
        }
    }

    std::vector<unsigned> low_;
    Terms pipes_, backends_, upper_;
    std::vector<bool> with_pipe_bits_;
    bool alias_fix_;
};

}  // namespace

BlockSize MetaLayout::compressed_block() const {
    if (kind != MetaKind::kDcc) return {8, 8, 1};
    if (!thick()) return kThinDcc[element_bits];
    return mode.order() == SwizzleMode::Order::kZ ? kThickZDcc[element_bits]
                                                  : kThickDcc[element_bits];
}

unsigned MetaLayout::pipe_bits(AddressConfig config) const {
    if (!pipe_aligned) return 0;
    const unsigned most = mode.is_xor() ? mode.block_bits() - kInterleaveBits : kMostPipeBits;
    return std::min({unsigned{config.pipe_bits}, kMostPipeBits, most});
}

BlockSize MetaLayout::meta_block(AddressConfig config) const {
    const unsigned backends = config.engine_bits + config.backend_bits;
    const bool alone = pipe_bits(config) == 0 && (!backend_aligned || backends == 0);
    unsigned blocks = 0;  // log2 of the compressed blocks of a metadata block
    if (kind == MetaKind::kDcc) {
        blocks = (thick() ? 16 : 12) - sample_bits;
        if (!alone) blocks = std::max(blocks, backends + (thick() ? 18 : 10));
        blocks = std::min(blocks, 16u + element_bits + 3);
    } else if (kind == MetaKind::kHtile) {
        blocks = alone ? 10 : backends + 10;
    } else {
        blocks = alone ? 13 : std::max(backends + 10, 13u);
    }
    BlockSize size = compressed_block();
    for (unsigned i = 0; i < blocks; i++) {
        const bool taller = size.height < size.width || (mipmapped && size.height == size.width);
        uint32_t& side = taller ? size.height : size.width;
        (thick() && side > size.depth ? size.depth : side) *= 2;
    }
    return size;
}

MetaEquation::MetaEquation(const MetaLayout& layout, AddressConfig config) {
    // DCC compresses some fragments of a pixel; the keys of the others lie apart.
    const unsigned fragments = is_colour(layout) ? layout.sample_bits : 0;
    const unsigned compressed = std::min<unsigned>(fragments, config.fragment_bits);
    const Reduction reduction(layout, config, compressed);
    const auto contribute = [this](CoordinateBit c, unsigned address_bit) {
        if (c.bit < kCoordinateBits && address_bit < 32)
            axes_[c.axis].add(c.bit, 1u << address_bit);
    };
    constexpr unsigned kInserted = kInterleaveBits + 1;  // in nibbles
    gap_ = static_cast<unsigned>(reduction.upper().size()) + fragments - compressed;
    unsigned bit = layout.kind == MetaKind::kDcc ? 1 : layout.kind == MetaKind::kHtile ? 3 : 0;
    for (const unsigned number : reduction.low()) {
        contribute(Term::coordinate(number), bit < kInserted ? bit : bit + gap_);
        bit++;
    }
    block_start_ = bit < kInserted ? bit : bit + gap_;
    split_ = kInserted > bit ? kInserted - bit : 0;
    bit = kInserted;
    for (const Term& term : reduction.upper()) {
        term.for_each([&](CoordinateBit c) { contribute(c, bit); });
        bit++;
    }
    for (unsigned i = compressed; i < fragments; i++)
        contribute({CoordinateBit::kSample, static_cast<uint8_t>(i)}, bit++);
}

uint64_t MetaEquation::nibble(const std::array<uint32_t, 4>& coordinates, uint64_t block) const {
    uint32_t inside = 0;
    for (unsigned axis = 0; axis < 4; axis++) inside ^= axes_[axis].sum(coordinates[axis]);
    const uint64_t below = block & ((uint64_t{1} << split_) - 1), above = block >> split_;
    const unsigned above_start = split_ ? block_start_ + split_ + gap_ : block_start_;
    return inside ^ (below << block_start_) ^ (above << above_start);
}

}  // namespace simgpu::gfx9
