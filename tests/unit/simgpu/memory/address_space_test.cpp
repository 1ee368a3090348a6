// One address space: mappings that are split, replaced, and frozen for a job.
#include "simgpu/memory/address_space.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace simgpu::memory {
namespace {

constexpr uint32_t kReadWrite = kVaRead | kVaWrite;
constexpr uint64_t kVa = 0x800000000;
constexpr AddressLayout kLayout{
    .lowest = 1ull << 16, .highest = 1ull << 47, .mask = (1ull << 48) - 1};

class Space : public ::testing::Test {
  protected:
    /// The GPU's view at `va`: 'A', 'B' + page number of the buffer there, "prt", or "-".
    std::string at(uint64_t va, Access access = Access::kRead) {
        JobMemory view(snapshot());
        const Span span = view.resolve(va, access);
        if (!span.data) return "-";
        for (const auto& [name, buffer] : {std::pair("A", a), std::pair("B", b)}) {
            const ptrdiff_t offset = span.data - buffer->data();
            if (offset >= 0 && offset < 0x10000) return fmt::format("{}{}", name, offset / 0x1000);
        }
        return "prt";
    }
    PageTablePtr snapshot() {
        EXPECT_EQ(space.update(), 0);
        return space.snapshot();
    }
    BufferPtr wrap() {
        pages.push_back(std::make_unique<std::byte[]>(0x10000));
        return Buffer::wrap_user_memory(pages.back().get(), 0x10000);
    }

    std::vector<std::unique_ptr<std::byte[]>> pages;
    BufferPtr a = wrap(), b = wrap();
    AddressSpace space{kLayout};
};

TEST_F(Space, ReplaceAndClearSplitMappings) {
    ASSERT_EQ(space.map({kVa, kVa + 0x8000, a, 0, kReadWrite}), 0);
    ASSERT_EQ(space.replace({kVa + 0x2000, kVa + 0x4000, b, 0x5000, kVaRead}), 0);
    const auto expect = [&](std::initializer_list<const char*> pages) {
        uint64_t va = kVa;
        for (const char* page : pages) {
            EXPECT_EQ(at(va), page) << fmt::format("{:#x}", va);
            va += 0x1000;
        }
    };
    expect({"A0", "A1", "B5", "B6", "A4", "A5", "A6", "A7", "-"});
    EXPECT_EQ(at(kVa + 0x2000, Access::kWrite), "-") << "read-only";
    EXPECT_EQ(at(kVa + 0x4000, Access::kWrite), "A4");
    ASSERT_EQ(space.clear(kVa + 0x1000, 0x2000), 0);
    expect({"A0", "-", "-", "B6", "A4", "A5", "A6", "A7", "-"});
    space.remove_buffer(a);
    expect({"-", "-", "-", "B6", "-", "-", "-", "-", "-"});
}

TEST_F(Space, PartiallyResidentRunsReadZeroAndSwallowWrites) {
    ASSERT_EQ(space.map({kVa, kVa + 0x20000, nullptr, 0, kVaSparse}), 0);
    JobMemory job(snapshot());
    uint32_t value = 5;
    EXPECT_TRUE(write_gpu(job, kVa + 0x1fff0, &value, 4, nullptr));
    EXPECT_TRUE(read_gpu(job, kVa + 0x1fff0, &value, 4, nullptr));
    EXPECT_EQ(value, 0u);
    ASSERT_EQ(space.replace({kVa, kVa + 0x1000, a, 0, kReadWrite}), 0);
    EXPECT_EQ(at(kVa), "A0");
    EXPECT_EQ(at(kVa + 0x1000), "prt");
    EXPECT_EQ(space.unmap(nullptr, kVa + 0x1000), 0);
    EXPECT_EQ(at(kVa + 0x1000), "-");
}

TEST_F(Space, AnUnalignedAddressUnmapsWhatBeginsOnItsPage) {
    ASSERT_EQ(space.map({kVa, kVa + 0x2000, a, 0, kVaRead}), 0);
    EXPECT_EQ(space.unmap(a, kVa + 0x1001), -ENOENT) << "another page";
    EXPECT_EQ(space.unmap(a, kVa + 0xfff), 0);
    EXPECT_EQ(at(kVa), "-");
}

TEST_F(Space, BehavesAsATableOfPagesUnderRandomChanges) {
    constexpr size_t kPages = 48;
    std::mt19937 random(20240607);
    const auto below = [&](size_t limit) { return random() % limit; };
    std::vector<std::string> model(kPages, "-");
    for (int step = 0; step < 3000; ++step) {
        const size_t first = below(kPages), count = 1 + below(std::min<size_t>(kPages - first, 12));
        const uint64_t start = kVa + first * 0x1000, end = start + count * 0x1000;
        const bool use_a = below(2) != 0;
        const size_t offset = below(16 - count + 1);
        const VaMapping mapping{start, end, use_a ? a : b, offset * 0x1000, kVaRead};
        const auto write = [&](bool clear) {
            for (size_t i = 0; i < count; ++i)
                model[first + i] = clear ? "-" : fmt::format("{}{}", use_a ? "A" : "B", offset + i);
        };
        switch (below(4)) {
            case 0: {
                const bool free = std::all_of(model.begin() + static_cast<ptrdiff_t>(first),
                                              model.begin() + static_cast<ptrdiff_t>(first + count),
                                              [](const std::string& page) { return page == "-"; });
                ASSERT_EQ(space.map(mapping), free ? 0 : -EINVAL) << step;
                if (free) write(false);
                break;
            }
            case 1:
                ASSERT_EQ(space.replace(mapping), 0);
                write(false);
                break;
            case 2:
                ASSERT_EQ(space.clear(start, count * 0x1000), 0);
                write(true);
                break;
            default:
                if (below(20) != 0) break;
                space.remove_buffer(mapping.buffer);
                for (std::string& page : model)
                    if (page[0] == (use_a ? 'A' : 'B')) page = "-";
        }
        for (size_t page = 0; page < kPages; ++page)
            ASSERT_EQ(at(kVa + page * 0x1000), model[page]) << "step " << step << " page " << page;
    }
}

TEST_F(Space, SpansEndWithTheirMapping) {
    ASSERT_EQ(space.map({kVa, kVa + 0x2000, a, 0x1000, kVaRead}), 0);
    JobMemory job(snapshot());
    EXPECT_EQ(job.resolve(kVa + 0x1ffc, Access::kRead).size, 4u);
    EXPECT_EQ(job.resolve(kVa | 0xffff000000000000, Access::kRead).size, 0x2000u)
        << "the upper 16 bits do not count";
    EXPECT_EQ(job.resolve(kVa + 0x2000, Access::kRead).data, nullptr);
    EXPECT_EQ(job.resolve(kVa - 1, Access::kRead).data, nullptr);
}

TEST_F(Space, ASnapshotIsNotTouchedByLaterChanges) {
    ASSERT_EQ(space.map({kVa, kVa + 0x1000, a, 0, kVaRead}), 0);
    const auto before = snapshot();
    ASSERT_EQ(space.clear(kVa, 0x1000), 0);
    EXPECT_NE(before->find(kVa), nullptr);
    EXPECT_EQ(snapshot()->find(kVa), nullptr);
    EXPECT_EQ(snapshot(), snapshot()) << "unchanged: the same table";
}

}  // namespace
}  // namespace simgpu::memory
