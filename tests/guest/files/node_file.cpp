#include "tests/guest/files/node_file.h"

#include <amdgpu_drm.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>

namespace viaduct::guest_files {

namespace {

constexpr size_t kBytes = 65536;

int call(int fd, unsigned long request, void* argument) {
    const int result = ::ioctl(fd, request, argument);
    return result < 0 ? -errno : result;
}

/// Runs `look` on a mapping of the buffer, made on `map_fd`.
bool with_mapping(int fd, int map_fd, uint32_t handle, size_t bytes,
                  const std::function<bool(std::span<uint8_t>)>& look) {
    drm_amdgpu_gem_mmap arg{};
    arg.in.handle = handle;
    if (call(fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &arg) < 0) return false;
    void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd,
                           static_cast<off_t>(arg.out.addr_ptr));
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
        if (fd && driver_name(fd.get()) == "amdgpu") return path;
    }
    return {};
}

int NodeFile::create_context() const {
    drm_amdgpu_ctx arg{};
    arg.in.op = AMDGPU_CTX_OP_ALLOC_CTX;
    const int error = call(fd_, DRM_IOCTL_AMDGPU_CTX, &arg);
    return error < 0 ? error : static_cast<int>(arg.out.alloc.ctx_id);
}

int NodeFile::create_buffer(size_t bytes) const {
    drm_amdgpu_gem_create arg{};
    arg.in.bo_size = bytes;
    arg.in.alignment = 4096;
    arg.in.domains = AMDGPU_GEM_DOMAIN_GTT;
    arg.in.domain_flags = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED;
    const int error = call(fd_, DRM_IOCTL_AMDGPU_GEM_CREATE, &arg);
    return error < 0 ? error : static_cast<int>(arg.out.handle);
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
    const int buffer = create_buffer(kBytes);
    if (buffer <= 0 || create_context() <= 0) return false;
    const auto handle = static_cast<uint32_t>(buffer);
    return fill(handle, kBytes, 3, fd_) && holds(handle, kBytes, 3) && close_buffer(handle) == 0;
}

}  // namespace viaduct::guest_files
