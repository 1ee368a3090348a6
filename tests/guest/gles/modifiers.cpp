// Which layouts of images EGL offers for sharing.
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace viaduct::gles {
namespace {

constexpr EGLint kXrgb8888 = 0x34325258;  // drm_fourcc.h: "XR24"
constexpr EGLuint64KHR kLinear = 0;       // DRM_FORMAT_MOD_LINEAR
constexpr EGLuint64KHR kAmd = 2;          // DRM_FORMAT_MOD_VENDOR_AMD, in the upper eight bits

std::vector<EGLuint64KHR> modifiers_of(EGLint format) {
    const auto query = reinterpret_cast<PFNEGLQUERYDMABUFMODIFIERSEXTPROC>(
        eglGetProcAddress("eglQueryDmaBufModifiersEXT"));
    EGLDisplay display = eglGetCurrentDisplay();
    EGLint count = 0;
    if (!query || !query(display, format, 0, nullptr, nullptr, &count)) return {};
    std::vector<EGLuint64KHR> modifiers(static_cast<size_t>(count));
    query(display, format, count, modifiers.data(), nullptr, &count);
    return modifiers;
}

// Compositors and what they show agree on one of these. Mesa offers them where the kernel takes
// them for a screen (ac_gpu_info.c, has_modifiers).
TEST(Modifiers, BothLinearAndTheGpusOwnAreOffered) {
    const auto modifiers = modifiers_of(kXrgb8888);
    EXPECT_EQ(std::ranges::count(modifiers, kLinear), 1);
    EXPECT_TRUE(
        std::ranges::any_of(modifiers, [](EGLuint64KHR each) { return each >> 56 == kAmd; }))
        << modifiers.size() << " modifiers";
}

}  // namespace
}  // namespace viaduct::gles
