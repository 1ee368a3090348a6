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
