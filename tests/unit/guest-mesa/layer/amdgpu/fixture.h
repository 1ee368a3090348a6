// An open file of the layer on a scripted host.
#pragma once

#include <amdgpu_drm.h>
#include <gtest/gtest.h>

#include <vector>

#include "guest-mesa/layer/amdgpu/driver.h"
#include "guest-mesa/layer/open_node.h"
#include "tests/unit/guest-mesa/layer/fake_host.h"

namespace viaduct::guest::amdgpu {

using Command = wire::Command;

/// One open file, spoken to as libdrm does.
class DriverTest : public ::testing::Test {
  protected:
    /// `capset_flags`: what the host can do; 1 is has_vm_always_valid.
    explicit DriverTest(uint32_t capset_flags = 1)
        : node(capset_with(capset_flags), *find_driver(viaduct::wire::ContextType::kAmdgpu)) {}

    const viaduct::wire::CapsetDrm& capset_with(uint32_t flags) {
        auto amdgpu = host.capset.member<viaduct::wire::amdgpu::Capset>();
        amdgpu.flags = flags;
        host.capset.set_member(amdgpu);
        return host.capset;
    }
    template <typename T>
    int call(unsigned long request, T& arg) {
        return node.ioctl(channel, request, &arg);
    }
    uint32_t create_buffer(uint64_t size, uint64_t domains, uint64_t flags, int expected = 0) {
        drm_amdgpu_gem_create arg{};
        arg.in.bo_size = size;
        arg.in.alignment = 4096;
        arg.in.domains = domains;
        arg.in.domain_flags = flags;
        EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_CREATE, arg), expected);
        return arg.out.handle;
    }
    uint32_t create_syncobj() {
        drm_syncobj_create arg{};
        EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_CREATE, arg), 0);
        return arg.handle;
    }
    uint32_t create_context() {
        drm_amdgpu_ctx arg{};
        arg.in.op = AMDGPU_CTX_OP_ALLOC_CTX;
        EXPECT_EQ(call(DRM_IOCTL_AMDGPU_CTX, arg), 0);
        return arg.out.alloc.ctx_id;
    }
    int free_context(uint32_t context) {
        drm_amdgpu_ctx arg{};
        arg.in.op = AMDGPU_CTX_OP_FREE_CTX;
        arg.in.ctx_id = context;
        return call(DRM_IOCTL_AMDGPU_CTX, arg);
    }
    int submit(uint32_t context, uint32_t ip_type, uint32_t ring, uint64_t* seqno = nullptr,
               std::vector<drm_amdgpu_cs_chunk> more = {}) {
        drm_amdgpu_cs_chunk_ib ib{};
        ib.va_start = 0x800000;
        ib.ib_bytes = 64;
        ib.ip_type = ip_type;
        ib.ring = ring;
        more.push_back({AMDGPU_CHUNK_ID_IB, sizeof(ib) / 4, user_pointer(&ib)});
        std::vector<uint64_t> pointers;
        for (const auto& chunk : more) pointers.push_back(user_pointer(&chunk));
        drm_amdgpu_cs arg{};
        arg.in.ctx_id = context;
        arg.in.num_chunks = static_cast<uint32_t>(pointers.size());
        arg.in.chunks = user_pointer(pointers.data());
        const int result = call(DRM_IOCTL_AMDGPU_CS, arg);
        if (seqno) *seqno = arg.out.handle;
        return result;
    }
    int wait_cs(uint32_t context, uint32_t ip_type, uint64_t seqno, uint64_t* busy) {
        drm_amdgpu_wait_cs arg{};
        arg.in.handle = seqno;
        arg.in.ip_type = ip_type;
        arg.in.ctx_id = context;
        const int result = call(DRM_IOCTL_AMDGPU_WAIT_CS, arg);
        *busy = arg.out.status;
        return result;
    }
    uint64_t state_flags(uint32_t context) {
        drm_amdgpu_ctx arg{};
        arg.in.op = AMDGPU_CTX_OP_QUERY_STATE2;
        arg.in.ctx_id = context;
        EXPECT_EQ(call(DRM_IOCTL_AMDGPU_CTX, arg), 0);
        return arg.out.state.flags;
    }

    test::FakeHost host;
    Channel channel{host, 7};
    OpenNode node;
};

}  // namespace viaduct::guest::amdgpu
