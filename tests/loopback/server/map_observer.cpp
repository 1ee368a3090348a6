#include "tests/loopback/server/map_observer.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace viaduct::loopback {

namespace {

thread_local MapObserver* current = nullptr;

}  // namespace

MapObserver::MapObserver() {
    current = this;
}

MapObserver::~MapObserver() {
    current = nullptr;
}

std::optional<MappedFile> MapObserver::take(const void* address, uint64_t size) {
    const auto* start = static_cast<const std::byte*>(address);
    for (Seen& seen : seen_) {
        if (start < seen.address || start >= seen.address + seen.size || !seen.file.fd) continue;
        const auto skipped = static_cast<uint64_t>(start - seen.address);
        if (size > seen.size - skipped) continue;
        return MappedFile{std::move(seen.file.fd), seen.file.offset + skipped};
    }
    return std::nullopt;
}

void MapObserver::notice(const void* address, size_t size, int fd, off_t offset) {
    if (!current) return;
    const int error = errno;
    struct stat status {};
    // A simulated render node is a FIFO that only this process takes for a device: fstat(), which
    // is in on it, must not be asked.
    if (::syscall(SYS_fstat, fd, &status) == 0 && !S_ISFIFO(status.st_mode))
        current->seen_.push_back({static_cast<const std::byte*>(address),
                                  size,
                                  {UniqueFd::duplicate_of(fd), static_cast<uint64_t>(offset)}});
    errno = error;
}

}  // namespace viaduct::loopback

namespace {

using Mmap = void*(void*, size_t, int, int, int, off_t);

struct MmapCall {
    void* address;
    size_t size;
    int protection;
    int flags;
    int fd;
    off_t offset;
};

void* observed(Mmap* next, const MmapCall& call) {
    void* const mapped =
        next(call.address, call.size, call.protection, call.flags, call.fd, call.offset);
    if (mapped != MAP_FAILED && call.fd >= 0 && (call.flags & MAP_SHARED))
        viaduct::loopback::MapObserver::notice(mapped, call.size, call.fd, call.offset);
    return mapped;
}

}  // namespace

// Before the C library's for every library of this process; mmap64 is what sources built with
// _FILE_OFFSET_BITS=64 call. The first calls come before any constructor has run. Declared under
// other names: the headers' own mmap may be either.
#define VIADUCT_OBSERVED_MMAP(symbol)                                                              \
    extern "C" __attribute__((visibility("default"))) void* viaduct_observed_##symbol(             \
        void*, size_t, int, int, int, off_t) __asm__(#symbol);                                     \
    void* viaduct_observed_##symbol(void* address, size_t size, int protection, int flags, int fd, \
                                    off_t offset) {                                                \
        static constinit std::atomic<Mmap*> next = nullptr;                                        \
        if (!next) next = reinterpret_cast<Mmap*>(::dlsym(RTLD_NEXT, #symbol));                    \
        return observed(next, {address, size, protection, flags, fd, offset});                     \
    }

VIADUCT_OBSERVED_MMAP(mmap)
VIADUCT_OBSERVED_MMAP(mmap64)
