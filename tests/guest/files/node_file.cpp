#include "tests/guest/files/node_file.h"

#include <dirent.h>
#include <drm.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>

#include "tests/guest/files/driver.h"

namespace viaduct::guest_files {

namespace {

constexpr size_t kBytes = 65536;

/// Of an open file; null if its driver is none that the tests know.
const Driver* driver_of(int fd) {
    return find_driver(driver_name(fd));
}

/// The error of a descriptor without a driver: that of asking for it.
int error_of(int fd) {
    drm_version version{};
    const int result = call(fd, DRM_IOCTL_VERSION, &version);
    return result < 0 ? result : -ENOTTY;
}

/// Runs `look` on a mapping of the buffer, made on `map_fd`.
bool with_mapping(int fd, int map_fd, uint32_t handle, size_t bytes,
                  const std::function<bool(std::span<uint8_t>)>& look) {
    uint64_t offset = 0;
    const Driver* const driver = driver_of(fd);
    if (!driver || driver->find_mmap_offset(fd, handle, &offset) < 0) return false;
    void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd,
                           static_cast<off_t>(offset));
    if (address == MAP_FAILED) return false;
    const bool result = look({static_cast<uint8_t*>(address), bytes});
    ::munmap(address, bytes);
    return result;
}

uint8_t expected_byte(size_t index, uint8_t seed) {
    return static_cast<uint8_t>(seed + index * 7 + (index >> 8));
}

}  // namespace

std::string driver_name(int fd) {
    char name[16] = {};
    drm_version version{};
    version.name = name;
    version.name_len = sizeof(name) - 1;
    return call(fd, DRM_IOCTL_VERSION, &version) < 0 ? std::string() : name;
}

std::string find_node() {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/dev/dri"), ::closedir);
    while (const dirent* entry = directory ? ::readdir(directory.get()) : nullptr) {
        const std::string path = std::string("/dev/dri/") + entry->d_name;
        if (std::strncmp(entry->d_name, "renderD", 7) != 0) continue;
        const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
        if (fd && driver_of(fd.get())) return path;
    }
    return {};
}

int NodeFile::create_context() const {
    const Driver* const driver = driver_of(fd_);
    return driver ? driver->create_context(fd_) : error_of(fd_);
}

int NodeFile::create_buffer(size_t bytes) const {
    const Driver* const driver = driver_of(fd_);
    return driver ? driver->create_buffer(fd_, bytes) : error_of(fd_);
}

int NodeFile::close_buffer(uint32_t handle) const {
    drm_gem_close arg{handle, 0};
    return call(fd_, DRM_IOCTL_GEM_CLOSE, &arg);
}

bool NodeFile::fill(uint32_t handle, size_t bytes, uint8_t seed, int map_fd) const {
    return with_mapping(fd_, map_fd, handle, bytes, [&](std::span<uint8_t> memory) {
        for (size_t i = 0; i < memory.size(); ++i) memory[i] = expected_byte(i, seed);
        return true;
    });
}

bool NodeFile::holds(uint32_t handle, size_t bytes, uint8_t seed) const {
    return with_mapping(fd_, fd_, handle, bytes, [&](std::span<uint8_t> memory) {
        for (size_t i = 0; i < memory.size(); ++i)
            if (memory[i] != expected_byte(i, seed)) return false;
        return true;
    });
}

bool NodeFile::works() const {
    const int context = create_context(), buffer = create_buffer(kBytes);
    if (buffer <= 0 || context <= 0) return false;
    const auto handle = static_cast<uint32_t>(buffer);
    return fill(handle, kBytes, 3, fd_) && holds(handle, kBytes, 3) && close_buffer(handle) == 0 &&
           driver_of(fd_)->destroy_context(fd_, static_cast<uint32_t>(context)) == 0;
}

}  // namespace viaduct::guest_files
