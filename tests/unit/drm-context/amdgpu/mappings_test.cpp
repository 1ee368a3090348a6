// The GPU address space of a context: what is mapped there, and what it costs.
#include "tests/unit/drm-context/amdgpu/fixture.h"

#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace viaduct::amdgpu {
namespace {

constexpr uint64_t kRegion = MappedRanges::kRegionBytes;
using Kind = MappedRanges::Kind;

TEST(MappedRangesTest, AMappingCostsEveryRegionThatItTouches) {
    MappedRanges ranges;
    EXPECT_EQ(ranges.regions_added_by({kRegion, 4096}, Kind::kBuffer), 1u);
    EXPECT_EQ(ranges.regions_added_by({2 * kRegion - 4096, 8192}, Kind::kBuffer), 2u);
    ranges.map({kRegion, 4096}, Kind::kBuffer, GemHandle(1));
    EXPECT_EQ(ranges.regions_added_by({kRegion + 4096, 4096}, Kind::kBuffer), 0u);
    EXPECT_EQ(ranges.mappings(), 1u);
}

TEST(MappedRangesTest, ASparseRangeCostsItsEndsOnly) {
    MappedRanges ranges;
    EXPECT_EQ(ranges.regions_added_by({0, 1000 * kRegion}, Kind::kSparse), 0u);
    EXPECT_EQ(ranges.regions_added_by({4096, 1000 * kRegion}, Kind::kSparse), 2u);
    EXPECT_EQ(ranges.regions_added_by({4096, 8192}, Kind::kSparse), 1u);
}

// As in the kernel: the table stays with the address space.
TEST(MappedRangesTest, ARegionGoesWithARangeThatCoversIt) {
    MappedRanges ranges;
    ranges.map({0, 3 * kRegion + 4096}, Kind::kBuffer, GemHandle(1));
    ranges.map({10 * kRegion, 4096}, Kind::kBuffer, GemHandle(2));
    EXPECT_EQ(ranges.regions(), 5u);
    ranges.unmap(0);
    EXPECT_EQ(ranges.regions(), 2u) << "the last of the four, and the other buffer's";
    ranges.forget_buffer(GemHandle(2));
    EXPECT_EQ(ranges.regions(), 2u);
    EXPECT_EQ(ranges.mappings(), 0u);
}

/// One bit per page, one flag per region, and no cleverness.
class Model {
  public:
    void map(VaRange range, Kind kind, GemHandle buffer) {
        mappings_.push_back({range, buffer});
        for (uint64_t region = range.start / kRegion; region * kRegion < range.end(); ++region)
            if (kind == Kind::kBuffer || !is_whole(region, range)) regions_.insert(region);
    }
    void remove(size_t index, VaRange cut) {
        const auto [range, buffer] = mappings_[index];
        const uint64_t start = std::max(range.start, cut.start);
        const uint64_t end = std::min(range.end(), cut.end());
        if (start >= end) return;
        mappings_.erase(mappings_.begin() + static_cast<ptrdiff_t>(index));
        if (range.start < start) mappings_.push_back({{range.start, start - range.start}, buffer});
        if (end < range.end()) mappings_.push_back({{end, range.end() - end}, buffer});
        const VaRange hole{start, end - start};
        for (uint64_t region = start / kRegion; region * kRegion < end; ++region)
            if (is_whole(region, hole))
                regions_.erase(region);
            else
                regions_.insert(region);
    }
    void clear(VaRange range) {
        for (size_t i = mappings_.size(); i-- > 0;) remove(i, range);
    }
    bool overlaps(VaRange range) const {
        return std::ranges::any_of(mappings_, [&](const auto& one) {
            return one.first.start < range.end() && range.start < one.first.end();
        });
    }
    size_t mappings_beyond(const Model& before) const {
        return mappings_.size() - std::min(mappings_.size(), before.mappings_.size());
    }
    ptrdiff_t regions_beyond(const Model& before) const {
        return std::ranges::count_if(
            regions_, [&](uint64_t region) { return !before.regions_.contains(region); });
    }
    static bool is_whole(uint64_t region, VaRange range) {
        return region * kRegion >= range.start && (region + 1) * kRegion <= range.end();
    }
    std::vector<std::pair<VaRange, GemHandle>> mappings_;
    std::set<uint64_t> regions_;
};

RC_GTEST_PROP(MappedRangesProperty, AgreesWithAnObviousModel, ()) {
    MappedRanges ranges;
    Model model;
    constexpr uint64_t kQuarter = kRegion / 4;
    const auto steps = *rc::gen::inRange(1, 60);
    for (int step = 0; step < steps; ++step) {
        const VaRange range{*rc::gen::inRange<uint64_t>(0, 60) * kQuarter,
                            *rc::gen::inRange<uint64_t>(1, 20) * kQuarter};
        const GemHandle buffer(*rc::gen::inRange<uint32_t>(0, 4));
        const Kind kind = buffer == GemHandle() ? Kind::kSparse : Kind::kBuffer;
        switch (*rc::gen::inRange(0, 6)) {
            case 0:
            case 1: {
                if (model.overlaps(range)) break;  // the kernel refuses it
                const uint64_t added = ranges.regions_added_by(range, kind);
                const size_t before = model.regions_.size();
                ranges.map(range, kind, buffer);
                model.map(range, kind, buffer);
                RC_ASSERT(added == model.regions_.size() - before);
                break;
            }
            case 2:
            case 3: {
                const bool replace = step % 2 == 0;
                const MappedRanges::Growth growth =
                    replace ? ranges.growth_by_replace(range, kind) : ranges.growth_by_clear(range);
                const Model before = model;
                ranges.clear(range);
                model.clear(range);
                if (replace) ranges.map(range, kind, buffer);
                if (replace) model.map(range, kind, buffer);
                RC_ASSERT(growth.mappings == model.mappings_beyond(before));
                RC_ASSERT(static_cast<ptrdiff_t>(growth.regions) == model.regions_beyond(before));
                break;
            }
            case 4:
                if (model.mappings_.empty()) break;
                ranges.unmap(model.mappings_[0].first.start);
                model.remove(0, model.mappings_[0].first);
                break;
            default:
                if (buffer == GemHandle()) break;
                ranges.forget_buffer(buffer);
                for (size_t i = model.mappings_.size(); i-- > 0;)
                    if (model.mappings_[i].second == buffer)
                        model.remove(i, model.mappings_[i].first);
        }
        RC_ASSERT(ranges.mappings() == model.mappings_.size());
        RC_ASSERT(ranges.regions() == model.regions_.size());
    }
}

class AmdgpuMappings : public AmdgpuContextTest {
  protected:
    static ContextLimits few() {
        ContextLimits limits;
        limits.regions = 8;
        limits.mappings = 6;
        limits.vm_memory = 1 << 20;
        return limits;
    }
    explicit AmdgpuMappings(const ContextLimits& limits = few()) : AmdgpuContextTest(limits) {
        create_buffer(7);
    }
    int32_t map(uint64_t va, uint64_t size = 4096) { return va_op(AMDGPU_VA_OP_MAP, va, size, 7); }
    int32_t sparse(uint32_t op, uint64_t va, uint64_t size = 4096) {
        return va_op(op, va, size, 0, AMDGPU_VM_PAGE_PRT, w::kVaFlags2Sparse);
    }
    MemoryUse use() { return context_->account().memory_use(); }

    const uint32_t gpu_context_ = create_gpu_context();
};

TEST_F(AmdgpuMappings, PageTablesAreChargedToTheBudget) {
    for (uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(map(i * kRegion), 0);
    EXPECT_EQ(map(kRegion + 4096), 0) << "in a region that has its table";
    EXPECT_EQ(use().local, 3 * 4096u);
    EXPECT_EQ(va_op(AMDGPU_VA_OP_UNMAP, kRegion, 4096, 7), 0);
    EXPECT_EQ(use().local, 3 * 4096u) << "the kernel keeps the table";
    EXPECT_EQ(va_op(AMDGPU_VA_OP_CLEAR, 0, 8 * kRegion, 0), 0);
    EXPECT_EQ(use().local, 3 * 4096u) << "and no mapping covered a whole region";
    EXPECT_EQ(map(0x0000'7fff'0000'0000), 0);
    EXPECT_EQ(map(0xffff'8000'0000'0000), 0);
    EXPECT_EQ(map(0x0000'8000'0000'1000), 0) << "the same region by its other name";
    EXPECT_EQ(use().local, 5 * 4096u);
}

TEST_F(AmdgpuMappings, RegionsBeyondTheLimitAreRefusedBeforeTheKernelIsAsked) {
    EXPECT_EQ(map(0, 8 * kRegion), 0);
    const size_t asked = kernel_.mapped.size();
    EXPECT_EQ(map(100 * kRegion), -ENOMEM);
    EXPECT_EQ(kernel_.mapped.size(), asked);
    EXPECT_EQ(async_error(), 0u);
    EXPECT_EQ(va_op(AMDGPU_VA_OP_UNMAP, 0, 8 * kRegion, 7), 0);
    EXPECT_EQ(map(100 * kRegion), 0) << "there is room again";
}

TEST_F(AmdgpuMappings, SoAreMappings) {
    for (uint64_t i = 0; i < 6; ++i) EXPECT_EQ(map(kRegion + i * 4096), 0);
    EXPECT_EQ(map(kRegion + 6 * 4096), -ENOMEM);
    EXPECT_EQ(async_error(), 0u);
}

TEST_F(AmdgpuMappings, WhatTheKernelRefusesCostsNothing) {
    kernel_.va_error = EINVAL;
    EXPECT_EQ(map(kRegion), -EINVAL);
    EXPECT_EQ(use().local, 0u);
    EXPECT_EQ(async_error(), 1u);
}

TEST_F(AmdgpuMappings, TheKernelsOwnShortageCostsNoContextIfTheGuestGivesTheBufferUp) {
    kernel_.va_error = ENOMEM;
    EXPECT_EQ(map(kRegion), -ENOMEM);
    EXPECT_EQ(async_error(), 0u);
    kernel_.va_error = 0;
    context_->detach_resource(ResourceId(7));
    EXPECT_EQ(submit(gpu_context_), 0);
    EXPECT_EQ(async_error(), 0u);
}

TEST_F(AmdgpuMappings, OrMapsItAfterAll) {
    kernel_.va_error = ENOMEM;
    EXPECT_EQ(map(kRegion), -ENOMEM);
    kernel_.va_error = 0;
    EXPECT_EQ(map(kRegion), 0);
    EXPECT_EQ(submit(gpu_context_), 0);
}

// Mesa's own back end does not read the answer: better no context than a GPU that faults.
TEST_F(AmdgpuMappings, AGuestThatDoesNotNoticeIsStoppedAtItsNextSubmission) {
    kernel_.va_error = ENOMEM;
    EXPECT_EQ(map(kRegion), -ENOMEM);
    kernel_.va_error = 0;
    EXPECT_EQ(submit(gpu_context_), -ENOMEM);
    EXPECT_TRUE(kernel_.lists.empty());
    EXPECT_EQ(async_error(), 1u);
}

// No close of a buffer ever forgets it: unmapping does, which fails in the kernel.
TEST_F(AmdgpuMappings, ARefusedSparseRangeIsForgottenWhenItIsUnmapped) {
    kernel_.va_error = ENOMEM;
    EXPECT_EQ(sparse(AMDGPU_VA_OP_MAP, kRegion), -ENOMEM);
    kernel_.va_error = ENOENT;
    EXPECT_EQ(sparse(AMDGPU_VA_OP_UNMAP, kRegion), 0);
    EXPECT_EQ(submit(gpu_context_), 0);
    EXPECT_EQ(async_error(), 0u);
    EXPECT_EQ(sparse(AMDGPU_VA_OP_UNMAP, kRegion), -ENOENT) << "once";
    EXPECT_EQ(async_error(), 1u);
}

TEST_F(AmdgpuMappings, NotWhenAnotherBufferIsUnmappedThere) {
    kernel_.va_error = ENOMEM;
    EXPECT_EQ(sparse(AMDGPU_VA_OP_MAP, kRegion), -ENOMEM);
    kernel_.va_error = ENOENT;
    EXPECT_EQ(va_op(AMDGPU_VA_OP_UNMAP, kRegion, 4096, 7), -ENOENT);
    kernel_.va_error = 0;
    EXPECT_EQ(submit(gpu_context_), -ENOMEM);
}

TEST_F(AmdgpuMappings, RefusedRangesAreForgottenWhenAllAroundThemIsCleared) {
    kernel_.va_error = ENOMEM;
    EXPECT_EQ(sparse(AMDGPU_VA_OP_MAP, 2 * kRegion), -ENOMEM);
    EXPECT_EQ(sparse(AMDGPU_VA_OP_REPLACE, 4 * kRegion), -ENOMEM);
    kernel_.va_error = 0;
    EXPECT_EQ(va_op(AMDGPU_VA_OP_CLEAR, kRegion, 3 * kRegion, 0), 0);
    EXPECT_EQ(submit(gpu_context_), -ENOMEM) << "the second lies behind the cleared range";
    EXPECT_EQ(va_op(AMDGPU_VA_OP_CLEAR, kRegion, 4 * kRegion, 0), 0);
    EXPECT_EQ(submit(gpu_context_), 0);
}

TEST_F(AmdgpuMappings, AClosedBuffersMappingsGoWithIt) {
    EXPECT_EQ(map(0, 4 * kRegion), 0);
    context_->detach_resource(ResourceId(7));
    EXPECT_EQ(use().local, 0u);
    create_buffer(8);
    EXPECT_EQ(va_op(AMDGPU_VA_OP_MAP, 0, 8 * kRegion, 8), 0);
}

// The kernel goes by the page flag alone (amdgpu_gem.c: amdgpu_gem_va_ioctl()): such a mapping
// would outlive the buffer to which it is booked.
TEST_F(AmdgpuMappings, ARangeIsSparseByBothFlagsOrByNeither) {
    for (const uint32_t op : {AMDGPU_VA_OP_MAP, AMDGPU_VA_OP_UNMAP, AMDGPU_VA_OP_REPLACE}) {
        EXPECT_EQ(va_op(op, kRegion, 4096, 7, AMDGPU_VM_PAGE_PRT, 0), -EINVAL) << op;
        EXPECT_EQ(va_op(op, kRegion, 4096, 0, 0, w::kVaFlags2Sparse), -EINVAL) << op;
    }
    EXPECT_TRUE(kernel_.mapped.empty());
    EXPECT_EQ(sparse(AMDGPU_VA_OP_MAP, kRegion), 0);
    EXPECT_EQ(sparse(AMDGPU_VA_OP_REPLACE, kRegion), 0);
    EXPECT_EQ(sparse(AMDGPU_VA_OP_UNMAP, kRegion), 0);
}

// Drivers clear sparse ranges without the page flag.
TEST_F(AmdgpuMappings, ClearingNeedsNoFlags) {
    EXPECT_EQ(va_op(AMDGPU_VA_OP_CLEAR, kRegion, 4096, 0, 0, w::kVaFlags2Sparse), 0);
    EXPECT_EQ(va_op(AMDGPU_VA_OP_CLEAR, kRegion, 4096, 0), 0);
    EXPECT_EQ(sparse(AMDGPU_VA_OP_CLEAR, kRegion), 0);
}

// Each hole in a large sparse range leaves a mapping more, and tables at the hole's ends.
TEST_F(AmdgpuMappings, HolesInASparseRangeAreChargedAndCounted) {
    ASSERT_EQ(sparse(AMDGPU_VA_OP_MAP, 0, 1000 * kRegion), 0);
    EXPECT_EQ(use().local, 0u);
    const auto hole = [this](uint64_t region) {
        return va_op(AMDGPU_VA_OP_CLEAR, region * kRegion + 4096, 4096, 0);
    };
    for (uint64_t i = 1; i <= 5; ++i) EXPECT_EQ(hole(10 * i), 0);
    EXPECT_EQ(use().local, 5 * 4096u);
    EXPECT_EQ(hole(20), 0) << "where there is nothing";
    const size_t asked = kernel_.mapped.size();
    EXPECT_EQ(hole(60), -ENOMEM) << "the seventh mapping of six";
    EXPECT_EQ(kernel_.mapped.size(), asked);
    EXPECT_EQ(async_error(), 1u);
    EXPECT_EQ(va_op(AMDGPU_VA_OP_CLEAR, 0, 1000 * kRegion, 0), 0);
    EXPECT_EQ(use().local, 5 * 4096u) << "no mapping covered one of these regions";
}

TEST_F(AmdgpuMappings, TheTablesAtAHolesEndsCountAsRegions) {
    ASSERT_EQ(sparse(AMDGPU_VA_OP_MAP, 0, 1000 * kRegion), 0);
    for (uint64_t i = 1; i <= 4; ++i)
        EXPECT_EQ(va_op(AMDGPU_VA_OP_CLEAR, 10 * i * kRegion + 4096, 2 * kRegion, 0), 0);
    EXPECT_EQ(use().local, 8 * 4096u);
    EXPECT_EQ(va_op(AMDGPU_VA_OP_CLEAR, 50 * kRegion, 4096, 0), -ENOMEM);
    EXPECT_EQ(va_op(AMDGPU_VA_OP_CLEAR, 50 * kRegion, kRegion, 0), 0) << "whole: without a table";
}

TEST_F(AmdgpuMappings, SoAreThePiecesThatAReplacementLeaves) {
    ASSERT_EQ(sparse(AMDGPU_VA_OP_MAP, 0, 1000 * kRegion), 0);
    const auto commit = [this](uint64_t region) {
        return va_op(AMDGPU_VA_OP_REPLACE, region * kRegion, 4096, 7);
    };
    EXPECT_EQ(commit(10), 0);
    EXPECT_EQ(commit(20), 0);
    const size_t asked = kernel_.mapped.size();
    EXPECT_EQ(commit(30), -ENOMEM) << "seven mappings of six";
    EXPECT_EQ(kernel_.mapped.size(), asked);
    EXPECT_EQ(async_error(), 0u);
    EXPECT_EQ(map(2000 * kRegion), 0);
    EXPECT_EQ(commit(10), 0) << "as many mappings as before";
    EXPECT_EQ(use().local, 3 * 4096u);
}

// The kernel divides the address by the page size, whatever remains (amdgpu_vm.c:
// amdgpu_vm_bo_unmap()). A mapping that stayed here would be taken for the one that comes after it.
TEST_F(AmdgpuMappings, AnAddressWithinAPageUnmapsWhatBeginsThere) {
    EXPECT_EQ(map(kRegion, kRegion), 0);
    EXPECT_EQ(va_op(AMDGPU_VA_OP_UNMAP, kRegion + 1, 4096, 7), 0);
    EXPECT_EQ(use().local, 0u);
    create_buffer(8);
    EXPECT_EQ(va_op(AMDGPU_VA_OP_MAP, kRegion, kRegion, 8), 0);
    context_->detach_resource(ResourceId(7));
    EXPECT_EQ(use().local, 4096u);
}

class UnlimitedMappings : public AmdgpuMappings {
  protected:
    UnlimitedMappings() : AmdgpuMappings(ContextLimits()) {}
};

TEST_F(UnlimitedMappings, TheDefaultStopsOneBufferAtAMillionAddresses) {
    uint64_t mapped = 0;
    while (mapped < 1'000'000 && map(mapped * kRegion) == 0) ++mapped;
    EXPECT_EQ(mapped, ContextLimits::kDefaultRegions);
    EXPECT_EQ(async_error(), 0u);
}

}  // namespace
}  // namespace viaduct::amdgpu
