// Vectors and matrices of the scenes.
#pragma once

#include <array>
#include <cmath>

namespace viaduct::demo {

struct Vec3 {
    float x = 0, y = 0, z = 0;
};
inline Vec3 operator+(Vec3 a, Vec3 b) {
    return {a.x + b.x, a.y + b.y, a.z + b.z};
}
inline Vec3 operator*(Vec3 a, float by) {
    return {a.x * by, a.y * by, a.z * by};
}
inline float dot(Vec3 a, Vec3 b) {
    return a.x * b.x + a.y * b.y + a.z * b.z;
}
inline Vec3 normalised(Vec3 a) {
    return a * (1 / std::sqrt(dot(a, a)));
}

struct Vec4 {
    float x = 0, y = 0, z = 0, w = 0;
};

/// Four columns, as GLSL has a mat4.
struct Matrix {
    std::array<Vec4, 4> columns{{{1, 0, 0, 0}, {0, 1, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}};

    Vec4 operator*(Vec4 v) const {
        const auto& [a, b, c, d] = columns;
        return {a.x * v.x + b.x * v.y + c.x * v.z + d.x * v.w,
                a.y * v.x + b.y * v.y + c.y * v.z + d.y * v.w,
                a.z * v.x + b.z * v.y + c.z * v.z + d.z * v.w,
                a.w * v.x + b.w * v.y + c.w * v.z + d.w * v.w};
    }
    Matrix operator*(const Matrix& right) const {
        Matrix product;
        for (size_t i = 0; i < 4; i++) product.columns[i] = *this * right.columns[i];
        return product;
    }
};

inline Matrix translation(Vec3 by) {
    Matrix matrix;
    matrix.columns[3] = {by.x, by.y, by.z, 1};
    return matrix;
}
/// In radians, counter-clockwise where the axis points at the viewer.
inline Matrix rotation_x(float angle) {
    const float s = std::sin(angle), c = std::cos(angle);
    return {{{{1, 0, 0, 0}, {0, c, s, 0}, {0, -s, c, 0}, {0, 0, 0, 1}}}};
}
inline Matrix rotation_y(float angle) {
    const float s = std::sin(angle), c = std::cos(angle);
    return {{{{c, 0, -s, 0}, {0, 1, 0, 0}, {s, 0, c, 0}, {0, 0, 0, 1}}}};
}
inline Matrix rotation_z(float angle) {
    const float s = std::sin(angle), c = std::cos(angle);
    return {{{{c, s, 0, 0}, {-s, c, 0, 0}, {0, 0, 1, 0}, {0, 0, 0, 1}}}};
}
/// For a viewer at the origin who looks along -z: depths from `near` to `far` become 0 to 1, and y
/// points down, as Vulkan has it. `focus`: the cotangent of half the vertical angle of view.
inline Matrix perspective(float focus, float aspect, float near, float far) {
    return {{{{focus / aspect, 0, 0, 0},
              {0, -focus, 0, 0},
              {0, 0, far / (near - far), -1},
              {0, 0, near * far / (near - far), 0}}}};
}

}  // namespace viaduct::demo
