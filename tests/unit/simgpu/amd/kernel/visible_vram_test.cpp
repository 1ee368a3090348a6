// VRAM beyond the CPU's reach: a card with a small BAR.
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {
namespace {

constexpr uint64_t kVram = AMDGPU_GEM_DOMAIN_VRAM, kGtt = AMDGPU_GEM_DOMAIN_GTT;
constexpr uint64_t kInReach = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED;

class SmallBar : public ::testing::Test {
  protected:
    uint64_t count(uint32_t query) {
        uint64_t value = 0;
        EXPECT_EQ(file.info(query, &value), 0);
        return value;
    }
    uint32_t create(uint64_t mib, uint64_t domains, uint64_t flags = 0) {
        uint32_t handle = 0;
        EXPECT_EQ(file.create(mib * kMiB, &handle, domains, flags), 0);
        return handle;
    }

    TestFile file{"vega10", unique_instance()};  // 256 MiB of 8 GiB
};

TEST_F(SmallBar, BuffersLieBeyondItUnlessTheCpuNeedsThem) {
    create(100, kVram);
    EXPECT_EQ(count(AMDGPU_INFO_VIS_VRAM_USAGE), 0u);
    create(100, kVram, kInReach);
    EXPECT_EQ(count(AMDGPU_INFO_VIS_VRAM_USAGE), 100 * kMiB);
    drm_amdgpu_memory_info memory{};
    ASSERT_EQ(file.info(AMDGPU_INFO_MEMORY, &memory), 0);
    EXPECT_EQ(memory.cpu_accessible_vram.heap_usage, 100 * kMiB);
    EXPECT_EQ(memory.cpu_accessible_vram.total_heap_size, 256 * kMiB);
}

TEST_F(SmallBar, MappingABufferBringsItWithinReach) {
    const uint32_t handle = create(100, kVram);
    EXPECT_EQ(count(AMDGPU_INFO_NUM_VRAM_CPU_PAGE_FAULTS), 0u);
    EXPECT_TRUE(file.cpu_map(handle).valid());
    EXPECT_EQ(count(AMDGPU_INFO_NUM_VRAM_CPU_PAGE_FAULTS), 1u);
    EXPECT_EQ(count(AMDGPU_INFO_VIS_VRAM_USAGE), 100 * kMiB);
    EXPECT_TRUE(file.cpu_map(handle).valid());
    EXPECT_EQ(count(AMDGPU_INFO_NUM_VRAM_CPU_PAGE_FAULTS), 1u) << "it is there already";
}

TEST_F(SmallBar, WhatDoesNotFitThereIsMappedFromGtt) {
    create(200, kVram, kInReach);
    const uint32_t handle = create(100, kVram);
    EXPECT_TRUE(file.cpu_map(handle).valid());
    EXPECT_EQ(count(AMDGPU_INFO_GTT_USAGE), 100 * kMiB);
}

TEST_F(SmallBar, MoreThanItHoldsIsPushedOutOfItOldestFirst) {
    create(200, kVram, kInReach);
    create(200, kVram, kInReach);
    EXPECT_EQ(count(AMDGPU_INFO_NUM_EVICTIONS), 1u);
    EXPECT_EQ(count(AMDGPU_INFO_VIS_VRAM_USAGE), 200 * kMiB);
}

TEST_F(SmallBar, ALargerBufferThanItLiesBeyondIt) {
    create(300, kVram, kInReach);
    EXPECT_EQ(count(AMDGPU_INFO_GTT_USAGE), 0u);
    EXPECT_EQ(count(AMDGPU_INFO_VIS_VRAM_USAGE), 0u);
}

TEST_F(SmallBar, TouchingWhatCannotBeBroughtThereIsSigbus) {
    create(250, kVram, kInReach);
    create(8100, kGtt);
    const uint32_t handle = create(100, kVram);
    const viaduct::Mapping mapping = file.cpu_map(handle);
    ASSERT_TRUE(mapping.valid()) << "mapping itself does not fail";
    const auto touch = [&] {
        ::signal(SIGBUS, SIG_DFL);  // a sanitizer would report it and exit
        mapping.data()[0] = std::byte{1};
    };
    EXPECT_EXIT(touch(), ::testing::KilledBySignal(SIGBUS), "");
}

TEST(VisibleVram, IsAsLargeAsAskedFor) {
    ::setenv("VIADUCT_SIMGPU_VISIBLE_VRAM", "64M", 1);
    {
        TestFile file("renoir", unique_instance());
        drm_amdgpu_info_vram_gtt heaps{};
        ASSERT_EQ(file.info(AMDGPU_INFO_VRAM_GTT, &heaps), 0);
        EXPECT_EQ(heaps.vram_size, 512 * kMiB);
        EXPECT_EQ(heaps.vram_cpu_accessible_size, 64 * kMiB);
    }
    for (const char* text : {"none", "12Q", "4096"}) {
        ::setenv("VIADUCT_SIMGPU_VISIBLE_VRAM", text, 1);
        EXPECT_EQ(File::open({"renoir", unique_instance()}).error(), EINVAL) << text;
    }
    ::unsetenv("VIADUCT_SIMGPU_VISIBLE_VRAM");
}

}  // namespace
}  // namespace simgpu::test
