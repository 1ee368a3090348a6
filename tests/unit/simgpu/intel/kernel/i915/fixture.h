// An open file of the simulated Tiger Lake, or of another chip, and the ioctls that most tests
// need.
#pragma once

#include <drm.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "simgpu/intel/kernel/i915/uapi.h"
#include "simgpu/simgpu.h"

namespace simgpu::intel::i915 {

using Object = drm_i915_gem_exec_object2;

inline constexpr uint32_t kBatchEnd = 0x05000000;  // MI_BATCH_BUFFER_END
inline constexpr uint64_t kHigh = 0x1'0000'0000;
inline constexpr uint64_t kPinned = EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS;

class I915Test : public ::testing::Test {
  protected:
    explicit I915Test(const char* model = "tgl")
        : file_(File::open({.model = model, .instance = ""}).value()) {}

    int ioctl(unsigned long request, void* argument) { return file_->ioctl(request, argument); }

    uint32_t create(uint64_t size = 4096) {
        drm_i915_gem_create args{};
        args.size = size;
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CREATE, &args), 0);
        return args.handle;
    }
    void write(uint32_t handle, uint64_t offset, std::vector<uint32_t> dwords) {
        drm_i915_gem_pwrite args{};
        args.handle = handle;
        args.offset = offset;
        args.size = dwords.size() * sizeof(uint32_t);
        args.data_ptr = reinterpret_cast<uintptr_t>(dwords.data());
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_PWRITE, &args), 0);
    }
    template <typename T>
    T read(uint32_t handle, uint64_t offset) {
        T value{};
        drm_i915_gem_pread args{};
        args.handle = handle;
        args.offset = offset;
        args.size = sizeof(value);
        args.data_ptr = reinterpret_cast<uintptr_t>(&value);
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_PREAD, &args), 0);
        return value;
    }
    /// A buffer with the shortest batch there is.
    uint32_t create_batch() {
        const uint32_t handle = create();
        write(handle, 0, {kBatchEnd, 0});
        return handle;
    }
    static Object object(uint32_t handle, uint64_t offset, uint64_t flags = kPinned) {
        Object object{};
        object.handle = handle;
        object.offset = offset;
        object.flags = flags;
        return object;
    }
    drm_i915_gem_execbuffer2 args_for(std::vector<Object>& objects) {
        drm_i915_gem_execbuffer2 args{};
        args.buffers_ptr = reinterpret_cast<uintptr_t>(objects.data());
        args.buffer_count = static_cast<uint32_t>(objects.size());
        args.flags = I915_EXEC_NO_RELOC | I915_EXEC_HANDLE_LUT;
        return args;
    }
    int submit(std::vector<Object> objects, uint32_t context = 0) {
        drm_i915_gem_execbuffer2 args = args_for(objects);
        args.rsvd1 = context;
        return ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args);
    }
    int wait(uint32_t handle, int64_t timeout_ns = -1) {
        drm_i915_gem_wait args{};
        args.bo_handle = handle;
        args.timeout_ns = timeout_ns;
        return ioctl(DRM_IOCTL_I915_GEM_WAIT, &args);
    }
    uint32_t create_context(bool recoverable = true) {
        drm_i915_gem_context_create_ext_setparam record{};
        record.base.name = I915_CONTEXT_CREATE_EXT_SETPARAM;
        record.param.param = I915_CONTEXT_PARAM_RECOVERABLE;
        record.param.value = recoverable;
        drm_i915_gem_context_create_ext args{};
        args.flags = I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS;
        args.extensions = reinterpret_cast<uintptr_t>(&record);
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CONTEXT_CREATE_EXT, &args), 0);
        return args.ctx_id;
    }
    int set_param(uint32_t context, uint64_t param, uint64_t value, uint32_t size = 0) {
        drm_i915_gem_context_param args{};
        args.ctx_id = context;
        args.param = param;
        args.value = value;
        args.size = size;
        return ioctl(DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM, &args);
    }
    uint32_t create_syncobj() {
        drm_syncobj_create args{};
        EXPECT_EQ(ioctl(DRM_IOCTL_SYNCOBJ_CREATE, &args), 0);
        return args.handle;
    }
    int wait_syncobj(uint32_t handle, uint64_t point = 0) {
        drm_syncobj_timeline_wait args{};
        args.handles = reinterpret_cast<uintptr_t>(&handle);
        args.points = reinterpret_cast<uintptr_t>(&point);
        args.count_handles = 1;
        args.timeout_nsec = INT64_MAX;
        return ioctl(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &args);
    }
    drm_i915_reset_stats reset_stats(uint32_t context) {
        drm_i915_reset_stats args{};
        args.ctx_id = context;
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GET_RESET_STATS, &args), 0);
        return args;
    }

    std::unique_ptr<File> file_;
};

}  // namespace simgpu::intel::i915
