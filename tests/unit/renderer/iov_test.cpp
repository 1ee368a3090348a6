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
        {memory.data(), 1}, {memory.data() + 1, 0}, {memory.data() + 1, 4}, {memory.data() + 5, 5}};
    for (size_t offset = 0; offset <= 12; ++offset) {
        for (size_t size = 0; size <= 12; ++size) {
            std::vector<std::byte> out(size);
            IovecCursor cursor(entries);
            EXPECT_EQ(cursor.seek(offset) && cursor.read(out), offset + size <= 10);
            if (offset + size <= 10 && size > 0) {
                EXPECT_EQ(std::memcmp(out.data(), &memory[offset], size), 0);
            }
        }
    }
    const std::array text{std::byte{'X'}, std::byte{'Y'}, std::byte{'Z'}};
    IovecCursor cursor(entries);
    EXPECT_TRUE(cursor.seek(4) && cursor.write(text));
    EXPECT_EQ(std::string_view(memory.data(), 10), "abcdXYZhij");
    EXPECT_FALSE(cursor.seek(6)) << "it is at 7";
    EXPECT_TRUE(cursor.seek(7));
    EXPECT_FALSE(cursor.seek(UINT64_MAX));
    EXPECT_FALSE(IovecCursor({}).write(text));
    EXPECT_TRUE(IovecCursor({}).seek(0));
}

// The rows of an image, in a guest's memory of single pages.
TEST(Iov, EachEntryIsLookedAtOnce) {
    constexpr size_t kEntries = 4096, kRows = 1024, kStride = 64;
    std::array<std::byte, 16> piece{};
    const std::vector<iovec> entries(kEntries, iovec{piece.data(), piece.size()});
    std::array<std::byte, kStride> row{};
    IovecCursor cursor(entries);
    for (size_t i = 0; i < kRows; ++i) {
        ASSERT_TRUE(cursor.seek(i * kStride));
        // The part copied before is not walked again.
        ASSERT_EQ(cursor.entries_left(), kEntries - i * kStride / piece.size());
        ASSERT_TRUE(cursor.write(row));
    }
    EXPECT_EQ(cursor.entries_left(), 0u);
}

}  // namespace
}  // namespace viaduct
