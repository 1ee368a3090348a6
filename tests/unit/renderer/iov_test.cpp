#include "renderer/iov.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

namespace viaduct {
namespace {

TEST(Iov, TotalRefusesOverflowAndEmptyEntries) {
    char byte = 0;
    const iovec good[] = {{&byte, 3}, {&byte, 4}};
    const iovec empty[] = {{&byte, 3}, {&byte, 0}};
    const iovec null[] = {{nullptr, 3}};
    const iovec huge[] = {{&byte, SIZE_MAX}, {&byte, 1}};
    EXPECT_EQ(total_length(good, 2).value(), 7u);
    EXPECT_EQ(total_length(nullptr, 0).value(), 0u);
    EXPECT_FALSE(total_length(nullptr, 1));
    EXPECT_FALSE(total_length(empty, 2));
    EXPECT_FALSE(total_length(null, 1));
    EXPECT_FALSE(total_length(huge, 2));
    EXPECT_FALSE(total_length(good, kMaxIovecs + 1));
}

TEST(Iov, CopiesAcrossEntriesFromAnyOffset) {
    std::array<char, 10> memory{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'};
    const std::vector<iovec> entries = {
        {memory.data(), 1}, {memory.data() + 1, 4}, {memory.data() + 5, 5}};
    for (size_t offset = 0; offset <= 10; ++offset) {
        for (size_t size = 0; size <= 12; ++size) {
            std::vector<std::byte> out(size);
            EXPECT_EQ(copy_from_iovecs(entries, offset, out), offset + size <= 10);
            if (offset + size <= 10 && size > 0) {
                EXPECT_EQ(std::memcmp(out.data(), &memory[offset], size), 0);
            }
        }
    }
    const std::array text{std::byte{'X'}, std::byte{'Y'}, std::byte{'Z'}};
    EXPECT_TRUE(copy_to_iovecs(entries, 4, text));
    EXPECT_EQ(std::string_view(memory.data(), 10), "abcdXYZhij");
    EXPECT_FALSE(copy_to_iovecs(entries, 8, text));
    EXPECT_EQ(std::string_view(memory.data(), 10), "abcdXYZhij") << "nothing was written";
    EXPECT_FALSE(copy_to_iovecs(entries, UINT64_MAX, text));
}

}  // namespace
}  // namespace viaduct
