#include "drm-context/xe/bindings.h"

#include <gtest/gtest.h>

#include <vector>

namespace viaduct::xe {
namespace {

constexpr uint64_t kPage = 4096;

TEST(XeBindings, CutWhatTheyReplace) {
    Bindings bindings;
    const auto a = std::make_shared<BufferMemory>(), b = std::make_shared<BufferMemory>();
    bindings.map({0, 10 * kPage}, a);
    bindings.map({4 * kPage, kPage}, b);
    EXPECT_EQ(bindings.mappings(), 3u);
    EXPECT_TRUE(bindings.cuts({5 * kPage, kPage}));
    bindings.unmap_all(a);
    EXPECT_EQ(bindings.mappings(), 1u);
    bindings.unmap_all(b);
    EXPECT_EQ(bindings.mappings(), 0u);
    EXPECT_EQ(bindings.tables(), 0u);
}

TEST(XeBindings, LetGoOfABufferThatIsUnmapped) {
    Bindings bindings;
    auto memory = std::make_shared<BufferMemory>();
    const std::weak_ptr<BufferMemory> watch = memory;
    bindings.map({0, kPage}, memory);
    bindings.map({8 * kPage, kPage}, memory);
    bindings.unmap_all(memory);
    memory.reset();
    EXPECT_TRUE(watch.expired());
}

TEST(XeBindings, ListShownBuffersWhileTheyAreMapped) {
    Bindings bindings;
    const auto plain = std::make_shared<BufferMemory>(), image = std::make_shared<BufferMemory>();
    image->shown = GemHandle(7);
    bindings.map({0, 10 * kPage}, plain);
    EXPECT_TRUE(bindings.shown().empty());
    bindings.map({20 * kPage, 10 * kPage}, image);
    bindings.unmap({24 * kPage, kPage});  // in two pieces now
    EXPECT_EQ(bindings.shown(), std::vector{GemHandle(7)});
    bindings.unmap({20 * kPage, 4 * kPage});
    EXPECT_EQ(bindings.shown(), std::vector{GemHandle(7)}) << "one is left";
    bindings.unmap_all(image);
    EXPECT_TRUE(bindings.shown().empty());
    bindings.map({0, kPage}, image);
    image->shown = GemHandle();  // the guest has closed it
    EXPECT_TRUE(bindings.shown().empty()) << "the number may be another buffer's by now";
}

// A look at all mappings for each would take minutes.
TEST(XeBindings, ManyBuffersAreUnmappedOneByOne) {
    constexpr uint64_t kBuffers = 200'000;
    Bindings bindings;
    std::vector<BufferMemoryPtr> buffers;
    for (uint64_t i = 0; i < kBuffers; ++i) {
        buffers.push_back(std::make_shared<BufferMemory>());
        bindings.map({2 * i * kPage, kPage}, buffers.back());
    }
    for (const BufferMemoryPtr& memory : buffers) bindings.unmap_all(memory);
    EXPECT_EQ(bindings.mappings(), 0u);
}

}  // namespace
}  // namespace viaduct::xe
