#include "simgpu/amd/gfx9/draw/rasteriser.h"

#include <algorithm>

#include "simgpu/amd/gfx9/draw/raster_state.h"

namespace simgpu::gfx9::draw {

namespace {

int32_t floor_pixel(int32_t subpixels) {
    return subpixels >> 8;  // kSubpixels
}

/// The line from `from` to `to`: positive to the right of it, zero on it.
class Edge {
  public:
    Edge(const Corner& from, const Corner& to, bool reversed)
        : dx_(reversed ? from.x - to.x : to.x - from.x),
          dy_(reversed ? from.y - to.y : to.y - from.y),
          x_(from.x),
          y_(from.y) {}

    int64_t at(int32_t x, int32_t y) const { return dx_ * (y - y_) - dy_ * (x - x_); }
    /// Narrows [left, right], in 1/256 of a pixel, to where rows from `top` to `bottom` may be
    /// inside.
    void narrow(int64_t top, int64_t bottom, int64_t& left, int64_t& right) const {
        // Inside: dy x <= limit, which is greatest at one end.
        const int64_t limit = std::max(dx_ * (top - y_), dx_ * (bottom - y_)) + dy_ * x_;
        if (dy_ > 0) right = std::min(right, limit / dy_ + 1);
        if (dy_ < 0) left = std::max(left, limit / dy_ - 1);
    }
    int64_t right() const { return -dy_; }  // what `at` grows by per step
    int64_t down() const { return dx_; }
    bool is_top_or_left() const { return dy_ < 0 || (dy_ == 0 && dx_ > 0); }

  private:
    int64_t dx_, dy_, x_, y_;
};

class Filling {
  public:
    Filling(const ScreenTriangle& triangle, int64_t area, int32_t pixel_centre,
            const SamplePattern& samples)
        : triangle_(triangle),
          area_(area < 0 ? -area : area),
          centre_(pixel_centre),
          samples_(samples),
          edges_{Edge(triangle.corner[1], triangle.corner[2], area < 0),
                 Edge(triangle.corner[2], triangle.corner[0], area < 0),
                 Edge(triangle.corner[0], triangle.corner[1], area < 0)} {
        const auto& c = triangle.corner;
        box_ = {std::min({c[0].x, c[1].x, c[2].x}), std::min({c[0].y, c[1].y, c[2].y}),
                std::max({c[0].x, c[1].x, c[2].x}), std::max({c[0].y, c[1].y, c[2].y})};
        pixels_ = {floor_pixel(box_.left), floor_pixel(box_.top), floor_pixel(box_.right) + 1,
                   floor_pixel(box_.bottom) + 1};
        pixels_.intersect(triangle.bounds);
        for (unsigned w = 0; w < 2; w++) {
            weight_right_[w] = share(edges_[w + 1].right());
            weight_down_[w] = share(edges_[w + 1].down());
        }
    }

    bool run(QuadSink& sink) const {
        for (int32_t y = pixels_.top & ~1; y < pixels_.bottom; y += 2) {
            if (!sink.next_rows()) return false;
            const auto [left, right] = columns(y);
            for (int32_t x = left & ~1; x < right; x += 2) {
                Quad quad;
                quad.x = x;
                quad.y = y;
                std::copy_n(weight_right_, 2, quad.weight_right);
                std::copy_n(weight_down_, 2, quad.weight_down);
                fill(quad);
                if (quad.covered && !sink.quad(triangle_, quad)) return false;
            }
        }
        return true;
    }

  private:
    struct Columns {
        int32_t left, right;
    };

    /// Where pixels of the rows `y` and `y + 1` may be covered.
    Columns columns(int32_t y) const {
        if (triangle_.fills_rectangle) return {pixels_.left, pixels_.right};
        // Samples lie within half a pixel of the centre.
        const int64_t reach = samples_.sample_bits ? kSubpixels / 2 : 0;
        const int64_t top = int64_t{y} * kSubpixels + centre_ - reach;
        const int64_t bottom = int64_t{y + 1} * kSubpixels + centre_ + reach;
        int64_t left = int64_t{pixels_.left} * kSubpixels;
        int64_t right = int64_t{pixels_.right} * kSubpixels;
        for (const Edge& edge : edges_) edge.narrow(top, bottom, left, right);
        return {std::max(pixels_.left, static_cast<int32_t>(left >> 8) - 2),
                std::min(pixels_.right, static_cast<int32_t>(right >> 8) + 3)};
    }
    double share(int64_t value) const {
        return static_cast<double>(value) / static_cast<double>(area_);
    }
    void fill(Quad& quad) const {
        for (unsigned i = 0; i < 4; i++) {
            const int32_t x = quad.x + static_cast<int32_t>(i % 2);
            const int32_t y = quad.y + static_cast<int32_t>(i / 2);
            const int32_t at_x = x * kSubpixels + centre_, at_y = y * kSubpixels + centre_;
            int64_t value[3];
            for (unsigned e = 0; e < 3; e++) value[e] = edges_[e].at(at_x, at_y);
            for (unsigned w = 0; w < 2; w++) quad.corner_weight[i][w] = share(value[w + 1]);
            if (!in_bounds(x, y)) continue;
            for (unsigned s = 0; s < samples_.count(); s++) {
                const auto [right, down] = samples_.place[i][s];
                int64_t there[3];
                for (unsigned e = 0; e < 3; e++)
                    there[e] = value[e] + edges_[e].right() * right + edges_[e].down() * down;
                if (covers(there, at_x + right, at_y + down))
                    quad.samples[i] |= static_cast<uint8_t>(1u << s);
            }
            quad.samples[i] &= samples_.mask[i];
            if (quad.samples[i]) quad.covered |= static_cast<uint8_t>(1u << i);
        }
    }
    bool in_bounds(int32_t x, int32_t y) const {
        return x >= pixels_.left && x < pixels_.right && y >= pixels_.top && y < pixels_.bottom;
    }
    bool covers(const int64_t (&value)[3], int32_t at_x, int32_t at_y) const {
        if (triangle_.fills_rectangle)
            return at_x >= box_.left && at_x < box_.right && at_y >= box_.top && at_y < box_.bottom;
        for (unsigned e = 0; e < 3; e++)
            if (value[e] < 0 || (value[e] == 0 && !edges_[e].is_top_or_left())) return false;
        return true;
    }

    const ScreenTriangle& triangle_;
    int64_t area_;
    int32_t centre_;
    const SamplePattern& samples_;
    Edge edges_[3];
    double weight_right_[2], weight_down_[2];
    Rectangle box_;     // in 1/256 of a pixel
    Rectangle pixels_;  // what of it is in bounds
};

}  // namespace

int64_t signed_area(const ScreenTriangle& triangle) {
    const auto& c = triangle.corner;
    return int64_t{c[1].x - c[0].x} * (c[2].y - c[0].y) -
           int64_t{c[1].y - c[0].y} * (c[2].x - c[0].x);
}

bool rasterise(const ScreenTriangle& triangle, int32_t pixel_centre, const SamplePattern& samples,
               QuadSink& sink) {
    const int64_t area = signed_area(triangle);
    if (area == 0) return true;
    return Filling(triangle, area, pixel_centre, samples).run(sink);
}

}  // namespace simgpu::gfx9::draw
