#include "renderer/record/watched_memory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <map>

#include "blob/memfd.h"

namespace viaduct {

namespace {

constexpr uint64_t kSize = 16 * 4096;

class WatchedMemoryTest : public ::testing::Test {
  protected:
    void SetUp() override {
        file = *create_sealed_memfd("watched", kSize);
        guest = *Mapping::map_shared(file.get(), 0, kSize);
    }
    WatchedMemory watch(bool sparse) {
        MemoryView view;
        view.mapping = *Mapping::map_shared(file.get(), 0, kSize);
        if (sparse) view.sparse = file.duplicate();
        return *WatchedMemory::create(std::move(view));
    }
    void write(uint64_t offset, std::string_view text) {
        std::memcpy(guest.data() + offset, text.data(), text.size());
    }
    static std::map<uint64_t, std::string> changes(WatchedMemory& memory) {
        std::map<uint64_t, std::string> found;
        memory.collect([&](uint64_t offset, std::span<const std::byte> bytes) {
            EXPECT_TRUE(
                found
                    .emplace(offset,
                             std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()))
                    .second);
        });
        return found;
    }
    uint64_t pages_of_file() const {
        struct stat status {};
        ::fstat(file.get(), &status);
        return static_cast<uint64_t>(status.st_blocks) * 512 / 4096;
    }

    UniqueFd file;
    Mapping guest;
};

using Changes = std::map<uint64_t, std::string>;

TEST_F(WatchedMemoryTest, FindsEachChangeOnce) {
    for (const bool sparse : {false, true}) {
        SetUp();
        auto memory = watch(sparse);
        EXPECT_EQ(changes(memory), Changes());
        write(5000, "first");
        write(kSize - 4, "last");
        EXPECT_EQ(changes(memory), (Changes{{5000, "first"}, {kSize - 4, "last"}}));
        EXPECT_EQ(changes(memory), Changes());
        write(5000, "fiRst");
        EXPECT_EQ(changes(memory), (Changes{{5002, "R"}}));
    }
}

TEST_F(WatchedMemoryTest, JoinsWhatIsCloseAndLeavesTheRestOut) {
    auto memory = watch(true);
    write(100, "a");
    write(110, "b");
    write(300, "c");
    auto found = changes(memory);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[100], std::string("a\0\0\0\0\0\0\0\0\0b", 11));
    EXPECT_EQ(found[300], "c");
    write(4090, "over the edge");  // of a page
    EXPECT_EQ(changes(memory), (Changes{{4090, "over the edge"}}));
}

TEST_F(WatchedMemoryTest, TouchesNoPageThatNobodyHasTouched) {
    auto memory = watch(true);
    write(8 * 4096, "one page");
    EXPECT_EQ(changes(memory).size(), 1u);
    EXPECT_EQ(pages_of_file(), 1u);
    // Without the file it has to read all of it.
    auto other = watch(false);
    EXPECT_EQ(changes(other).size(), 1u);
    EXPECT_EQ(pages_of_file(), kSize / 4096);
}

TEST_F(WatchedMemoryTest, AnOffsetInTheFileIsNotOneInTheResource) {
    MemoryView view;
    view.mapping = *Mapping::map_shared(file.get(), 4 * 4096, 2 * 4096);
    view.sparse = file.duplicate();
    view.offset = 4 * 4096;
    auto memory = *WatchedMemory::create(std::move(view));
    write(0, "before");
    write(5 * 4096, "within");
    write(6 * 4096, "behind");
    EXPECT_EQ(changes(memory), (Changes{{4096, "within"}}));
}

TEST_F(WatchedMemoryTest, GuestMemoryInPiecesIsOneRangeOfBytes) {
    MemoryView view;
    view.guest = {{guest.data() + 8192, 100}, {guest.data(), 0}, {guest.data(), 4096}};
    auto memory = *WatchedMemory::create(std::move(view));
    write(8192 + 98, "xy");
    write(0, "z");
    EXPECT_EQ(changes(memory), (Changes{{98, "xyz"}}));
    EXPECT_TRUE(memory.bytes().empty());
    EXPECT_FALSE(WatchedMemory::create(MemoryView()));
}

TEST_F(WatchedMemoryTest, ReportsLongChangesInParts) {
    constexpr uint64_t kLong = 3 << 20;
    const auto big = *create_sealed_memfd("big", kLong);
    auto bytes = *Mapping::map_shared(big.get(), 0, kLong);
    std::memset(bytes.data(), 1, kLong);
    MemoryView view;
    view.mapping = *Mapping::map_shared(big.get(), 0, kLong);
    auto memory = *WatchedMemory::create(std::move(view));
    uint64_t next = 0;
    memory.collect([&](uint64_t offset, std::span<const std::byte> part) {
        EXPECT_EQ(offset, next);
        EXPECT_LE(part.size(), 1u << 20);
        next = offset + part.size();
    });
    EXPECT_EQ(next, kLong);
}

}  // namespace

}  // namespace viaduct
