#include "tests/guest/files/driver.h"

#include <amdgpu_drm.h>
#include <i915_drm.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "uapi/xe.h"

namespace viaduct::guest_files {

namespace {

int amdgpu_context(int fd) {
    drm_amdgpu_ctx arg{};
    arg.in.op = AMDGPU_CTX_OP_ALLOC_CTX;
    const int error = call(fd, DRM_IOCTL_AMDGPU_CTX, &arg);
    return error < 0 ? error : static_cast<int>(arg.out.alloc.ctx_id);
}

int amdgpu_destroy(int fd, uint32_t id) {
    drm_amdgpu_ctx arg{};
    arg.in.op = AMDGPU_CTX_OP_FREE_CTX;
    arg.in.ctx_id = id;
    return call(fd, DRM_IOCTL_AMDGPU_CTX, &arg);
}

int amdgpu_buffer(int fd, size_t bytes) {
    drm_amdgpu_gem_create arg{};
    arg.in.bo_size = bytes;
    arg.in.alignment = 4096;
    arg.in.domains = AMDGPU_GEM_DOMAIN_GTT;
    arg.in.domain_flags = AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED;
    const int error = call(fd, DRM_IOCTL_AMDGPU_GEM_CREATE, &arg);
    return error < 0 ? error : static_cast<int>(arg.out.handle);
}

int amdgpu_offset(int fd, uint32_t handle, uint64_t* offset) {
    drm_amdgpu_gem_mmap arg{};
    arg.in.handle = handle;
    const int error = call(fd, DRM_IOCTL_AMDGPU_GEM_MMAP, &arg);
    *offset = arg.out.addr_ptr;
    return error;
}

int i915_context(int fd) {
    drm_i915_gem_context_create arg{};
    const int error = call(fd, DRM_IOCTL_I915_GEM_CONTEXT_CREATE, &arg);
    return error < 0 ? error : static_cast<int>(arg.ctx_id);
}

int i915_destroy(int fd, uint32_t id) {
    drm_i915_gem_context_destroy arg{id, 0};
    return call(fd, DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, &arg);
}

int i915_buffer(int fd, size_t bytes) {
    drm_i915_gem_create arg{};
    arg.size = bytes;
    const int error = call(fd, DRM_IOCTL_I915_GEM_CREATE, &arg);
    return error < 0 ? error : static_cast<int>(arg.handle);
}

int i915_offset(int fd, uint32_t handle, uint64_t* offset) {
    drm_i915_gem_mmap_offset arg{};
    arg.handle = handle;
    arg.flags = I915_MMAP_OFFSET_WB;
    const int error = call(fd, DRM_IOCTL_I915_GEM_MMAP_OFFSET, &arg);
    *offset = arg.offset;
    return error;
}

int xe_vm(int fd) {
    uapi::xe::VmCreate arg{};
    const int error = call(fd, uapi::xe::kVmCreate, &arg);
    return error < 0 ? error : static_cast<int>(arg.vm_id);
}

int xe_destroy(int fd, uint32_t id) {
    uapi::xe::VmDestroy arg{};
    arg.vm_id = id;
    return call(fd, uapi::xe::kVmDestroy, &arg);
}

int xe_buffer(int fd, size_t bytes) {
    uapi::xe::GemCreate arg{};
    arg.size = bytes;
    arg.placement = 1;  // system memory
    arg.cpu_caching = uapi::xe::kCachingWriteBack;
    const int error = call(fd, uapi::xe::kGemCreate, &arg);
    return error < 0 ? error : static_cast<int>(arg.handle);
}

int xe_offset(int fd, uint32_t handle, uint64_t* offset) {
    uapi::xe::GemMmapOffset arg{};
    arg.handle = handle;
    const int error = call(fd, uapi::xe::kGemMmapOffset, &arg);
    *offset = arg.offset;
    return error;
}

constexpr Driver kDrivers[] = {
    {"amdgpu", amdgpu_context, amdgpu_destroy, amdgpu_buffer, amdgpu_offset},
    {"i915", i915_context, i915_destroy, i915_buffer, i915_offset},
    {"xe", xe_vm, xe_destroy, xe_buffer, xe_offset},
};

}  // namespace

const Driver* find_driver(std::string_view name) {
    const auto found = std::ranges::find(kDrivers, name, &Driver::name);
    return found == std::end(kDrivers) ? nullptr : found;
}

int call(int fd, unsigned long request, void* argument) {
    const int result = ::ioctl(fd, request, argument);
    return result < 0 ? -errno : result;
}

}  // namespace viaduct::guest_files
