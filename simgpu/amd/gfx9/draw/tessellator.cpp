#include "simgpu/amd/gfx9/draw/tessellator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

using Fixed = uint32_t;  // 16 bits behind the point
constexpr Fixed kOne = 1u << 16, kHalf = kOne / 2, kThird = 0x5555, kTwoThirds = 0xaaaa;

constexpr float kLargestEven = 64, kLargestOdd = 63, kLargestDensity = 64;
constexpr float kSmallestStep = 1.0f / 65536;

Fixed to_fixed(float factor) {
    return static_cast<Fixed>(std::lrint(static_cast<double>(factor) * kOne));
}
constexpr Fixed floor_of(Fixed x) {
    return x & ~(kOne - 1);
}
constexpr Fixed ceil_of(Fixed x) {
    return floor_of(x + kOne - 1);
}
/// To the nearest.
constexpr Fixed reciprocal(unsigned n) {
    return n ? (2 * kOne + n) / (2 * n) : 0;
}

/// A factor that has been clamped and rounded, and whether its segments are of an odd number.
struct Factor {
    Fixed value = kOne;
    bool odd = false;
};

/// The places of the points along an edge. They are symmetric; between two numbers of segments one
/// point in each half moves out of another one.
class DividedEdge {
  public:
    DividedEdge() = default;
    explicit DividedEdge(Factor factor);

    unsigned points() const { return points_; }
    /// Of half an edge, without one in the middle.
    unsigned half_points() const { return half_points_; }
    bool odd() const { return odd_; }
    Fixed place(unsigned point) const;
    /// Inner edges have a ring even if the factor is 1.
    DividedEdge with_ring() const {
        DividedEdge edge = *this;
        edge.points_ = std::max(points_, odd_ ? 4u : 3u);
        return edge;
    }

  private:
    bool odd_ = false;
    unsigned points_ = 2, half_points_ = 1, split_ = 0;
    Fixed fraction_ = 0, floor_step_ = 0, ceil_step_ = 0;
};

unsigned without_highest_bit(unsigned x) {
    return x ? x & ~std::bit_floor(x) : 0;
}

DividedEdge::DividedEdge(Factor factor) : odd_(factor.odd) {
    Fixed half = (factor.value + 1) / 2;
    points_ = odd_ ? ceil_of(kHalf + half) * 2 >> 16 : (ceil_of(half) * 2 >> 16) + 1;
    // A factor of 1 counts as even on inner edges.
    if (odd_ || half == kHalf) half += kHalf;
    const Fixed floor = floor_of(half), ceil = ceil_of(half);
    fraction_ = half - floor;
    half_points_ = ceil >> 16;
    if (floor == ceil)
        split_ = half_points_ + 1;  // none
    else if (!odd_)
        split_ = (without_highest_bit(floor >> 16) << 1) + 1;
    else
        split_ = floor == kOne ? 0 : (without_highest_bit((floor >> 16) - 1) << 1) + 1;
    const unsigned less = odd_ ? 1 : 0;
    floor_step_ = reciprocal((floor * 2 >> 16) - less);
    ceil_step_ = reciprocal((ceil * 2 >> 16) - less);
}

Fixed DividedEdge::place(unsigned point) const {
    const bool mirrored = point >= half_points_;
    if (mirrored) point = 2 * half_points_ - point - (odd_ ? 1 : 0);
    if (point == half_points_) return kHalf;
    const Fixed on_floor = (point > split_ ? point - 1 : point) * floor_step_;
    const Fixed on_ceil = point * ceil_step_;
    const Fixed sum = on_floor * (kOne - fraction_) + on_ceil * fraction_;
    const Fixed place = (sum + kHalf) >> 16;
    return mirrored ? kOne - place : place;
}

/// Where the point that is i-th along a half edge of the largest factor comes in the order in which
/// points appear as the factor grows: halves of halves, from the middle on; and the one at the
/// end, which the two odd ones of a middle become, last.
unsigned rank(unsigned i) {
    if (i <= 1) return i == 0 ? 0 : 32;
    const auto level = static_cast<unsigned>(std::countr_zero(i - 1));
    return (1u << (4 - level)) + ((i - 1) >> (level + 1));
}
constexpr unsigned kRanks = 33;

using Row = std::vector<uint16_t>;

class Mesh {
  public:
    explicit Mesh(const TessellatorState& state) : state_(state) {}

    /// False: the patch is culled, by one of `factors`.
    bool process(std::span<const float> outer, std::span<const float> inner);
    bool process_lines(float detail, float density);
    void triangles();
    void quads();
    void isolines();
    Tessellation take() { return std::move(result_); }

  private:
    using Partitioning = TessellatorState::Partitioning;
    using Output = TessellatorState::Output;

    bool whole_numbers() const {
        return state_.partitioning == Partitioning::kInteger ||
               state_.partitioning == Partitioning::kPowerOfTwo;
    }
    float clamped(float factor, float least) const;
    Factor factor(float value, bool one_is_even) const;
    bool all_one() const;

    uint16_t point(Fixed u, Fixed v);
    /// Points and lines need no mesh: all points, or lines from each to the next one.
    bool without_mesh();
    void triangle(unsigned a, unsigned b, unsigned c);
    void stitch(const Row& inside, const DividedEdge& inner, const Row& outside,
                const DividedEdge& outer);
    void stitch_regular(const Row& inside, const Row& outside);
    void strip(const Row& inside, const Row& outside, bool turns_in_the_middle);

    const TessellatorState& state_;
    std::array<Factor, 4> outer_factor_;
    std::array<Factor, 2> inner_factor_;
    unsigned outers_ = 0, inners_ = 0;
    Tessellation result_;
};

// Not a number becomes the least.
float Mesh::clamped(float factor, float least) const {
    const float most =
        state_.partitioning == Partitioning::kFractionalOdd ? kLargestOdd : kLargestEven;
    return std::min(std::min(most, factor > least ? factor : least),
                    std::max(state_.largest_factor, least));
}

Factor Mesh::factor(float value, bool one_is_even) const {
    Factor factor{to_fixed(value), state_.partitioning == Partitioning::kFractionalOdd};
    if (whole_numbers()) {
        factor.value = to_fixed(std::ceil(value));
        factor.odd = factor.value >> 16 & 1 && !(one_is_even && factor.value == kOne);
    }
    return factor;
}

bool Mesh::process(std::span<const float> outer, std::span<const float> inner) {
    for (const float value : outer)
        if (!(value > 0)) return false;
    float least = state_.partitioning == Partitioning::kFractionalEven ? 2 : 1;
    const auto is_more_than_one = [](float value) { return value > 1 + kSmallestStep / 2; };
    bool has_ring = inner.size() == 2 && std::any_of(inner.begin(), inner.end(), is_more_than_one);
    for (const float value : outer) {
        outer_factor_[outers_++] = factor(clamped(value, least), false);
        has_ring = has_ring || is_more_than_one(clamped(value, least));
    }
    // A ring inside of edges that are divided, even if the inside is not.
    if (state_.partitioning == Partitioning::kFractionalOdd && has_ring) least += kSmallestStep;
    for (const float value : inner) inner_factor_[inners_++] = factor(clamped(value, least), true);
    return true;
}

// The number of lines is always a whole one, from 1 to 64.
bool Mesh::process_lines(float detail, float density) {
    if (!process(std::span(&detail, 1), {}) || !(density > 0)) return false;
    const float lines = std::ceil(std::clamp(density, 1.0f, kLargestDensity));
    outer_factor_[outers_++] = {to_fixed(lines), (to_fixed(lines) >> 16 & 1) != 0};
    return true;
}

bool Mesh::all_one() const {
    const auto is_one = [](const Factor& factor) { return factor.value == kOne; };
    return std::all_of(outer_factor_.begin(), outer_factor_.begin() + outers_, is_one) &&
           std::all_of(inner_factor_.begin(), inner_factor_.begin() + inners_, is_one);
}

uint16_t Mesh::point(Fixed u, Fixed v) {
    constexpr float kUnit = 1.0f / 65536;
    result_.points.push_back({static_cast<float>(u) * kUnit, static_cast<float>(v) * kUnit});
    return static_cast<uint16_t>(result_.points.size() - 1);
}

bool Mesh::without_mesh() {
    const size_t points = result_.points.size();
    if (state_.output == Output::kPoints)
        for (size_t i = 0; i < points; i++) result_.indices.push_back(static_cast<uint16_t>(i));
    if (state_.output == Output::kLines)
        for (size_t i = 1; i < points; i++) {
            result_.indices.push_back(static_cast<uint16_t>(i - 1));
            result_.indices.push_back(static_cast<uint16_t>(i));
        }
    return state_.output == Output::kPoints || state_.output == Output::kLines;
}

/// Adds a triangle whose corners are clockwise.
void Mesh::triangle(unsigned a, unsigned b, unsigned c) {
    if (state_.output == Output::kCounterClockwise) std::swap(b, c);
    for (const unsigned vertex : {a, b, c})
        result_.indices.push_back(static_cast<uint16_t>(vertex));
}

// Joins two rows that may have different numbers of points. Each advances in the order in which its
// points appear as its factor grows, symmetrically from both ends to the middle.
void Mesh::stitch(const Row& inside, const DividedEdge& inner, const Row& outside,
                  const DividedEdge& outer) {
    size_t in = 0, out = 0;
    const auto advance_inside = [&] { triangle(inside[in], outside[out], inside[in + 1]), in++; };
    const auto advance_outside = [&] {
        triangle(outside[out], outside[out + 1], inside[in]), out++;
    };
    const unsigned inner_half = inner.half_points() - (inner.odd() ? 1 : 0);
    const unsigned outer_half = outer.half_points() - (outer.odd() ? 1 : 0);
    // An inner row lacks the first point of its half.
    const auto has_inner = [&](unsigned i) { return i > 0 && rank(i) < inner_half; };
    const auto has_outer = [&](unsigned i) { return rank(i) < outer_half; };
    for (unsigned i = 0; i < kRanks; i++) {
        if (has_inner(i)) advance_inside();
        if (has_outer(i)) advance_outside();
    }
    if (inner.odd() && outer.odd()) {
        triangle(inside[in], outside[out], inside[in + 1]);
        triangle(inside[in + 1], outside[out], outside[out + 1]);
        in++, out++;
    } else if (outer.odd()) {
        triangle(inside[in], outside[out], outside[out + 1]);
        out++;
    } else if (inner.odd()) {
        advance_inside();
    }
    for (unsigned i = kRanks; i-- > 0;) {
        if (has_outer(i)) advance_outside();
        if (has_inner(i)) advance_inside();
    }
}

// The outer row has two points more. Diagonals are mirrored in the middle.
void Mesh::stitch_regular(const Row& inside, const Row& outside) {
    triangle(outside[0], outside[1], inside[0]);
    const size_t half = inside.size() / 2;
    for (size_t i = 0; i + 1 < inside.size(); i++) {
        const unsigned a = inside[i], b = inside[i + 1], c = outside[i + 1], d = outside[i + 2];
        if (i < half) {
            triangle(c, b, a);
            triangle(c, d, b);
        } else {
            triangle(a, c, d);
            triangle(a, d, b);
        }
    }
    const size_t last = inside.size();
    triangle(outside[last], outside[last + 1], inside[last - 1]);
}

// The row of squares that is left in the middle.
void Mesh::strip(const Row& inside, const Row& outside, bool turns_in_the_middle) {
    const size_t squares = inside.size() - 1;
    for (size_t i = 0; i < squares; i++) {
        const unsigned a = inside[i], b = inside[i + 1], c = outside[i], d = outside[i + 1];
        if (!turns_in_the_middle) {
            triangle(a, c, d);
            triangle(a, d, b);
        } else if (i == squares / 2) {
            triangle(c, b, a);
            triangle(c, d, b);
        } else {
            triangle(c, d, a);
            triangle(a, d, b);
        }
    }
}

/// The sides of a ring whose points are `ring`, of so many segments each: each ends with the point
/// that the next one begins with.
template <size_t Sides>
std::array<Row, Sides> sides_of(const Row& ring, const std::array<unsigned, Sides>& segments) {
    std::array<Row, Sides> sides;
    size_t first = 0;
    for (size_t side = 0; side < Sides; side++) {
        for (size_t i = 0; i <= segments[side]; i++)
            sides[side].push_back(ring[(first + i) % ring.size()]);
        first += segments[side];
    }
    return sides;
}

void Mesh::triangles() {
    if (all_one()) {
        point(0, kOne), point(0, 0), point(kOne, 0);
        if (!without_mesh()) triangle(0, 1, 2);
        return;
    }
    const std::array<DividedEdge, 3> outer{DividedEdge(outer_factor_[0]),
                                           DividedEdge(outer_factor_[1]),
                                           DividedEdge(outer_factor_[2])};
    const DividedEdge inner = DividedEdge(inner_factor_[0]).with_ring();
    std::vector<std::array<Row, 3>> rings;
    Row ring;
    std::array<unsigned, 3> segments;
    for (unsigned side = 0; side < 3; side++) {
        segments[side] = outer[side].points() - 1;
        for (unsigned p = 0; p < segments[side]; p++) {
            // v falls along the first side, u rises along the second and falls along the third.
            const Fixed at = outer[side].place(side == 1 ? p : segments[side] - p);
            ring.push_back(side == 0   ? point(0, at)
                           : side == 1 ? point(at, 0)
                                       : point(at, kOne - at));
        }
    }
    rings.push_back(sides_of<3>(ring, segments));
    for (unsigned r = 1; r < inner.points() / 2; r++) {
        const unsigned last = inner.points() - 1 - r;
        // Two thirds of the way, as the middle is a third from each side.
        const Fixed across = (inner.place(r) * kTwoThirds + kHalf) >> 16;
        ring.clear();
        for (unsigned side = 0; side < 3; side++)
            for (unsigned p = r; p < last; p++) {
                const Fixed at = inner.place(side == 1 ? p : last - (p - r)) - (across + 1) / 2;
                ring.push_back(side == 0   ? point(across, at)
                               : side == 1 ? point(at, across)
                                           : point(at, kOne - at - across));
            }
        rings.push_back(sides_of<3>(ring, {last - r, last - r, last - r}));
    }
    if (!inner.odd()) {
        const Row middle{point(kThird, kThird)};
        rings.push_back({middle, middle, middle});
    }
    if (without_mesh()) return;
    for (size_t r = 1; r < rings.size(); r++)
        for (unsigned side = 0; side < 3; side++)
            if (r == 1)
                stitch(rings[r][side], inner, rings[0][side], outer[side]);
            else
                stitch_regular(rings[r][side], rings[r - 1][side]);
    if (inner.odd()) triangle(rings.back()[0][0], rings.back()[1][0], rings.back()[2][0]);
}

void Mesh::quads() {
    if (all_one()) {
        point(0, 0), point(kOne, 0), point(kOne, kOne), point(0, kOne);
        if (without_mesh()) return;
        triangle(0, 1, 3);
        triangle(1, 2, 3);
        return;
    }
    // Sides: u is 0, v is 0, u is 1, v is 1. v falls along the first one, u rises along the second.
    const std::array<DividedEdge, 4> outer{
        DividedEdge(outer_factor_[0]), DividedEdge(outer_factor_[1]), DividedEdge(outer_factor_[2]),
        DividedEdge(outer_factor_[3])};
    const DividedEdge along_u = DividedEdge(inner_factor_[0]).with_ring();
    const DividedEdge along_v = DividedEdge(inner_factor_[1]).with_ring();
    const unsigned points_u = along_u.points(), points_v = along_v.points();
    std::vector<std::array<Row, 4>> rings;
    Row ring;
    std::array<unsigned, 4> segments;
    for (unsigned side = 0; side < 4; side++) {
        segments[side] = outer[side].points() - 1;
        for (unsigned p = 0; p < segments[side]; p++) {
            const bool rises = side == 1 || side == 2;
            const Fixed at = outer[side].place(rises ? p : segments[side] - p);
            const Fixed end = side >= 2 ? kOne : 0;
            ring.push_back(side % 2 ? point(at, end) : point(end, at));
        }
    }
    rings.push_back(sides_of<4>(ring, segments));
    const unsigned inner_rings = std::min(points_u, points_v) / 2;
    for (unsigned r = 1; r < inner_rings; r++) {
        const unsigned last_u = points_u - 1 - r, last_v = points_v - 1 - r;
        ring.clear();
        for (unsigned p = last_v; p > r; p--)
            ring.push_back(point(along_u.place(r), along_v.place(p)));
        for (unsigned p = r; p < last_u; p++)
            ring.push_back(point(along_u.place(p), along_v.place(r)));
        for (unsigned p = r; p < last_v; p++)
            ring.push_back(point(along_u.place(last_u), along_v.place(p)));
        for (unsigned p = last_u; p > r; p--)
            ring.push_back(point(along_u.place(p), along_v.place(last_v)));
        rings.push_back(sides_of<4>(ring, {last_v - r, last_u - r, last_v - r, last_u - r}));
    }
    // An even number of segments leaves a row of points in the middle: all of two sides, and the
    // ends of the others.
    const bool wide = points_u > points_v;
    Row middle, reversed;
    if (wide && !along_v.odd())
        for (unsigned p = inner_rings; p <= points_u - 1 - inner_rings; p++)
            middle.push_back(point(along_u.place(p), kHalf));
    else if (!wide && !along_u.odd())
        for (unsigned p = points_v - 1 - inner_rings; p + 1 > inner_rings; p--)
            middle.push_back(point(kHalf, along_v.place(p)));
    if (without_mesh()) return;
    if (!middle.empty()) {
        reversed.assign(middle.rbegin(), middle.rend());
        const Row first{middle.front()}, last{middle.back()};
        if (wide)
            rings.push_back({first, middle, last, reversed});
        else
            rings.push_back({middle, last, reversed, first});
    }
    for (size_t r = 1; r < rings.size(); r++)
        for (unsigned side = 0; side < 4; side++)
            if (r == 1)
                stitch(rings[r][side], side % 2 ? along_u : along_v, rings[0][side], outer[side]);
            else
                stitch_regular(rings[r][side], rings[r - 1][side]);
    if (!middle.empty()) return;
    // Two sides of the last ring face each other.
    const auto& last = rings.back();
    const Row& opposite = last[wide ? 3 : 2];
    reversed.assign(opposite.rbegin(), opposite.rend());
    strip(reversed, last[wide ? 1 : 0], !wide && along_v.odd());
}

// No line at v = 1.
void Mesh::isolines() {
    const DividedEdge detail(outer_factor_[0]), density(outer_factor_[1]);
    for (unsigned line = 0; line + 1 < density.points(); line++)
        for (unsigned p = 0; p < detail.points(); p++) {
            const uint16_t at = point(detail.place(p), density.place(line));
            if (state_.output == Output::kPoints) {
                result_.indices.push_back(at);
            } else if (p > 0) {
                result_.indices.push_back(static_cast<uint16_t>(at - 1));
                result_.indices.push_back(at);
            }
        }
}

}  // namespace

TessellatorState TessellatorState::read(uint32_t parameters, float largest_factor) {
    TessellatorState state;
    state.domain = static_cast<Domain>(bits(parameters, 0, 2));
    state.partitioning = static_cast<Partitioning>(bits(parameters, 2, 3));
    state.output = static_cast<Output>(bits(parameters, 5, 3));
    state.largest_factor = largest_factor;
    return state;
}

std::string TessellatorState::problem() const {
    const bool lines = domain == Domain::kIsolines, triangles = output >= Output::kClockwise;
    if (domain > Domain::kQuads || partitioning > Partitioning::kFractionalEven ||
        output > Output::kCounterClockwise || (lines && triangles))
        return fmt::format("VGT_TF_PARAM: domain {}, partitioning {}, topology {} is reserved",
                           static_cast<unsigned>(domain), static_cast<unsigned>(partitioning),
                           static_cast<unsigned>(output));
    return {};
}

Tessellation tessellate(const TessellatorState& state,
                        const std::array<float, kMostFactors>& factors) {
    Mesh mesh(state);
    const std::span<const float> all(factors);
    switch (state.domain) {
        case TessellatorState::Domain::kIsolines:
            if (mesh.process_lines(factors[0], factors[1])) mesh.isolines();
            break;
        case TessellatorState::Domain::kTriangles:
            if (mesh.process(all.first(3), all.subspan(3, 1))) mesh.triangles();
            break;
        case TessellatorState::Domain::kQuads:
            if (mesh.process(all.first(4), all.subspan(4, 2))) mesh.quads();
            break;
    }
    return mesh.take();
}

}  // namespace simgpu::gfx9::draw
