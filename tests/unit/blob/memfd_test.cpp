#include "blob/memfd.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

TEST(Memfd, HasExactlyTheSizeAskedFor) {
    for (const uint64_t size : {1ull, 4095ull, 4096ull, 5ull << 30}) {
        const auto fd = create_sealed_memfd("test", size);
        ASSERT_TRUE(fd) << fd.error().message;
        EXPECT_EQ(object_size(fd->get()).value(), size);
    }
}

TEST(Memfd, NobodyCanResizeIt) {
    const auto fd = create_sealed_memfd("test", 4096);
    ASSERT_TRUE(fd);
    EXPECT_NE(::ftruncate(fd->get(), 0), 0);
    EXPECT_NE(::ftruncate(fd->get(), 8192), 0);
    EXPECT_NE(::fcntl(fd->get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(Memfd, RefusesSizesNoFileCanHave) {
    EXPECT_FALSE(create_sealed_memfd("test", UINT64_MAX));
}

TEST(ObjectSize, RefusesWhatCannotSeek) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const UniqueFd reader(ends[0]), writer(ends[1]);
    EXPECT_FALSE(object_size(reader.get()));
    EXPECT_FALSE(object_size(-1));
}

}  // namespace
}  // namespace viaduct
