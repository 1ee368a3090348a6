// The host has given the context up: for the driver that is a GPU after a reset. Submissions fail,
// and nothing else does that drivers do not expect to fail.
#include <gtest/gtest.h>

#include "tests/unit/guest-mesa/layer/amdgpu/fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

class LostHost : public DriverTest {
  protected:
    LostHost() {
        host.give_up();
        blobs_before = host.blobs.size();
    }

    uint64_t map_offset(uint32_t handle, int expected = 0) {
        drm_amdgpu_gem_mmap arg{};
        arg.in.handle = handle;
        EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_MMAP, arg), expected);
        return arg.out.addr_ptr;
    }
    int close(uint32_t handle) {
        drm_gem_close arg{handle, 0};
        return call(DRM_IOCTL_GEM_CLOSE, arg);
    }
    size_t new_blobs() const { return host.blobs.size() - blobs_before; }

    const uint32_t context = create_context();
    const uint32_t old_buffer = create_buffer(8192, AMDGPU_GEM_DOMAIN_VRAM, 0);
    size_t blobs_before = 0;
};

TEST_F(LostHost, SubmissionsAreCancelledAndTheContextWasReset) {
    EXPECT_EQ(submit(context, AMDGPU_HW_IP_GFX, 0), -ECANCELED);
    EXPECT_NE(state_flags(context) & AMDGPU_CTX_QUERY2_FLAGS_RESET, 0u);
}

TEST_F(LostHost, ThereIsNoOtherContextOnThisFile) {
    drm_amdgpu_ctx arg{};
    arg.in.op = AMDGPU_CTX_OP_ALLOC_CTX;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_CTX, arg), -ENODEV);
}

TEST_F(LostHost, ANewBufferIsTheGuestsOwnMemory) {
    const size_t requests = host.requests.size();
    const uint32_t buffer = create_buffer(1 << 20, AMDGPU_GEM_DOMAIN_GTT, 0);
    ASSERT_EQ(new_blobs(), 1u);
    EXPECT_EQ(host.blobs.back().blob_mem, virtgpu::BlobMem::kGuest);
    EXPECT_EQ(host.blobs.back().blob_flags, virtgpu::kBlobMappable);
    EXPECT_EQ(host.blobs.back().size, uint64_t{1} << 20);
    EXPECT_EQ(host.requests.size(), requests) << "the host hears nothing";
    EXPECT_EQ(map_offset(buffer), uint64_t{buffer} << 32) << "it is mapped itself";
    EXPECT_EQ(new_blobs(), 1u);
    EXPECT_EQ(close(buffer), 0);
    EXPECT_EQ(host.closed, std::vector<uint32_t>{buffer});
}

TEST_F(LostHost, AnOldBufferIsMappedByAStandInThatGoesWithIt) {
    const uint64_t offset = map_offset(old_buffer);
    ASSERT_EQ(new_blobs(), 1u);
    EXPECT_EQ(host.blobs.back().blob_mem, virtgpu::BlobMem::kGuest);
    EXPECT_EQ(host.blobs.back().size, 8192u);
    EXPECT_NE(offset, uint64_t{old_buffer} << 32);
    EXPECT_EQ(map_offset(old_buffer), offset) << "one for all mappings";
    EXPECT_EQ(close(old_buffer), 0);
    const auto stand_in = static_cast<uint32_t>(offset >> 32);
    EXPECT_EQ(host.closed, (std::vector<uint32_t>{stand_in, old_buffer}));
    map_offset(999, -ENOENT);
}

TEST_F(LostHost, WhatOthersReachIsMappedItself) {
    drm_prime_handle arg{};
    arg.handle = old_buffer;
    EXPECT_EQ(call(DRM_IOCTL_PRIME_HANDLE_TO_FD, arg), 0);
    EXPECT_EQ(map_offset(old_buffer), uint64_t{old_buffer} << 32);
    EXPECT_EQ(new_blobs(), 0u);
}

TEST_F(LostHost, AddressesCanStillBeMapped) {
    GemVa va{};
    va.base.handle = old_buffer;
    va.base.operation = AMDGPU_VA_OP_MAP;
    va.base.va_address = 0x100000;
    va.base.map_size = 8192;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_VA, va), 0);
    va.vm_timeline_syncobj_out = 1;
    va.vm_timeline_point = 5;
    EXPECT_EQ(call(DRM_IOWR(_IOC_NR(DRM_IOCTL_AMDGPU_GEM_VA), GemVa), va), 0);
    ASSERT_FALSE(host.passed.empty()) << "who waits for the mapping would wait for ever";
    EXPECT_EQ(host.passed.back(), DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL);
}

TEST_F(LostHost, AnAnswerThatNobodyGaveIsAnError) {
    drm_amdgpu_gem_op op{};
    drm_amdgpu_gem_create_in info{};
    op.handle = old_buffer;
    op.op = AMDGPU_GEM_OP_GET_GEM_CREATE_INFO;
    op.value = user_pointer(&info);
    EXPECT_LT(call(DRM_IOCTL_AMDGPU_GEM_OP, op), 0);
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
