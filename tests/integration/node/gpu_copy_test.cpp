// The GPU's copy of a frame that a compositor cannot import: drawn with GLES on the simulated GPU
// in its own layout, shown by the presenter, and compared in the compositor's buffer.
#include <drm_fourcc.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstring>
#include <thread>

#include "blob/dmabuf.h"
#include "blob/mapping.h"
#include "display/gpu_copy/egl_copier.h"
#include "display/gpu_copy/egl_display.h"
#include "display/render_node.h"
#include "display/wayland/presenter.h"
#include "tests/support/compositor/compositor.h"

namespace viaduct::gpu_copy {
namespace {

constexpr const char* kNode = "/dev/dri/renderD128";
constexpr uint32_t kFormat = DRM_FORMAT_XRGB8888;
constexpr uint32_t kTile = 8;  // pixels that have one colour

dev_t node_device() {
    struct stat status {};
    EXPECT_EQ(::stat(kNode, &status), 0);
    return status.st_rdev;
}

/// The colour of a pixel of picture `seed`.
uint32_t colour_at(uint32_t x, uint32_t y, uint32_t seed) {
    const uint32_t tile = (y / kTile) * 61 + x / kTile;
    return ((tile * 7 + seed) & 0xff) << 16 | ((tile * 13) & 0xff) << 8 | (x / kTile & 0xff);
}

std::vector<uint32_t> picture(uint32_t width, uint32_t height, uint32_t seed) {
    std::vector<uint32_t> pixels;
    for (uint32_t y = 0; y < height; ++y)
        for (uint32_t x = 0; x < width; ++x) pixels.push_back(colour_at(x, y, seed));
    return pixels;
}

/// Pixels in rows, when the GPU has done with them.
std::vector<uint32_t> rows_of(int memory, uint32_t width, uint32_t height, uint32_t offset,
                              uint32_t stride) {
    EXPECT_TRUE(begin_cpu_access(memory, BufferAccess::kRead));
    const auto mapping = Mapping::map_read_only(memory, offset + size_t{stride} * height).value();
    std::vector<uint32_t> pixels(size_t{width} * height);
    for (uint32_t y = 0; y < height; ++y)
        std::memcpy(&pixels[size_t{y} * width], mapping.data() + offset + size_t{y} * stride,
                    size_t{width} * 4);
    EXPECT_TRUE(end_cpu_access(memory, BufferAccess::kRead));
    for (uint32_t& pixel : pixels) pixel &= 0xffffff;
    return pixels;
}

/// A guest: draws into buffers of its own, of the layout that its driver likes best.
class Painter {
  public:
    struct Painting {
        std::vector<UniqueFd> memory;  // of each plane
        FrameDescription description;
        UniqueFd drawn;  // a sync file
    };

    Painter() : display_(EglDisplay::open(gl_, open_render_node(kNode).value()).value()) {
        find("glClear", clear_);
        find("glClearColor", clear_color_);
        find("glScissor", scissor_);
        find("glEnable", enable_);
        find("eglQueryDmaBufModifiersEXT", query_modifiers_);
        enable_(GL_SCISSOR_TEST);
    }
    ~Painter() {
        for (gbm_bo* bo : bos_) gl_.gbm_bo_destroy(bo);
    }

    /// Modifiers of colour buffers.
    std::vector<uint64_t> modifiers() const {
        EGLuint64KHR all[64];
        EGLBoolean external[64];
        EGLint count = 0;
        query_modifiers_(display_->handle(), static_cast<EGLint>(kFormat), 64, all, external,
                         &count);
        std::vector<uint64_t> own;
        for (int i = 0; i < count; ++i)
            if (!external[i] && all[i] != DRM_FORMAT_MOD_LINEAR) own.push_back(all[i]);
        return own;
    }

    /// INVALID: of an unknown layout, as a guest's kernel announces it.
    Painting paint(uint32_t width, uint32_t height, uint32_t seed,
                   uint64_t modifier = DRM_FORMAT_MOD_INVALID) {
        gbm_bo* bo =
            modifier == DRM_FORMAT_MOD_INVALID
                ? gl_.gbm_bo_create(display_->gbm(), width, height, kFormat, GBM_BO_USE_RENDERING)
                : gl_.gbm_bo_create_with_modifiers2(display_->gbm(), width, height, kFormat,
                                                    &modifier, 1, GBM_BO_USE_RENDERING);
        EXPECT_TRUE(bo);
        bos_.push_back(bo);
        Painting painting;
        painting.description.width = width;
        painting.description.height = height;
        painting.description.fourcc = kFormat;
        painting.description.modifier = modifier;
        for (int i = 0; i < gl_.gbm_bo_get_plane_count(bo); ++i) {
            painting.memory.emplace_back(gl_.gbm_bo_get_fd_for_plane(bo, i));
            painting.description.planes.push_back({painting.memory.back().get(),
                                                   gl_.gbm_bo_get_offset(bo, i),
                                                   gl_.gbm_bo_get_stride_for_plane(bo, i)});
        }
        draw(bo, width, height, seed);
        const EGLSyncKHR sync =
            gl_.eglCreateSyncKHR(display_->handle(), EGL_SYNC_NATIVE_FENCE_ANDROID, nullptr);
        gl_.glFlush();
        painting.drawn.reset(gl_.eglDupNativeFenceFDANDROID(display_->handle(), sync));
        gl_.eglDestroySyncKHR(display_->handle(), sync);
        painting.description.acquire_fence = painting.drawn.get();
        return painting;
    }

  private:
    template <typename Function>
    void find(const char* name, Function& function) {
        function = reinterpret_cast<Function>(gl_.eglGetProcAddress(name));
        EXPECT_TRUE(function) << name;
    }
    void draw(gbm_bo* bo, uint32_t width, uint32_t height, uint32_t seed) {
        const EGLImageKHR image = gl_.eglCreateImageKHR(display_->handle(), EGL_NO_CONTEXT,
                                                        EGL_NATIVE_PIXMAP_KHR, bo, nullptr);
        ASSERT_TRUE(image);
        GLuint colours = 0;
        GLuint framebuffer = 0;
        gl_.glGenRenderbuffers(1, &colours);
        gl_.glBindRenderbuffer(GL_RENDERBUFFER, colours);
        gl_.glEGLImageTargetRenderbufferStorageOES(GL_RENDERBUFFER, image);
        gl_.glGenFramebuffers(1, &framebuffer);
        gl_.glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
        gl_.glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER,
                                      colours);
        ASSERT_EQ(gl_.glCheckFramebufferStatus(GL_FRAMEBUFFER),
                  static_cast<GLenum>(GL_FRAMEBUFFER_COMPLETE));
        for (uint32_t y = 0; y < height; y += kTile)
            for (uint32_t x = 0; x < width; x += kTile) {
                const uint32_t colour = colour_at(x, y, seed);
                const auto part = [&](int shift) {
                    return static_cast<float>(colour >> shift & 0xff) / 255.0F;
                };
                clear_color_(part(16), part(8), part(0), 1);
                scissor_(static_cast<GLint>(x), static_cast<GLint>(y), kTile, kTile);
                clear_(GL_COLOR_BUFFER_BIT);
            }
        gl_.glDeleteFramebuffers(1, &framebuffer);
        gl_.glDeleteRenderbuffers(1, &colours);
        gl_.eglDestroyImageKHR(display_->handle(), image);
    }

    const EglLibrary& gl_ = *EglLibrary::get().value();
    std::unique_ptr<EglDisplay> display_;
    std::vector<gbm_bo*> bos_;
    decltype(&::glClear) clear_ = nullptr;
    decltype(&::glClearColor) clear_color_ = nullptr;
    decltype(&::glScissor) scissor_ = nullptr;
    decltype(&::glEnable) enable_ = nullptr;
    decltype(&::eglQueryDmaBufModifiersEXT) query_modifiers_ = nullptr;
};

/// A frame's pixels, copied into rows. On a thread of its own: this one's context is the painter's.
std::vector<uint32_t> rows_by_gpu(const Frame& frame) {
    std::vector<uint32_t> pixels;
    std::thread([&] {
        const auto copier = open_egl_copier(node_device()).value();
        const uint32_t width = frame.layout().width;
        const uint32_t height = frame.layout().height;
        const auto rows =
            copier->make_target({width, height, kFormat, {DRM_FORMAT_MOD_LINEAR}}).value();
        EXPECT_TRUE(copier->copy(frame, -1, *rows));
        const auto plane = rows->description().planes[0];
        pixels = rows_of(plane.fd, width, height, plane.offset, plane.stride);
    }).join();
    return pixels;
}

class GpuCopyTest : public ::testing::Test, public wayland::PresenterListener {
  protected:
    void start(std::vector<uint64_t> modifiers) {
        test::CompositorOffers offers;
        offers.main_device = node_device();
        offers.tranches = {{offers.main_device, false, {}}};
        for (const uint64_t modifier : modifiers)
            offers.tranches[0].formats.push_back({kFormat, modifier});
        compositor = std::make_unique<test::Compositor>(std::move(offers));
        wayland::Presenter::Options options;
        options.open_copier = open_egl_copier;
        presenter = std::make_unique<wayland::Presenter>(
            wayland::Connection::adopt(compositor->connect()).value(), std::move(options), *this);
        settle();
        compositor->configure(0, 0);
        settle();
    }
    void settle() {
        for (int i = 0; i < 8; ++i) {
            compositor->turn();
            presenter->dispatch();
        }
    }
    template <typename Condition>
    void run_until(const Condition& condition) {
        constexpr int kPatience = 60'000;
        for (settle(); !condition(); settle()) {
            pollfd ready{presenter->fd(), POLLIN, 0};
            ASSERT_EQ(::poll(&ready, 1, kPatience), 1) << "nothing comes any more";
        }
    }
    /// Shows it, until the guest may draw the next one.
    void show(const Painter::Painting& painting) {
        const size_t before = compositor->commits.size();
        ASSERT_TRUE(presenter->present(Frame::check(painting.description).value(), ++number));
        run_until([&] { return ended == number && compositor->commits.size() > before; });
        compositor->send_frame_done();
        if (const auto& buffer = compositor->commits[before - 1].buffer)
            compositor->release(buffer);
        settle();
    }
    std::vector<uint32_t> shown_rows() const {
        const test::ServerBuffer* buffer = shown();
        if (!buffer || buffer->modifier != DRM_FORMAT_MOD_LINEAR) return {};
        const auto& plane = buffer->planes[0];
        return rows_of(plane.memory.get(), static_cast<uint32_t>(buffer->width),
                       static_cast<uint32_t>(buffer->height), plane.offset, plane.stride);
    }
    const test::ServerBuffer* shown() const { return compositor->commits.back().dmabuf; }
    void released(uint64_t frame) override { ended = frame; }

    std::unique_ptr<test::Compositor> compositor;
    std::unique_ptr<wayland::Presenter> presenter;
    uint64_t number = 0;
    uint64_t ended = 0;
};

class GpuCopyResetTest : public GpuCopyTest {};

TEST_F(GpuCopyTest, ACompositorThatTakesRowsGetsEveryPixel) {
    Painter guest;
    start({DRM_FORMAT_MOD_LINEAR});
    uint32_t seed = 0;
    for (const auto& [width, height] :
         std::vector<std::pair<uint32_t, uint32_t>>{{320, 200}, {301, 199}, {64, 64}, {8, 1000}}) {
        const auto painting = guest.paint(width, height, ++seed);
        const auto& plane = painting.description.planes[0];
        EXPECT_NE(rows_of(plane.fd, width, height, plane.offset, plane.stride),
                  picture(width, height, seed))
            << "the guest's layout is not in rows, so that there is something to copy";
        show(painting);
        EXPECT_EQ(shown_rows(), picture(width, height, seed)) << width << "x" << height;
    }
    EXPECT_EQ(presenter->counts().blitted, 4U);
    EXPECT_EQ(presenter->counts().copied + presenter->counts().zero_copy, 0U);
    EXPECT_EQ(compositor->error, "");
}

TEST_F(GpuCopyTest, FlipsUseTheSameFewBuffers) {
    Painter guest;
    start({DRM_FORMAT_MOD_LINEAR});
    std::vector<Painter::Painting> paintings;
    for (uint32_t seed = 0; seed < 2; ++seed) paintings.push_back(guest.paint(128, 96, seed));
    for (uint32_t i = 0; i < 20; ++i) {
        show(paintings[i % 2]);
        ASSERT_EQ(shown_rows(), picture(128, 96, i % 2)) << i;
    }
    EXPECT_EQ(presenter->counts().blitted, 20U);
    EXPECT_LE(compositor->imports, 3);
}

// Compressed ones as well, which have several planes.
TEST_F(GpuCopyTest, TheGuestsBufferMayHaveAnyModifier) {
    Painter guest;
    start({DRM_FORMAT_MOD_LINEAR});
    const auto all = guest.modifiers();
    ASSERT_GE(all.size(), 2U);
    uint32_t seed = 0;
    for (const uint64_t modifier : all) {
        show(guest.paint(320, 200, ++seed, modifier));
        EXPECT_EQ(shown_rows(), picture(320, 200, seed)) << std::hex << modifier;
    }
    EXPECT_EQ(presenter->counts().blitted, all.size());
}

TEST_F(GpuCopyTest, ACompositorThatTakesAnotherModifierGetsThat) {
    Painter guest;
    for (const uint64_t modifier : guest.modifiers()) {
        start({modifier});
        show(guest.paint(320, 200, 5));
        ASSERT_TRUE(shown());
        EXPECT_EQ(shown()->modifier, modifier);
        EXPECT_EQ(presenter->counts().blitted, 1U);
        // To be compared, it is copied into rows.
        FrameDescription description;
        for (const auto& plane : shown()->planes)
            description.planes.push_back({plane.memory.get(), plane.offset, plane.stride});
        description.width = 320;
        description.height = 200;
        description.fourcc = kFormat;
        description.modifier = modifier;
        const auto frame = Frame::check(description);
        ASSERT_TRUE(frame) << frame.error().message;
        EXPECT_EQ(rows_by_gpu(*frame), picture(320, 200, 5)) << std::hex << modifier;
    }
}

TEST_F(GpuCopyTest, AFrameThatTheDriverRefusesIsNotShown) {
    start({DRM_FORMAT_MOD_LINEAR});
    Painter guest;
    auto painting = guest.paint(320, 200, 1);
    painting.description.modifier = fourcc_mod_code(INTEL, 1);
    ASSERT_TRUE(presenter->present(Frame::check(painting.description).value(), ++number));
    run_until([&] { return ended == number; });
    EXPECT_EQ(presenter->counts().refused, 1U);
    show(guest.paint(320, 200, 2));
    EXPECT_EQ(presenter->counts().blitted, 1U) << "others are";
}

// With a hang that VIADUCT_SIMGPU_INJECT asks for, in one of the copies.
TEST_F(GpuCopyResetTest, FramesGoTheOldWayAfterAReset) {
    Painter guest;
    start({DRM_FORMAT_MOD_LINEAR});
    const auto tiled = guest.paint(128, 96, 1);
    const auto rows = guest.paint(128, 96, 2, DRM_FORMAT_MOD_LINEAR);
    for (int i = 0; i < 20 && presenter->counts().refused == 0; ++i) {
        ASSERT_TRUE(presenter->present(Frame::check(tiled.description).value(), ++number));
        run_until([&] { return ended == number; });
        for (const auto& buffer : compositor->buffers)
            if (buffer->resource) compositor->release(buffer->resource);
        compositor->send_frame_done();
    }
    EXPECT_GT(presenter->counts().blitted, 0U);
    EXPECT_EQ(presenter->counts().refused, 1U);
    ASSERT_TRUE(presenter->present(Frame::check(rows.description).value(), ++number));
    run_until([&] { return presenter->counts().zero_copy == 1; });
    settle();
    EXPECT_EQ(shown_rows(), picture(128, 96, 2));
    EXPECT_EQ(compositor->error, "");
}

TEST(EglCopier, SaysWhyThereIsNone) {
    const auto none = open_egl_copier(::makedev(226, 200));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ENODEV) << none.error().message;
}

TEST(EglCopier, IsChosenByTheEnvironment) {
    for (const auto& [value, by_default, there] :
         std::vector<std::tuple<const char*, bool, bool>>{{nullptr, true, true},
                                                          {nullptr, false, false},
                                                          {"on", false, true},
                                                          {"off", true, false},
                                                          {"maybe", true, true}}) {
        if (value)
            ::setenv("VIADUCT_GPU_COPIES", value, 1);
        else
            ::unsetenv("VIADUCT_GPU_COPIES");
        EXPECT_EQ(static_cast<bool>(chosen_copier(by_default)), there) << (value ? value : "unset");
    }
    ::unsetenv("VIADUCT_GPU_COPIES");
}

}  // namespace
}  // namespace viaduct::gpu_copy
