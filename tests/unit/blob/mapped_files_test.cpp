#include "blob/mapped_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/support/guest_memory.h"

namespace viaduct {
namespace {

using test::GuestMemory;
using test::kPage;

FileId id_of(int fd) {
    struct stat status {};
    EXPECT_EQ(::fstat(fd, &status), 0);
    return {status.st_dev, status.st_ino};
}

uintptr_t address(const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer);
}

TEST(MappedFiles, ParsesTheLinesOfProc) {
    const auto files = MappedFiles::parse(
        "7f0000000000-7f0000200000 rw-s 00400000 00:0f 77     /memfd:ram (deleted)\n"
        "5500-5600 r--s 00000000 08:01 12 /usr/lib/x\n"  // read only
        "6500-6600 rw-p 00000000 08:01 12 /usr/lib/x\n"  // private
        "7500-7600 rw-s 00000000 00:00 0\n"              // no file
        "8600-8500 rw-s 00000000 00:01 9\n"
        "nonsense\n"
        "9500-9600 rw-s 1000 fe:02 4");
    EXPECT_EQ(files.size(), 2U);
    const MappedFile* ram = files.find(0x7f0000001000);
    ASSERT_TRUE(ram);
    EXPECT_EQ(ram->offset, 0x400000U);
    EXPECT_EQ(ram->file, (FileId{makedev(0, 15), 77}));
    ASSERT_TRUE(files.find(0x9500));
    EXPECT_EQ(files.find(0x9500)->file, (FileId{makedev(0xfe, 2), 4}));
    for (const uintptr_t outside : {0x0UL, 0x94ffUL, 0x9600UL, 0x7f0000200000UL, ~0UL})
        EXPECT_FALSE(files.find(outside)) << outside;
}

TEST(MappedFiles, KnowsMemoryOfAnotherXenDomain) {
    const auto files = MappedFiles::parse(
        "7f0000000000-7f0000100000 rw-s 00000000 00:06 131     /dev/xen/privcmd\n"
        "7f0000200000-7f0000300000 rw-s 00000000 00:01 77     /memfd:/xen/privcmd (deleted)\n");
    ASSERT_TRUE(files.find(0x7f0000000000) && files.find(0x7f0000200000));
    EXPECT_TRUE(files.find(0x7f0000000000)->foreign);
    EXPECT_FALSE(files.find(0x7f0000200000)->foreign);
}

TEST(MappedFiles, FindsAFileThatIsMapped) {
    GuestMemory memory(4);
    const auto files = MappedFiles::of_this_process().value();
    const MappedFile* found = files.find(address(memory.page(2)) + 5);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->file, id_of(memory.fd().get()));
    EXPECT_EQ(found->offset + (address(memory.page(2)) - found->begin), 2 * kPage);
}

TEST(MappedFiles, LeavesOutPrivateMemory) {
    const GuestMemory copied(2, F_SEAL_SHRINK, MAP_PRIVATE);
    const std::vector<char> heap(16 * kPage);
    const auto files = MappedFiles::of_this_process().value();
    EXPECT_FALSE(files.find(address(copied.page(0))));
    EXPECT_FALSE(files.find(address(heap.data()) + kPage));
}

TEST(FindOpenFile, FindsADescriptorByItsInode) {
    GuestMemory memory(1);
    int hint = -1;
    const auto found = find_open_file(id_of(memory.fd().get()), hint);
    ASSERT_TRUE(found);
    EXPECT_EQ(id_of(found->get()), id_of(memory.fd().get()));
    EXPECT_EQ(hint, memory.fd().get());
    EXPECT_TRUE(::fcntl(found->get(), F_GETFD) & FD_CLOEXEC);
}

TEST(FindOpenFile, AStaleHintIsOnlyAHint) {
    GuestMemory memory(1);
    GuestMemory other(1);
    for (const int stale : {other.fd().get(), 999'999, -1}) {
        int hint = stale;
        const auto found = find_open_file(id_of(memory.fd().get()), hint);
        ASSERT_TRUE(found);
        EXPECT_EQ(id_of(found->get()), id_of(memory.fd().get()));
    }
}

TEST(FindOpenFile, RefusesWhatIsClosedOrReadOnly) {
    GuestMemory memory(1);
    const FileId file = id_of(memory.fd().get());
    const UniqueFd reader(
        ::open(fmt::format("/proc/self/fd/{}", memory.fd().get()).c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_TRUE(reader);
    memory.fd().reset();
    int hint = reader.get();
    const auto found = find_open_file(file, hint);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ENOENT);
}

}  // namespace
}  // namespace viaduct
