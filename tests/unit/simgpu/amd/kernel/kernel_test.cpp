// Differences between the kernels that the device can play: GEM flags and domains, DEV_INFO, user
// queues.
#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "simgpu/amd/kernel/kernel.h"
#include "tests/unit/simgpu/amd/kernel/fake_engine.h"
#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {
namespace {

/// Sets the kernel for files opened while it lives.
class PlayKernel {
  public:
    explicit PlayKernel(const char* version) { ::setenv(kVariable, version, 1); }
    ~PlayKernel() { ::unsetenv(kVariable); }
    PlayKernel(const PlayKernel&) = delete;
    PlayKernel& operator=(const PlayKernel&) = delete;

  private:
    static constexpr const char* kVariable = "VIADUCT_SIMGPU_KERNEL";
};

int minor_of(TestFile& file) {
    drm_version args{};
    EXPECT_EQ(file.ioctl(DRM_IOCTL_VERSION, &args), 0);
    return args.version_minor;
}

/// Bytes that the kernel writes in answer to `query` of a generous program.
size_t answer_size(TestFile& file, uint32_t query, std::vector<uint8_t>* answer) {
    answer->assign(1024, 0xee);
    drm_amdgpu_info args{};
    args.return_pointer = address_of(answer->data());
    args.return_size = static_cast<uint32_t>(answer->size());
    args.query = query;
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_INFO, &args), 0);
    size_t size = answer->size();
    while (size > 0 && (*answer)[size - 1] == 0xee) --size;
    return size;
}

uint32_t word_at(const std::vector<uint8_t>& bytes, size_t offset) {
    uint32_t word = 0;
    std::memcpy(&word, bytes.data() + offset, sizeof(word));
    return word;
}

drm_amdgpu_gem_create_in create_info(TestFile& file, uint32_t handle) {
    drm_amdgpu_gem_create_in info{};
    drm_amdgpu_gem_op op{};
    op.handle = handle;
    op.op = AMDGPU_GEM_OP_GET_GEM_CREATE_INFO;
    op.value = address_of(&info);
    EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_OP, &op), 0);
    return info;
}

TEST(Kernel, IsLinux613UnlessAskedOtherwise) {
    TestFile file;
    EXPECT_EQ(minor_of(file), 59);
    std::vector<uint8_t> answer;
    EXPECT_EQ(answer_size(file, AMDGPU_INFO_DEV_INFO, &answer), 440u);
    EXPECT_EQ(word_at(answer, 436), 0u) << "padding where userq_ip_mask comes to lie";
    EXPECT_EQ(answer_size(file, AMDGPU_INFO_HW_IP_INFO, &answer), 32u);
}

TEST(Kernel, Linux616ReportsUserQueues) {
    const PlayKernel newer("3.64");
    TestFile file;
    EXPECT_EQ(minor_of(file), 64);
    std::vector<uint8_t> answer;
    EXPECT_EQ(answer_size(file, AMDGPU_INFO_DEV_INFO, &answer), 448u);
    EXPECT_NE(word_at(answer, 436), 0u) << "userq_ip_mask lies within the first 440 bytes";
    EXPECT_EQ(answer_size(file, AMDGPU_INFO_HW_IP_INFO, &answer), 40u);
    EXPECT_NE(word_at(answer, 32), 0u) << "userq_num_slots";
}

TEST(Kernel, AnUnknownOneLetsOpenFail) {
    EXPECT_FALSE(amdgpu::parse_kernel("3.60"));
    EXPECT_FALSE(amdgpu::parse_kernel("6.13"));
    EXPECT_EQ(amdgpu::parse_kernel("").value(), 59);
    const PlayKernel wrong("4.0");
    EXPECT_EQ(File::open({"renoir", unique_instance()}).error(), EINVAL);
}

TEST(Kernel, CreatesBuffersWithTheFlagsOfItsIoctlOnly) {
    TestFile file;
    uint32_t handle = 0;
    const uint64_t accepted[] = {
        AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED,
        AMDGPU_GEM_CREATE_NO_CPU_ACCESS,
        AMDGPU_GEM_CREATE_CPU_GTT_USWC,
        AMDGPU_GEM_CREATE_VRAM_CLEARED,
        AMDGPU_GEM_CREATE_VM_ALWAYS_VALID,
        AMDGPU_GEM_CREATE_EXPLICIT_SYNC,
        AMDGPU_GEM_CREATE_ENCRYPTED,
        amdgpu::kGemDiscardable,
        amdgpu::kGemGfx12Dcc,
    };
    for (const uint64_t flag : accepted)
        EXPECT_EQ(file.create(4096, &handle, AMDGPU_GEM_DOMAIN_VRAM, flag), 0) << flag;
    const uint64_t refused[] = {
        1u << 4,  // once SHADOW
        AMDGPU_GEM_CREATE_VRAM_CONTIGUOUS,
        AMDGPU_GEM_CREATE_CP_MQD_GFX9,
        AMDGPU_GEM_CREATE_VRAM_WIPE_ON_RELEASE,
        AMDGPU_GEM_CREATE_PREEMPTIBLE,
        amdgpu::kGemCoherent,
        amdgpu::kGemUncached,
        amdgpu::kGemExtCoherent,
        1ull << 17,
        1ull << 31,
    };
    for (const uint64_t flag : refused)
        EXPECT_EQ(file.create(4096, &handle, AMDGPU_GEM_DOMAIN_VRAM, flag), -EINVAL) << flag;
}

TEST(Kernel, EncryptedBuffersNeedAChipThatHasThem) {
    TestFile vega("vega10");
    uint32_t handle = 0;
    EXPECT_EQ(vega.create(4096, &handle, AMDGPU_GEM_DOMAIN_VRAM, AMDGPU_GEM_CREATE_ENCRYPTED),
              -EINVAL);
    drm_amdgpu_info_device device{};
    ASSERT_EQ(vega.info(AMDGPU_INFO_DEV_INFO, &device), 0);
    EXPECT_FALSE(device.ids_flags & AMDGPU_IDS_FLAGS_TMZ);
    TestFile renoir;
    ASSERT_EQ(renoir.info(AMDGPU_INFO_DEV_INFO, &device), 0);
    EXPECT_TRUE(device.ids_flags & AMDGPU_IDS_FLAGS_TMZ);
}

TEST(Kernel, ShowsTheFlagsThatItAddsAndDrops) {
    TestFile file;
    uint32_t handle = 0;
    ASSERT_EQ(file.create(4096, &handle, AMDGPU_GEM_DOMAIN_GTT,
                          AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED | AMDGPU_GEM_CREATE_CPU_GTT_USWC),
              0);
    EXPECT_EQ(create_info(file, handle).domain_flags,
              uint64_t{AMDGPU_GEM_CREATE_CPU_GTT_USWC | AMDGPU_GEM_CREATE_VRAM_CLEARED |
                       AMDGPU_GEM_CREATE_VRAM_WIPE_ON_RELEASE});
}

TEST(Kernel, OnChipMemoriesHaveAPagePerUnitAndNoCpuMapping) {
    TestFile file;
    uint32_t handle = 0;
    for (const uint64_t domain :
         {AMDGPU_GEM_DOMAIN_GDS, AMDGPU_GEM_DOMAIN_GWS, AMDGPU_GEM_DOMAIN_OA}) {
        ASSERT_EQ(file.create(6, &handle, domain), 0) << domain;
        const uint64_t units = domain == AMDGPU_GEM_DOMAIN_GDS ? 8 : 6;
        EXPECT_EQ(create_info(file, handle).bo_size, units * 4096);
        drm_amdgpu_gem_mmap args{};
        args.in.handle = handle;
        EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_MMAP, &args), -EPERM);
        EXPECT_EQ(file.create(6, &handle, domain, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID), -EINVAL);
    }
    EXPECT_EQ(file.create(~0ull, &handle, AMDGPU_GEM_DOMAIN_GDS), -ENOMEM);
}

TEST(Kernel, AJobGetsNoMoreOnChipMemoryThanThereIs) {
    const UseFakeEngine fake;
    TestFile file;
    const uint32_t context = file.context();
    Program program(file, 0x10000000);
    drm_amdgpu_info_gds gds{};
    ASSERT_EQ(file.info(AMDGPU_INFO_GDS_CONFIG, &gds), 0);
    EXPECT_EQ(gds.gds_total_size, 0x10000u);
    EXPECT_EQ(gds.gws_per_compute_partition, 64u);
    EXPECT_EQ(gds.oa_per_compute_partition, 16u);
    const auto submit_with = [&](std::vector<uint32_t> handles) {
        std::vector<drm_amdgpu_bo_list_entry> entries;
        for (const uint32_t handle : handles) entries.push_back({handle, 0});
        drm_amdgpu_bo_list_in list{~0u, ~0u, static_cast<uint32_t>(entries.size()),
                                   sizeof(entries[0]), address_of(entries.data())};
        Chunks chunks = program.ib({kWrite, 0x10000000, 0, 1});
        return file.submit(context, chunks.with(AMDGPU_CHUNK_ID_BO_HANDLES, list));
    };
    uint32_t half = 0, more = 0, oa = 0;
    ASSERT_EQ(file.create(0x8000, &half, AMDGPU_GEM_DOMAIN_GDS), 0);
    ASSERT_EQ(file.create(0x8004, &more, AMDGPU_GEM_DOMAIN_GDS), 0) << "creating costs nothing";
    ASSERT_EQ(file.create(17, &oa, AMDGPU_GEM_DOMAIN_OA), 0);
    EXPECT_EQ(submit_with({half}), 0);
    EXPECT_EQ(submit_with({more}), 0);
    EXPECT_EQ(submit_with({half, more}), -ENOMEM);
    EXPECT_EQ(submit_with({oa}), -ENOMEM);
}

TEST(Kernel, DoorbellsExistFromLinux616AndRunOut) {
    uint32_t handle = 0;
    {
        TestFile file;
        EXPECT_EQ(file.create(4096, &handle, amdgpu::kDomainDoorbell), -EINVAL);
    }
    const PlayKernel newer("3.64");
    TestFile file("renoir", unique_instance());
    ASSERT_EQ(file.create(1 << 20, &handle, amdgpu::kDomainDoorbell), 0);
    EXPECT_TRUE(file.cpu_map(handle).valid());
    EXPECT_EQ(file.create(1 << 20, &handle, amdgpu::kDomainDoorbell), -ENOMEM);
    ASSERT_EQ(file.gem_close(handle), 0);
    EXPECT_EQ(file.create(1 << 20, &handle, amdgpu::kDomainDoorbell), 0);
}

TEST(Kernel, RefusesABufferAsLargeAsAllOfGtt) {
    TestFile file("renoir", unique_instance());
    drm_amdgpu_info_vram_gtt heaps{};
    ASSERT_EQ(file.info(AMDGPU_INFO_VRAM_GTT, &heaps), 0);
    uint32_t handle = 0;
    EXPECT_EQ(file.create(heaps.gtt_size, &handle, AMDGPU_GEM_DOMAIN_GTT), -ENOMEM);
    EXPECT_EQ(file.create(heaps.gtt_size, &handle, AMDGPU_GEM_DOMAIN_VRAM), -ENOMEM);
    EXPECT_EQ(file.create(heaps.vram_size, &handle, AMDGPU_GEM_DOMAIN_VRAM), 0) << "in GTT";
}

}  // namespace
}  // namespace simgpu::test
