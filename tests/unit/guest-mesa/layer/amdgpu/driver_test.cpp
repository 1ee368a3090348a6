// Queries that come before any work, and requests that are passed on.
#include "tests/unit/guest-mesa/layer/amdgpu/fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

TEST_F(DriverTest, VersionNamesTheHostsDriverAndStartsNoContext) {
    host.capset.version_patchlevel = 0;
    char name[16] = {};
    drm_version version{};
    EXPECT_EQ(call(DRM_IOCTL_VERSION, version), 0);
    EXPECT_EQ(version.name_len, 6u);
    version.name = name;
    EXPECT_EQ(call(DRM_IOCTL_VERSION, version), 0);
    EXPECT_EQ(std::string(name), "amdgpu");
    EXPECT_EQ(version.version_major, 3);
    EXPECT_EQ(version.version_minor, 57);
    EXPECT_FALSE(host.context_initialised);
}

TEST_F(DriverTest, QueriesOfTheHardwareTravelOnce) {
    uint32_t value = 0;
    drm_amdgpu_info arg{};
    arg.return_pointer = user_pointer(&value);
    arg.return_size = sizeof(value);
    arg.query = AMDGPU_INFO_ACCEL_WORKING;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    const size_t before = host.requests.size();
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    EXPECT_EQ(host.requests.size(), before);
    arg.query = AMDGPU_INFO_VRAM_USAGE;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    EXPECT_EQ(host.requests.size(), before + 2);
}

TEST_F(DriverTest, RefusedQueryLeavesTheCallersMemoryAlone) {
    create_context();
    host.results[static_cast<uint32_t>(Command::kQueryInfo)] = -EINVAL;
    uint32_t value = 0x55;
    drm_amdgpu_info arg{};
    arg.return_pointer = user_pointer(&value);
    arg.return_size = sizeof(value);
    arg.query = AMDGPU_INFO_SENSOR;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), -EINVAL);
    EXPECT_EQ(value, 0x55u);
}

TEST_F(DriverTest, UnknownIoctlsAndUserQueuesAreRefused) {
    uint64_t scratch[64] = {};
    EXPECT_EQ(call(DRM_IOWR(DRM_COMMAND_BASE + 0x16, uint64_t[8]), scratch), -EINVAL);
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_USERPTR, scratch), -EINVAL) << "drivers copy then";
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_SCHED, scratch), -EACCES);
}

TEST_F(DriverTest, OtherGenericIoctlsReachTheNodeUnchanged) {
    drm_syncobj_array array{};
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_RESET, array), 0);
    ASSERT_EQ(host.passed.size(), 1u);
    EXPECT_EQ(host.passed[0], DRM_IOCTL_SYNCOBJ_RESET);
}

// virtio-gpu takes no modifiers with its framebuffers; the GPU behind it has them (Mesa:
// ac_gpu_info.c, has_modifiers).
TEST_F(DriverTest, ModifiersAreOfferedAsTheHostsDriverOffersThem) {
    constexpr uint32_t kVolcanicIslands = 130;  // amdgpu_drm.h, AMDGPU_FAMILY_VI: GFX8
    for (const uint32_t family : {uint32_t{AMDGPU_FAMILY_AI}, kVolcanicIslands}) {
        viaduct::wire::CapsetDrm capset = host.capset;
        auto amdgpu = capset.member<viaduct::wire::amdgpu::Capset>();
        amdgpu.gpu_info.family_id = family;
        capset.set_member(amdgpu);
        OpenNode other(capset, *find_driver(viaduct::wire::ContextType::kAmdgpu));
        host.cap_value = 0;
        drm_get_cap cap{DRM_CAP_ADDFB2_MODIFIERS, 7};
        EXPECT_EQ(other.ioctl(channel, DRM_IOCTL_GET_CAP, &cap), 0);
        EXPECT_EQ(cap.value, family == AMDGPU_FAMILY_AI ? 1u : 0u) << family;
        host.cap_value = 5;
        cap = {DRM_CAP_PRIME, 7};
        EXPECT_EQ(other.ioctl(channel, DRM_IOCTL_GET_CAP, &cap), 0);
        EXPECT_EQ(cap.value, 5u) << "the node's own";
    }
}

TEST_F(DriverTest, AFramebufferInRowsReachesTheNodeWithoutAModifier) {
    drm_mode_fb_cmd2 linear{};
    linear.handles[0] = 1;
    linear.pitches[0] = 256;
    linear.flags = DRM_MODE_FB_MODIFIERS;
    drm_mode_fb_cmd2 tiled = linear;
    tiled.modifier[0] = 0x200000000000901;
    EXPECT_EQ(call(DRM_IOCTL_MODE_ADDFB2, linear), 0);
    EXPECT_EQ(call(DRM_IOCTL_MODE_ADDFB2, tiled), 0);
    ASSERT_EQ(host.framebuffers.size(), 2u);
    EXPECT_EQ(host.framebuffers[0].flags, 0u);
    EXPECT_EQ(host.framebuffers[0].pitches[0], 256u);
    EXPECT_EQ(linear.fb_id, 1u);
    EXPECT_EQ(linear.flags, uint32_t{DRM_MODE_FB_MODIFIERS}) << "the caller's is left alone";
    EXPECT_EQ(host.framebuffers[1].flags, uint32_t{DRM_MODE_FB_MODIFIERS}) << "for it to refuse";
    EXPECT_EQ(host.framebuffers[1].modifier[0], tiled.modifier[0]);
}

TEST_F(DriverTest, UserQueuesAreNotOffered) {
    host.info_filler = std::byte{0xff};
    std::vector<uint32_t> words(112);  // drm_amdgpu_info_device of Linux 6.16: 448 bytes
    drm_amdgpu_info arg{};
    arg.query = AMDGPU_INFO_DEV_INFO;
    arg.return_pointer = user_pointer(words.data());
    arg.return_size = 448;
    ASSERT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    EXPECT_EQ(words[436 / 4], 0u) << "userq_ip_mask";
    EXPECT_EQ(words[432 / 4], 0xffffffffu);
    EXPECT_EQ(words[440 / 4], 0xffffffffu);
    arg.query = AMDGPU_INFO_HW_IP_INFO;
    arg.return_size = 40;
    ASSERT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    EXPECT_EQ(words[32 / 4], 0u) << "userq_num_slots";
    arg.query = 0x24;  // AMDGPU_INFO_UQ_FW_AREAS
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), -EINVAL);
}

// The kernel fills what it is given room for; the BIOS image is larger than the control buffer.
TEST_F(DriverTest, AnAnswerLargerThanTheControlBufferIsCutShort) {
    host.info_filler = std::byte{0xab};
    std::vector<std::byte> image(4 << 20);
    drm_amdgpu_info arg{};
    arg.query = AMDGPU_INFO_VBIOS;
    arg.return_pointer = user_pointer(image.data());
    arg.return_size = static_cast<uint32_t>(image.size());
    ASSERT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    EXPECT_EQ(image[4096], std::byte{0xab});
    EXPECT_EQ(image.back(), std::byte{0});
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
