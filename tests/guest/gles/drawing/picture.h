// Targets, shaders and vertices of drawing tests, and the comparison of pictures.
#pragma once

#include <GLES3/gl31.h>

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

namespace viaduct::gles {

/// A fragment shader: the interpolated `v`.
inline constexpr char kValue[] = R"(#version 310 es
precision highp float;
in vec4 v;
out vec4 colour;
void main() { colour = v; }
)";

/// Red, green, blue, alpha of one pixel.
using Rgba = std::array<int, 4>;

/// A texture of GL_TEXTURE_2D.
class Texture {
  public:
    Texture(GLenum format, int width, int height, int levels = 1);
    Texture(const Texture&) = delete;
    Texture& operator=(const Texture&) = delete;
    ~Texture();

    GLuint get() const { return name_; }
    /// One level from tightly packed pixels.
    void fill(int level, GLenum format, GLenum type, const void* pixels) const;
    void set(GLenum parameter, GLint value) const;

  private:
    GLuint name_ = 0;
    int width_, height_;
};

/// A framebuffer with one colour texture, and depth and stencil if asked for. Bound while it lives,
/// with a viewport of its whole size and all state as GL starts with.
class Target {
  public:
    enum class Depth : uint8_t { kNone, k24Stencil8, k16, k32Float };

    Target(int width, int height, Depth depth = Depth::kNone, GLenum format = GL_RGBA8);
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;
    ~Target();

    int width() const { return width_; }
    int height() const { return height_; }
    GLuint framebuffer() const { return framebuffer_; }
    /// Bottom row first.
    std::vector<uint8_t> read() const;
    /// Fails the test unless every pixel is within `tolerance` of `expected` at its place.
    void expect(const std::function<Rgba(int x, int y)>& expected, int tolerance = 0) const;

  private:
    int width_, height_;
    Texture colour_;
    GLuint depth_ = 0;
    GLuint framebuffer_ = 0;
};

/// One shader of a program.
struct Shader {
    GLenum kind;
    const char* source;
};

/// A program of shaders for drawing.
class Painter {
  public:
    /// Attributes 0 and 1 are called "position" (vec4) and "value" (vec4) in the vertex shader.
    Painter(const char* vertex_source, const char* fragment_source);
    /// The same with any stages. Transform feedback captures the vertex outputs `captured`, one
    /// after the other.
    explicit Painter(const std::vector<Shader>& shaders,
                     const std::vector<const char*>& captured = {});
    /// The usual vertex shader: position passed on, `value` as the varying "v".
    explicit Painter(const char* fragment_source);
    Painter(const Painter&) = delete;
    Painter& operator=(const Painter&) = delete;
    ~Painter();

    void use() const;
    GLint uniform(const char* name) const;

  private:
    GLuint name_ = 0;
};

struct PaintVertex {
    float position[4];
    float value[4];
};

/// Draws `vertices` with what is in use.
void paint(GLenum mode, const std::vector<PaintVertex>& vertices, int instances = 1);
void paint_indexed(GLenum mode, const std::vector<PaintVertex>& vertices,
                   const std::vector<uint16_t>& indices);
/// A rectangle of the whole viewport at depth `z`, `value` everywhere.
void paint_all(float z, const std::array<float, 4>& value);

/// `bytes` as the nearest of 256 steps between 0 and 1.
int to_byte(double value);

}  // namespace viaduct::gles
