// A guest's memory as a VMM has it, and a kernel that makes dma-bufs of it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <cstring>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "blob/udmabuf.h"

namespace viaduct::test {

inline constexpr size_t kPage = 4096;

/// A memfd that is mapped shared, as memory-backend-memfd,share=on does. Page N is filled with N.
class GuestMemory {
  public:
    explicit GuestMemory(size_t pages, int seals = F_SEAL_GROW | F_SEAL_SHRINK,
                         int sharing = MAP_SHARED)
        : fd_(::memfd_create("guest-memory", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
        EXPECT_EQ(::ftruncate(fd_.get(), static_cast<off_t>(pages * kPage)), 0);
        void* address =
            ::mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, sharing, fd_.get(), 0);
        EXPECT_NE(address, MAP_FAILED);
        mapping_ = Mapping(address, pages * kPage);
        for (size_t page = 0; page < pages; ++page)
            std::memset(this->page(page), static_cast<int>(page), kPage);
        if (seals) {
            EXPECT_EQ(::fcntl(fd_.get(), F_ADD_SEALS, seals), 0);
        }
    }

    std::byte* page(size_t number) const { return mapping_.data() + number * kPage; }
    iovec pages(size_t first, size_t count) const { return {page(first), count * kPage}; }
    UniqueFd& fd() { return fd_; }
    Mapping& mapping() { return mapping_; }

  private:
    UniqueFd fd_;
    Mapping mapping_;
};

/// Plays /dev/udmabuf, and refuses what drivers/dma-buf/udmabuf.c of Linux 6.12 refuses. The
/// "dma-buf" is a memfd with a copy of the bytes at that time.
class PlayedUdmabuf : public UdmabufDevice {
  public:
    int create_list(udmabuf_create_list& list) override {
        const std::lock_guard lock(mutex_);
        ++calls;
        if (const auto meanwhile = std::exchange(during, nullptr)) meanwhile();
        if (fail_with) return -fail_with;
        if (list.count > limit.entries) return -EINVAL;
        items.assign(list.list, list.list + list.count);
        uint64_t total = 0;
        for (const auto& item : items) {
            if (item.offset % kPage || item.size % kPage) return -EINVAL;
            total += item.size;
            if (total > limit.megabytes << 20) return -EINVAL;
        }
        if (total == 0) return -EINVAL;
        for (const auto& item : items)
            if (const int error = check(item)) return -error;
        return copy(total, list.flags & UDMABUF_FLAGS_CLOEXEC);
    }
    UdmabufLimits limits() const override { return limit; }

    UdmabufLimits limit;
    int fail_with = 0;
    std::function<void()> during;  // called once, within the next call
    int calls = 0;
    std::vector<udmabuf_create_item> items;  // of the last call

  private:
    std::mutex mutex_;

    static int check(const udmabuf_create_item& item) {
        const int fd = static_cast<int>(item.memfd);
        struct stat status {};
        struct statfs system {};
        if (::fstat(fd, &status) != 0 || ::fstatfs(fd, &system) != 0) return EBADFD;
        if (system.f_type != TMPFS_MAGIC && system.f_type != HUGETLBFS_MAGIC) return EBADFD;
        const int seals = ::fcntl(fd, F_GET_SEALS);
        if (seals < 0 || !(seals & F_SEAL_SHRINK)) return EINVAL;
        if (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) return EINVAL;
        const auto size = static_cast<uint64_t>(status.st_size);
        return item.size == 0 || item.offset > size || item.size > size - item.offset ? EINVAL : 0;
    }

    int copy(uint64_t total, bool close_on_exec) const {
        const int fd = ::memfd_create("udmabuf", close_on_exec ? MFD_CLOEXEC : 0);
        if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(total)) != 0) return -ENOMEM;
        std::vector<char> bytes;
        for (const auto& item : items) {
            bytes.resize(item.size);
            EXPECT_EQ(::pread(static_cast<int>(item.memfd), bytes.data(), item.size,
                              static_cast<off_t>(item.offset)),
                      static_cast<ssize_t>(item.size));
            EXPECT_EQ(::write(fd, bytes.data(), item.size), static_cast<ssize_t>(item.size));
        }
        return fd;
    }
};

}  // namespace viaduct::test
