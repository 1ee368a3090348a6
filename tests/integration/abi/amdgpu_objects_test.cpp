// Buffers, as amdgpu's guests alone can have them.
#include <amdgpu_drm.h>
#include <drm_fourcc.h>
#include <gtest/gtest.h>

#include "tests/integration/abi/amdgpu_driver.h"

namespace viaduct::test {
namespace {

namespace w = wire::amdgpu;

class AmdgpuObjects : public ::testing::Test {
  protected:
    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
};

TEST_F(AmdgpuObjects, BlobIdsOfMoreThan32Bits) {  // C2
    guest_.make_buffer(1ull << 32, 4096);
    guest_.make_buffer((1ull << 32) + 5, 4096);
    EXPECT_EQ(guest_.loss_field(), 2u);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), (1ull << 32) + 5, 4096), -ENOENT);
}

TEST_F(AmdgpuObjects, WholePagesAreABuffersOwn) {  // C5
    guest_.make_buffer(1, 4000);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 1, 4097), -EINVAL);
    guest_.make_buffer(2, 4000);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 2, 4096), 0);
}

TEST_F(AmdgpuObjects, WhatTheCpuMayNotSeeIsNotMapped) {  // C14
    void* mapped = nullptr;
    uint64_t size = 0;
    const uint32_t hidden = create_amdgpu_buffer(guest_, 4096, kMappable, AMDGPU_GEM_DOMAIN_VRAM,
                                                 AMDGPU_GEM_CREATE_NO_CPU_ACCESS);
    ASSERT_NE(hidden, 0u);
    EXPECT_EQ(virgl_renderer_resource_map(hidden, &mapped, &size), -EINVAL);
}

// The kernel exports no buffer that is always valid, and whether one is to be shared is said only
// after it was made.
TEST_F(AmdgpuObjects, WhatIsAnnouncedShareableCanBeSharedThoughItWasToBeAlwaysValid) {
    const uint32_t res_id =
        create_amdgpu_buffer(guest_, 8192, kMappable | kShareable, AMDGPU_GEM_DOMAIN_GTT,
                             AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    ASSERT_NE(res_id, 0u);
    uint32_t type = 0;
    int fd = -1;
    EXPECT_EQ(virgl_renderer_resource_export_blob(res_id, &type, &fd), 0);
    const UniqueFd dmabuf(fd);
    EXPECT_EQ(type, uint32_t{VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF});
    GuestContext other(vmm_, 2);
    virgl_renderer_ctx_attach_resource(2, static_cast<int>(res_id));
    EXPECT_EQ(other.error_of(res_id), 0);
    EXPECT_EQ(guest_.loss_field(), 0u);
}

TEST_F(AmdgpuObjects, ReusedIdsCarryNothingOver) {  // C18
    const uint32_t cached = guest_.create_buffer(4096);
    uint32_t info = 0;
    ASSERT_EQ(virgl_renderer_resource_get_map_info(cached, &info), 0);
    EXPECT_EQ(info, uint32_t{VIRGL_RENDERER_MAP_CACHE_CACHED});
    virgl_renderer_ctx_detach_resource(1, static_cast<int>(cached));
    virgl_renderer_resource_unref(cached);
    const uint64_t blob_id = guest_.next_blob_id();
    guest_.ask(gem_new(blob_id, 4096, AMDGPU_GEM_DOMAIN_VRAM));
    ASSERT_EQ(guest_.create_blob(cached, blob_id, 4096), 0);
    ASSERT_EQ(virgl_renderer_resource_get_map_info(cached, &info), 0);
    EXPECT_EQ(info, uint32_t{VIRGL_RENDERER_MAP_CACHE_WC});
}

TEST_F(AmdgpuObjects, MetadataOfAnySize) {  // C22
    const uint32_t res_id = guest_.create_buffer(4096);
    struct Case {
        uint32_t size, payload;
        int32_t ret;
    };
    for (const Case& c :
         {Case{0, 0, 0}, Case{256, 256, 0}, Case{12, 12, 0}, Case{257, 264, -EINVAL},
          Case{256, 248, -EINVAL}, Case{0xffffffff, 0, -EINVAL}, Case{0x80000000, 256, -EINVAL}}) {
        w::SetMetadataRequest request{};
        request.res_id = res_id;
        request.size_metadata = c.size;
        std::vector<std::byte> bytes(sizeof(request) + c.payload);
        std::memcpy(bytes.data(), &request, sizeof(request));
        const auto answer =
            guest_.call_bytes(static_cast<uint32_t>(w::Command::kSetMetadata), bytes, 8);
        int32_t ret;
        std::memcpy(&ret, answer.data() + 4, sizeof(ret));
        EXPECT_EQ(ret, c.ret) << c.size << " of " << c.payload;
    }
}

TEST_F(AmdgpuObjects, MetadataAndFactsComeBack) {
    constexpr uint64_t kFlags = AMDGPU_GEM_CREATE_EXPLICIT_SYNC;
    w::GemNewRequest created{};
    created.blob_id = guest_.next_blob_id();
    created.alloc_size = 65536;
    created.phys_alignment = 8192;
    created.preferred_heap = AMDGPU_GEM_DOMAIN_VRAM;
    created.flags = kFlags;
    guest_.call(static_cast<uint32_t>(w::Command::kGemNew), created, 0);
    const uint32_t res_id = vmm_.next_res_id();
    ASSERT_EQ(guest_.create_blob(res_id, created.blob_id, 65536), 0);

    constexpr uint8_t kMetadata[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    w::SetMetadataRequest request{};
    request.res_id = res_id;
    request.flags = 0x1234;
    request.tiling_info = 0x5678'9abc'def0;
    request.size_metadata = sizeof(kMetadata);
    std::vector<std::byte> bytes(sizeof(request) + sizeof(kMetadata));
    std::memcpy(bytes.data(), &request, sizeof(request));
    std::memcpy(bytes.data() + sizeof(request), kMetadata, sizeof(kMetadata));
    guest_.call_bytes(static_cast<uint32_t>(w::Command::kSetMetadata), bytes, 8);

    w::BoQueryInfoRequest query{};
    query.res_id = res_id;
    const auto facts = guest_.ask<w::BoQueryInfoResponse>(w::Command::kBoQueryInfo, query);
    EXPECT_EQ(facts.base.ret, 0);
    EXPECT_EQ(facts.alloc_size, 65536u);
    EXPECT_EQ(facts.phys_alignment, 8192u);
    EXPECT_EQ(facts.preferred_heap, uint32_t{AMDGPU_GEM_DOMAIN_VRAM});
    EXPECT_EQ(facts.alloc_flags, kFlags | kKernelsFlags);
    EXPECT_EQ(facts.metadata_flags, 0x1234u);
    EXPECT_EQ(facts.tiling_info, 0x5678'9abc'def0u);
    ASSERT_EQ(facts.size_metadata, sizeof(kMetadata));
    EXPECT_EQ(std::memcmp(facts.umd_metadata, kMetadata, sizeof(kMetadata)), 0);
}

// As Mesa describes an image of XRGB8888 in rows when it exports it.
TEST_F(AmdgpuObjects, TheVmmLearnsTheLayoutOfAnExportedImage) {
    const uint32_t image = guest_.create_buffer(512 << 10, kMappable | kShareable);
    ASSERT_NE(image, 0u);
    virgl_renderer_resource_info_ext info{};
    ASSERT_EQ(virgl_renderer_resource_get_info_ext(static_cast<int>(image), &info), 0);
    EXPECT_EQ(info.modifiers, DRM_FORMAT_MOD_INVALID);
    const uint32_t words[10] = {
        1, 0, 0, 10u << 20, 299 | 199 << 14, 6 | 5 << 3 | 4 << 6 | 1 << 9, 319 << 13};
    w::SetMetadataRequest request{};
    request.res_id = image;
    request.size_metadata = sizeof(words);
    Message message = Message::of(w::Command::kSetMetadata, request, sizeof(w::Response),
                                  offsetof(w::Response, ret));
    message.append(std::as_bytes(std::span(words)));
    ASSERT_EQ(guest_.ask(message), 0);
    ASSERT_EQ(virgl_renderer_resource_get_info_ext(static_cast<int>(image), &info), 0);
    EXPECT_GE(info.base.fd, 0);
    EXPECT_TRUE(info.has_dmabuf_export);
    EXPECT_EQ(info.planes, 1);
    EXPECT_EQ(info.base.width, 300u);
    EXPECT_EQ(info.base.height, 200u);
    EXPECT_EQ(info.base.stride, 320u * 4);
    EXPECT_EQ(info.base.drm_fourcc, static_cast<int>(DRM_FORMAT_XRGB8888));
    EXPECT_EQ(info.modifiers, DRM_FORMAT_MOD_LINEAR);
}

}  // namespace
}  // namespace viaduct::test
