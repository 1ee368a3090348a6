// The memory behind an address space, and what happens when there is none left.
#include "simgpu/memory/page_tables.h"

#include <cerrno>

#include "tests/unit/simgpu/amd/kernel/fake_engine.h"
#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {
namespace {

constexpr uint64_t kPage = 4096, kGiB = 1ull << 30;
constexpr uint64_t kTablesVa = 64 * kGiB;

uint64_t vram_used(TestFile& file) {
    uint64_t used = 0;
    EXPECT_EQ(file.info(AMDGPU_INFO_VRAM_USAGE, &used), 0);
    return used;
}

class PageTableMemory : public ::testing::Test {
  protected:
    uint64_t tables() { return (vram_used(file) - before) / kPage; }

    TestFile file{"renoir", unique_instance()};
    uint64_t before = vram_used(file);
};

TEST_F(PageTableMemory, EachTouchedRegionCostsATable) {
    uint32_t handle = 0;
    ASSERT_EQ(file.create(kPage, &handle), 0);
    ASSERT_EQ(file.map(handle, kTablesVa, kPage), 0);
    EXPECT_EQ(tables(), 3u) << "for 512 GiB, 1 GiB and 2 MiB";
    ASSERT_EQ(file.map(handle, kTablesVa + kPage, kPage), 0);
    EXPECT_EQ(tables(), 3u) << "the same region";
    for (uint64_t i = 1; i <= 100; ++i)
        ASSERT_EQ(file.map(handle, kTablesVa + i * 2 * kMiB, kPage), 0);
    EXPECT_EQ(tables(), 103u) << "one buffer, 101 regions";
    ASSERT_EQ(file.map(handle, kTablesVa + kGiB, kPage), 0);
    EXPECT_EQ(tables(), 105u) << "another GiB";
}

TEST_F(PageTableMemory, ShowsInFdinfo) {
    uint32_t handle = 0;
    ASSERT_EQ(file.create(kPage, &handle), 0);
    ASSERT_EQ(file.map(handle, kTablesVa, kPage), 0);
    EXPECT_NE(file.file().fdinfo().find("drm-memory-vram:\t16 KiB\n"), std::string::npos)
        << file.file().fdinfo();
}

TEST_F(PageTableMemory, ComesBackForWholeRegionsAtOnceOnly) {
    uint32_t large = 0, small = 0;
    ASSERT_EQ(file.create(4 * kMiB, &large), 0);
    ASSERT_EQ(file.create(kPage, &small), 0);
    ASSERT_EQ(file.map(large, kTablesVa, 4 * kMiB), 0);
    ASSERT_EQ(file.map(small, kTablesVa + 8 * kMiB, kPage), 0);
    EXPECT_EQ(tables(), 2u + 2u + 1u);
    ASSERT_EQ(file.va_op(AMDGPU_VA_OP_UNMAP, large, kTablesVa, 4 * kMiB), 0);
    EXPECT_EQ(tables(), 3u);
    ASSERT_EQ(file.va_op(AMDGPU_VA_OP_UNMAP, small, kTablesVa + 8 * kMiB, kPage), 0);
    EXPECT_EQ(tables(), 3u) << "of a mapping smaller than its table's region nothing comes back";
    const std::string instance = unique_instance();
    TestFile survivor("renoir", instance);
    const uint64_t alone = vram_used(survivor);
    {
        TestFile other("renoir", instance);
        ASSERT_EQ(other.create(kPage, &small), 0);
        ASSERT_EQ(other.map(small, kTablesVa, kPage), 0);
        EXPECT_EQ(vram_used(survivor), alone + 4 * kPage);
    }
    EXPECT_EQ(vram_used(survivor), alone) << "with the file";
}

TEST_F(PageTableMemory, LargePartiallyResidentRunsNeedTablesAtTheirEdgesOnly) {
    ASSERT_EQ(file.va_op(AMDGPU_VA_OP_MAP, 0, kTablesVa, 8 * kGiB, 0, AMDGPU_VM_PAGE_PRT), 0);
    EXPECT_EQ(tables(), 1u) << "entries for 1 GiB each";
    ASSERT_EQ(
        file.va_op(AMDGPU_VA_OP_MAP, 0, kTablesVa + 16 * kGiB, 3 * kMiB, 0, AMDGPU_VM_PAGE_PRT), 0);
    EXPECT_EQ(tables(), 3u);
}

TEST_F(PageTableMemory, AHoleInAPartiallyResidentRunNeedsTablesAtItsEdges) {
    ASSERT_EQ(file.va_op(AMDGPU_VA_OP_MAP, 0, kTablesVa, 8 * kGiB, 0, AMDGPU_VM_PAGE_PRT), 0);
    ASSERT_EQ(file.va_op(AMDGPU_VA_OP_CLEAR, 0, kTablesVa + kGiB, kPage), 0);
    EXPECT_EQ(tables(), 3u) << "for 512 GiB, 1 GiB and 2 MiB";
    ASSERT_EQ(file.va_op(AMDGPU_VA_OP_CLEAR, 0, kTablesVa + kGiB + 3 * kMiB, 2 * kMiB), 0);
    EXPECT_EQ(tables(), 5u) << "both of its ends";
    ASSERT_EQ(file.va_op(AMDGPU_VA_OP_CLEAR, 0, kTablesVa + kGiB + 8 * kMiB, 2 * kMiB), 0);
    EXPECT_EQ(tables(), 5u) << "a whole region";
}

TEST_F(PageTableMemory, IsNotNeededBeforeADelayedUpdate) {
    uint32_t handle = 0;
    ASSERT_EQ(file.create(kPage, &handle), 0);
    constexpr uint32_t kFlags = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_DELAY_UPDATE;
    ASSERT_EQ(file.va_op(AMDGPU_VA_OP_MAP, handle, kTablesVa, kPage, 0, kFlags), 0);
    EXPECT_EQ(tables(), 0u);
    ASSERT_EQ(file.map(handle, kTablesVa + kPage, kPage), 0);
    EXPECT_EQ(tables(), 3u);
}

TEST(PageTables, SubmissionsFailWhenThereIsNoMemoryForThem) {
    const UseFakeEngine fake;
    TestFile file("renoir", unique_instance());
    const uint32_t context = file.context();
    Program program(file, 0x10000000);
    const TestBuffer target = file.buffer(0x20000000);
    ASSERT_EQ(file.submit(context, program.ib({kWrite, 0x20000000, 0, 1})), 0);
    // All of VRAM goes to page tables: those are never moved away.
    uint32_t handle = 0;
    ASSERT_EQ(file.create(kPage, &handle), 0);
    uint64_t va = kTablesVa;
    uint64_t used = 0, last = 0;
    do {
        last = used;
        for (int i = 0; i < 64; ++i, va += 2 * kMiB) ASSERT_EQ(file.map(handle, va, kPage), 0);
        used = vram_used(file);
    } while (used != last);
    EXPECT_EQ(file.submit(context, program.ib({kWrite, 0x20000000, 0, 2})), -ENOMEM);
    for (uint64_t unmapped = kTablesVa; unmapped < va; unmapped += 2 * kMiB)
        ASSERT_EQ(file.va_op(AMDGPU_VA_OP_CLEAR, 0, unmapped, 2 * kMiB), 0);
    uint64_t sequence = 0;
    ASSERT_EQ(file.submit(context, program.ib({kWrite, 0x20000000, 0, 3}), &sequence), 0);
    EXPECT_EQ(file.wait(context, sequence), 0);
    EXPECT_EQ(target.words()[0], 3u);
}

}  // namespace
}  // namespace simgpu::test
