#include "blob/udmabuf.h"

#include <gtest/gtest.h>

#include "blob/dmabuf.h"
#include "blob/foreign_memory.h"
#include "blob/memfd.h"
#include "tests/support/guest_memory.h"

namespace viaduct {
namespace {

using test::GuestMemory;
using test::kPage;
using test::PlayedUdmabuf;

class Udmabuf : public ::testing::Test {
  protected:
    Result<UniqueFd> create(const std::vector<iovec>& iovecs, uint64_t size) {
        return create_udmabuf(kernel, iovecs, size);
    }
    Result<UniqueFd> create(const std::vector<iovec>& iovecs) {
        uint64_t size = 0;
        for (const iovec& entry : iovecs) size += entry.iov_len;
        return create(iovecs, size);
    }
    int error_of(const std::vector<iovec>& iovecs, uint64_t size) {
        const auto made = create(iovecs, size);
        return made ? 0 : made.error().code;
    }
    /// The first byte of each page.
    static std::vector<int> pages_of(const UniqueFd& dmabuf) {
        std::vector<int> pages;
        const uint64_t size = object_size(dmabuf.get()).value();
        const auto mapping = Mapping::map_shared(dmabuf.get(), 0, size).value();
        for (size_t at = 0; at < size; at += kPage)
            pages.push_back(std::to_integer<int>(mapping.bytes()[at]));
        return pages;
    }

    PlayedUdmabuf kernel;
    GuestMemory memory{16};
};

TEST_F(Udmabuf, HoldsThePagesInTheOrderOfTheList) {
    const auto made = create({memory.pages(9, 1), memory.pages(2, 2), memory.pages(7, 1)});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(pages_of(*made), (std::vector{9, 2, 3, 7}));
    EXPECT_TRUE(::fcntl(made->get(), F_GETFD) & FD_CLOEXEC);
}

TEST_F(Udmabuf, MergesNeighbours) {
    const auto made = create({memory.pages(0, 1), memory.pages(1, 2), memory.pages(3, 1),
                              memory.pages(8, 1), memory.pages(4, 1), memory.pages(4, 1)});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(kernel.items.size(), 4U);
    EXPECT_EQ(pages_of(*made), (std::vector{0, 1, 2, 3, 8, 4, 4}));
}

TEST_F(Udmabuf, FollowsMappingsThatWereSplit) {
    ASSERT_EQ(::mprotect(memory.page(5), kPage, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
    ASSERT_TRUE(create({memory.pages(4, 3)}));
    EXPECT_EQ(kernel.items.size(), 1U);
}

TEST_F(Udmabuf, ReachesOverSeveralFiles) {
    const GuestMemory second(4);
    const auto made = create({memory.pages(1, 1), second.pages(2, 1), memory.pages(2, 1)});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(kernel.items.size(), 3U);
    EXPECT_EQ(pages_of(*made), (std::vector{1, 2, 2}));
}

TEST_F(Udmabuf, RefusesMoreFilesThanAVmHas) {
    std::vector<GuestMemory> files;
    std::vector<iovec> iovecs;
    for (int i = 0; i < 17; ++i) iovecs.push_back(files.emplace_back(1).pages(0, 1));
    EXPECT_EQ(error_of(iovecs, 17 * kPage), EINVAL);
    iovecs.pop_back();
    EXPECT_EQ(error_of(iovecs, 16 * kPage), 0);
}

TEST_F(Udmabuf, EndsWhereTheResourceEnds) {
    const auto made =
        create({memory.pages(0, 2), memory.pages(6, 4), memory.pages(12, 1)}, 2 * kPage + 100);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(pages_of(*made), (std::vector{0, 1, 6}));
    iovec short_end = memory.pages(3, 1);
    short_end.iov_len = 100;
    EXPECT_EQ(error_of({short_end}, 100), 0) << "the last page is whole";
}

TEST_F(Udmabuf, RefusesMemoryOfAnotherXenDomain) {
    const iovec page = memory.pages(3, 1);
    const auto begin = reinterpret_cast<uintptr_t>(page.iov_base);
    const auto mapped = MappedFiles::parse(
        fmt::format("{:x}-{:x} rw-s 00000000 00:06 131 /dev/xen/privcmd", begin, begin + kPage));
    const auto made = create_udmabuf(kernel, mapped, std::vector{page}, kPage);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, EREMOTE);
    EXPECT_NE(made.error().message.find("another Xen domain"), std::string::npos);
    EXPECT_EQ(kernel.calls, 0);
}

TEST_F(Udmabuf, RefusesHostileLists) {
    const GuestMemory one(1);
    auto shifted = memory.pages(0, 2);
    shifted.iov_base = memory.page(0) + 512;
    auto cut = memory.pages(0, 1);
    cut.iov_len = 100;
    auto beyond = one.pages(0, 1);
    beyond.iov_len = size_t{1} << 40;
    auto wrapping = one.pages(0, 1);
    wrapping.iov_len = SIZE_MAX;
    struct Case {
        const char* what;
        std::vector<iovec> iovecs;
        uint64_t size;
        int error;
    };
    kernel.limit.megabytes = uint64_t{1} << 43;
    for (const auto& c : std::vector<Case>{
             {"nothing", {}, 0, EINVAL},
             {"size 0", {memory.pages(0, 1)}, 0, EINVAL},
             {"size wraps", {memory.pages(0, 1)}, UINT64_MAX, EINVAL},
             {"no entries", {}, kPage, EINVAL},
             {"too short", {memory.pages(0, 1)}, kPage + 1, EINVAL},
             {"not aligned", {shifted}, kPage, EINVAL},
             {"hole", {cut, memory.pages(1, 1)}, 2 * kPage, EINVAL},
             {"null", {{nullptr, kPage}}, kPage, EOPNOTSUPP},
             {"empty entry", {{memory.page(0), 0}, memory.pages(1, 1)}, kPage, EINVAL},
             {"beyond its file", {beyond}, size_t{1} << 40, EOPNOTSUPP},
             {"length wraps", {wrapping}, kPage, EINVAL},
         })
        EXPECT_EQ(error_of(c.iovecs, c.size), c.error) << c.what;
    EXPECT_EQ(kernel.calls, 0) << "the kernel is not bothered";
}

TEST_F(Udmabuf, RefusesMemoryThatIsNotASharedMemfd) {
    const GuestMemory copied(2, F_SEAL_SHRINK, MAP_PRIVATE);
    EXPECT_EQ(error_of({copied.pages(0, 1)}, kPage), EOPNOTSUPP);
    void* anonymous =
        ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const Mapping owner(anonymous, kPage);
    EXPECT_EQ(error_of({{anonymous, kPage}}, kPage), EOPNOTSUPP) << "no descriptor";
    std::FILE* file = std::tmpfile();
    ASSERT_EQ(::ftruncate(::fileno(file), kPage), 0);
    const auto mapped = Mapping::map_shared(::fileno(file), 0, kPage).value();
    EXPECT_NE(error_of({{mapped.data(), kPage}}, kPage), 0) << "a file";
    std::fclose(file);
    memory.fd().reset();
    EXPECT_EQ(error_of({memory.pages(0, 1)}, kPage), EOPNOTSUPP) << "closed";
    EXPECT_EQ(kernel.calls, 0);
}

TEST_F(Udmabuf, NeedsTheSealsOfTheKernel) {
    const GuestMemory open_ended(1, 0);
    EXPECT_EQ(error_of({open_ended.pages(0, 1)}, kPage), EACCES);
    const GuestMemory grows(1, F_SEAL_SHRINK);
    EXPECT_EQ(error_of({grows.pages(0, 1)}, kPage), 0);
    const GuestMemory frozen(1, F_SEAL_SHRINK | F_SEAL_FUTURE_WRITE);
    EXPECT_EQ(error_of({frozen.pages(0, 1)}, kPage), EACCES);
}

TEST_F(Udmabuf, NamesTheLimitThatIsExceeded) {
    kernel.limit = {.entries = 3, .megabytes = 1};
    const std::vector<iovec> scattered = {memory.pages(0, 1), memory.pages(2, 1),
                                          memory.pages(4, 1), memory.pages(6, 1)};
    EXPECT_EQ(error_of({scattered.begin(), scattered.end() - 1}, 3 * kPage), 0);
    const auto many = create(scattered);
    ASSERT_FALSE(many);
    EXPECT_EQ(many.error().code, EINVAL);
    EXPECT_NE(many.error().message.find("list_limit"), std::string::npos) << many.error().message;

    const GuestMemory large(257);
    EXPECT_EQ(error_of({large.pages(0, 256)}, 256 * kPage), 0);
    const auto big = create({large.pages(0, 257)});
    ASSERT_FALSE(big);
    EXPECT_NE(big.error().message.find("size_limit_mb"), std::string::npos) << big.error().message;
    EXPECT_EQ(kernel.calls, 2);
}

TEST_F(Udmabuf, PassesTheKernelsErrorOn) {
    for (const int error : {ENOMEM, EMFILE, EINVAL}) {
        kernel.fail_with = error;
        EXPECT_EQ(error_of({memory.pages(0, 1)}, kPage), error);
    }
}

// Where the host has udmabuf: the pages are shared, and fences can be taken and left.
TEST(UdmabufOfTheKernel, SharesPagesAndHasFences) {
    auto device = UdmabufDevice::open();
    if (!device) GTEST_SKIP() << device.error().message;
    const GuestMemory memory(16);
    const std::vector<iovec> iovecs = {memory.pages(9, 2), memory.pages(1, 1)};
    const auto made = create_udmabuf(**device, iovecs, 3 * kPage);
    ASSERT_TRUE(made) << made.error().message;
    ASSERT_TRUE(check_dmabuf(made->get(), 0, 3 * kPage));
    auto mapping = Mapping::map_shared(made->get(), 0, 3 * kPage).value();
    ASSERT_TRUE(begin_cpu_access(made->get(), BufferAccess::kReadWrite));
    EXPECT_EQ(mapping.bytes()[2 * kPage], std::byte{1});
    mapping.bytes()[0] = std::byte{77};
    ASSERT_TRUE(end_cpu_access(made->get(), BufferAccess::kReadWrite));
    EXPECT_EQ(*memory.page(9), std::byte{77});
    const auto fence = export_sync_file(made->get(), BufferAccess::kWrite);
    ASSERT_TRUE(fence) << fence.error().message;
    EXPECT_TRUE(import_sync_file(made->get(), fence->get(), BufferAccess::kRead));
    if ((*device)->limits().megabytes == 64) {
        const GuestMemory large(65 << 8);
        const iovec too_large = large.pages(0, 65 << 8);
        EXPECT_FALSE(create_udmabuf(**device, {&too_large, 1}, 65 << 20));
    }
}

}  // namespace
}  // namespace viaduct
