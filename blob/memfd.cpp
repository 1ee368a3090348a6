#include "blob/memfd.h"

#include <sys/mman.h>

#include <cstring>

namespace viaduct {

Result<UniqueFd> create_sealed_memfd(const char* name, uint64_t size) {
    UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return fail(errno, "memfd_create({}) failed: {}", name, std::strerror(errno));
    if (size > INT64_MAX || ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0)
        return fail(ENOMEM, "cannot size {} to {} bytes", name, size);
    if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0)
        return fail(errno, "cannot seal {}: {}", name, std::strerror(errno));
    return fd;
}

Result<uint64_t> object_size(int fd) {
    const off_t end = ::lseek(fd, 0, SEEK_END);
    if (end < 0)
        return fail(errno, "cannot determine the size of fd {}: {}", fd, std::strerror(errno));
    return static_cast<uint64_t>(end);
}

}  // namespace viaduct
