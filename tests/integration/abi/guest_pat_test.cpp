// Whether guests map system memory write-combined.
#include <amdgpu_drm.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/integration/abi/amdgpu_driver.h"

namespace viaduct::test {
namespace {

namespace w = wire::amdgpu;

/// A guest that wants system memory write-combined, as Mesa does for what the CPU only writes.
struct UswcBuffer {
    uint32_t map_info = 0;
    uint64_t flags = 0;
};
UswcBuffer create_uswc_buffer(const char* guest_pat) {
    ::setenv("VIADUCT_GUEST_PAT", guest_pat, 1);
    Vmm vmm;
    ::unsetenv("VIADUCT_GUEST_PAT");
    GuestContext guest(vmm, 1);
    w::GemNewRequest wanted{};
    wanted.blob_id = guest.next_blob_id();
    wanted.alloc_size = 4096;
    wanted.preferred_heap = AMDGPU_GEM_DOMAIN_GTT;
    wanted.flags = AMDGPU_GEM_CREATE_CPU_GTT_USWC;
    guest.call(static_cast<uint32_t>(w::Command::kGemNew), wanted, 0);
    const uint32_t res_id = vmm.next_res_id();
    EXPECT_EQ(guest.create_blob(res_id, wanted.blob_id, 4096), 0);
    UswcBuffer made;
    EXPECT_EQ(virgl_renderer_resource_get_map_info(res_id, &made.map_info), 0);
    w::BoQueryInfoRequest query{};
    query.res_id = res_id;
    made.flags = guest.ask<w::BoQueryInfoResponse>(w::Command::kBoQueryInfo, query).alloc_flags;
    return made;
}

TEST(AmdgpuGuestPat, HonouredItLeavesSystemMemoryWriteCombined) {
    const auto made = create_uswc_buffer("honored");
    EXPECT_EQ(made.map_info, uint32_t{VIRGL_RENDERER_MAP_CACHE_WC});
    EXPECT_EQ(made.flags, AMDGPU_GEM_CREATE_CPU_GTT_USWC | kKernelsFlags);
}

// The GPU would not snoop the caches that the guest's writes stay in.
TEST(AmdgpuGuestPat, IgnoredItMakesSystemMemoryCachedAndSnooped) {
    const auto made = create_uswc_buffer("ignored");
    EXPECT_EQ(made.map_info, uint32_t{VIRGL_RENDERER_MAP_CACHE_CACHED});
    EXPECT_EQ(made.flags, kKernelsFlags);
}

}  // namespace
}  // namespace viaduct::test
