#include "simgpu/node/mapped_ranges.h"
#include "tests/unit/simgpu/node/null_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace simgpu::node {
namespace {

const void* at(uintptr_t address) {
    return reinterpret_cast<const void*>(address);
}

class MappedRangesTest : public testing::Test {
  protected:
    MappedRanges ranges;
    const NodeFilePtr a = std::make_shared<NullFile>(), b = std::make_shared<NullFile>();
};

TEST_F(MappedRangesTest, HoldFilesUntilTheirLastByteIsGone) {
    EXPECT_TRUE(ranges.empty());
    EXPECT_TRUE(ranges.add(at(0x1000), 0x3000, a).empty());
    EXPECT_FALSE(ranges.empty());
    EXPECT_EQ(ranges.find(at(0x1000)), a);
    EXPECT_EQ(ranges.find(at(0x3fff)), a);
    EXPECT_EQ(ranges.find(at(0x4000)), nullptr);
    EXPECT_EQ(ranges.find(at(0xfff)), nullptr);
    EXPECT_EQ(ranges.remove(at(0x2000), 0x1000).size(), 1u) << "cut in two";
    EXPECT_EQ(ranges.find(at(0x1fff)), a);
    EXPECT_EQ(ranges.find(at(0x2000)), nullptr);
    EXPECT_EQ(ranges.find(at(0x3000)), a);
    EXPECT_EQ(a.use_count(), 3);
    EXPECT_EQ(ranges.remove(at(0), 0x10000).size(), 2u);
    EXPECT_TRUE(ranges.empty());
    EXPECT_EQ(a.use_count(), 1);
    EXPECT_TRUE(ranges.remove(at(0), 0x10000).empty());
}

TEST_F(MappedRangesTest, AMappingReplacesWhatWasThere) {
    ranges.add(at(0x1000), 0x3000, a);
    const auto dropped = ranges.add(at(0x2000), 0x2000, b);
    ASSERT_EQ(dropped.size(), 1u);
    EXPECT_EQ(dropped[0], a);
    EXPECT_EQ(ranges.find(at(0x1fff)), a);
    EXPECT_EQ(ranges.find(at(0x2000)), b);
    EXPECT_EQ(ranges.find(at(0x3fff)), b);
}

TEST_F(MappedRangesTest, AForkedChildForgetsAll) {
    ranges.add(at(0x1000), 0x1000, a);
    // In a child, for what is forgotten is never freed.
    const auto forgets = [&] {
        ranges.after_fork_in_child();
        const bool no_destructor_ran = a.use_count() == 2;
        return ranges.empty() && !ranges.find(at(0x1000)) && no_destructor_ran;
    };
    EXPECT_EXIT(::_exit(forgets() ? 0 : 1), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace simgpu::node
