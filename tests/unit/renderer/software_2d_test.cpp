// 2D resources without a system library, over the C ABI.
#include <drm_fourcc.h>

#include <cstdlib>
#include <cstring>

#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

constexpr uint32_t kWidth = 8;
constexpr uint32_t kHeight = 4;

class Software : public Vmm {
  protected:
    Software() { EXPECT_EQ(init(0), 0); }
    static int create(uint32_t id, uint32_t width = kWidth, uint32_t height = kHeight,
                      uint32_t format = 2, uint32_t target = 2) {
        virgl_renderer_resource_create_args args{id, target, format, 2, width, height,
                                                 1,  1,      0,      0, 0};
        return virgl_renderer_resource_create(&args, nullptr, 0);
    }
    static std::vector<uint32_t> pattern(size_t pixels) {
        std::vector<uint32_t> out(pixels);
        for (size_t i = 0; i < pixels; ++i) out[i] = static_cast<uint32_t>(i * 0x01010101u);
        return out;
    }
};

TEST_F(Software, CreateChecksItsArguments) {
    EXPECT_EQ(create(0), EINVAL);
    EXPECT_EQ(create(1), 0);
    EXPECT_EQ(create(1), -EINVAL);
    EXPECT_EQ(create(2, 0, 4), EINVAL);
    EXPECT_EQ(create(2, 4, 0), EINVAL);
    EXPECT_EQ(create(2, 16385, 1), EINVAL);
    EXPECT_EQ(create(2, UINT32_MAX, UINT32_MAX), EINVAL);
    EXPECT_EQ(create(2, 4, 4, 64), EINVAL) << "not one of virtio's 2D formats";
    EXPECT_EQ(create(2, 4, 4, 2, 0), EINVAL) << "a buffer";
    EXPECT_EQ(virgl_renderer_resource_create(nullptr, nullptr, 0), EINVAL);
}

TEST_F(Software, MemoryIsBoundedAndComesBack) {
    EXPECT_EQ(create(1, 16384, 16384), 0) << "1 GiB, untouched";
    EXPECT_EQ(create(2, 64, 64), ENOMEM);
    virgl_renderer_resource_unref(1);
    EXPECT_EQ(create(2, 64, 64), 0);
}

TEST_F(Software, WhatIsWrittenIsRead) {
    ASSERT_EQ(create(1), 0);
    auto pixels = pattern(kWidth * kHeight);
    iovec backing[] = {{pixels.data(), 20}, {reinterpret_cast<char*>(pixels.data()) + 20, 108}};
    ASSERT_EQ(virgl_renderer_resource_attach_iov(1, backing, 2), 0);
    virgl_box all{0, 0, 0, kWidth, kHeight, 1};
    ASSERT_EQ(virgl_renderer_transfer_write_iov(1, 0, 0, 0, 0, &all, 0, nullptr, 0), 0);

    std::vector<uint32_t> out(pixels.size());
    iovec to{out.data(), out.size() * 4};
    ASSERT_EQ(virgl_renderer_transfer_read_iov(1, 0, 0, 0, 0, &all, 0, &to, 1), 0);
    EXPECT_EQ(out, pixels);

    std::fill(out.begin(), out.end(), 0);
    virgl_renderer_get_rect(1, &to, 1, 4 * (kWidth * 1 + 2), 2, 1, 3, 2);
    for (uint32_t y = 0; y < kHeight; ++y)
        for (uint32_t x = 0; x < kWidth; ++x) {
            const bool inside = x >= 2 && x < 5 && y >= 1 && y < 3;
            EXPECT_EQ(out[y * kWidth + x], inside ? pixels[y * kWidth + x] : 0) << x << ',' << y;
        }

    uint32_t width = 0, height = 0;
    void* cursor = virgl_renderer_get_cursor_data(1, &width, &height);
    ASSERT_NE(cursor, nullptr);
    EXPECT_EQ(width, kWidth);
    EXPECT_EQ(height, kHeight);
    EXPECT_EQ(std::memcmp(cursor, pixels.data(), pixels.size() * 4), 0);
    std::free(cursor);
}

TEST_F(Software, TransfersStayInsideImageAndMemory) {
    ASSERT_EQ(create(1), 0);
    auto pixels = pattern(kWidth * kHeight);
    iovec backing{pixels.data(), pixels.size() * 4};
    virgl_box all{0, 0, 0, kWidth, kHeight, 1};
    EXPECT_EQ(virgl_renderer_transfer_write_iov(1, 0, 0, 0, 0, &all, 0, nullptr, 0), EINVAL)
        << "no backing";
    ASSERT_EQ(virgl_renderer_resource_attach_iov(1, &backing, 1), 0);
    EXPECT_EQ(virgl_renderer_resource_attach_iov(1, &backing, 1), EINVAL);
    const virgl_box outside[] = {{1, 0, 0, kWidth, 1, 1},     {0, 1, 0, 1, kHeight, 1},
                                 {UINT32_MAX, 0, 0, 2, 1, 1}, {2, 0, 0, UINT32_MAX, 1, 1},
                                 {0, 0, 1, 1, 1, 1},          {0, 0, 0, 1, 1, 2}};
    for (virgl_box box : outside)
        EXPECT_EQ(virgl_renderer_transfer_write_iov(1, 0, 0, 0, 0, &box, 0, nullptr, 0), EINVAL);
    const uint64_t bytes = pixels.size() * 4;
    for (const uint64_t offset : {uint64_t{4}, bytes, UINT64_MAX, UINT64_MAX - 64})
        EXPECT_EQ(virgl_renderer_transfer_write_iov(1, 0, 0, 0, 0, &all, offset, nullptr, 0),
                  EINVAL)
            << offset;
    EXPECT_EQ(virgl_renderer_transfer_write_iov(1, 0, 0, UINT32_MAX, 0, &all, 0, nullptr, 0),
              EINVAL);
    EXPECT_EQ(virgl_renderer_transfer_write_iov(1, 0, 0, 4, 0, &all, 0, nullptr, 0), EINVAL)
        << "rows overlap";
    EXPECT_EQ(virgl_renderer_transfer_write_iov(1, 0, 1, 0, 0, &all, 0, nullptr, 0), EINVAL);
    EXPECT_EQ(virgl_renderer_transfer_write_iov(1, 0, 0, 0, 0, nullptr, 0, nullptr, 0), EINVAL);
}

TEST_F(Software, InfoDescribesTheImage) {
    ASSERT_EQ(create(1), 0);
    virgl_renderer_resource_info info;
    std::memset(&info, 0x5a, sizeof info);
    ASSERT_EQ(virgl_renderer_resource_get_info(1, &info), 0);
    EXPECT_EQ(info.handle, 1u);
    EXPECT_EQ(info.virgl_format, 2u);
    EXPECT_EQ(info.width, kWidth);
    EXPECT_EQ(info.height, kHeight);
    EXPECT_EQ(info.stride, kWidth * 4);
    EXPECT_EQ(info.drm_fourcc, static_cast<int>(DRM_FORMAT_XRGB8888));
    EXPECT_EQ(info.tex_id, 0u);
    EXPECT_EQ(info.fd, -1);
}

TEST_F(Software, DetachGivesTheBackingBack) {
    ASSERT_EQ(create(1), 0);
    char memory[64];
    iovec backing{memory, sizeof memory};
    ASSERT_EQ(virgl_renderer_resource_attach_iov(1, &backing, 1), 0);
    iovec* back = nullptr;
    int count = 0;
    virgl_renderer_resource_detach_iov(1, &back, &count);
    EXPECT_EQ(back, &backing);
    EXPECT_EQ(count, 1);
    virgl_renderer_resource_detach_iov(1, nullptr, nullptr);
}

}  // namespace
}  // namespace viaduct::test
