#include "blob/mapping.h"

#include <unistd.h>

#include <cstring>

namespace viaduct {

namespace {

uint64_t page_size() {
    static const auto size = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    return size;
}

}  // namespace

Result<Mapping> Mapping::map(int fd, uint64_t offset, size_t size, int protection) {
    void* address = ::mmap(nullptr, size, protection, MAP_SHARED, fd, static_cast<off_t>(offset));
    if (address == MAP_FAILED) {
        const int code = errno;
        return fail(code, "cannot map {} bytes of fd {} at offset {:#x}: {}", size, fd, offset,
                    std::strerror(code));
    }
    return Mapping(address, size);
}

Result<Mapping> Mapping::map_shared(int fd, uint64_t offset, size_t size) {
    return map(fd, offset, size, PROT_READ | PROT_WRITE);
}

Result<Mapping> Mapping::map_read_only(int fd, size_t size) {
    return map(fd, 0, size, PROT_READ);
}

Status map_fixed(int fd, uint64_t offset, size_t size, void* address) {
    if (reinterpret_cast<uintptr_t>(address) % page_size() != 0)
        return fail(EINVAL, "map address {} is not page-aligned", fmt::ptr(address));
    void* mapped = ::mmap(address, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                          static_cast<off_t>(offset));
    if (mapped == MAP_FAILED) {
        const int code = errno;
        return fail(code, "cannot map {} bytes of fd {} over {}: {}", size, fd, fmt::ptr(address),
                    std::strerror(code));
    }
    return {};
}

uint64_t round_up_to_page(uint64_t size) {
    const uint64_t mask = page_size() - 1;
    return size > UINT64_MAX - mask ? 0 : (size + mask) & ~mask;
}

}  // namespace viaduct
