// Calls of anv and iris on i915.
#include <i915_drm.h>

#include <vector>

#include "tests/fuzz/layer/app.h"

namespace viaduct::fuzz {

namespace i915_app {

namespace {

void get_param(const App& app, const Numbers& numbers) {
    int value = 0;
    drm_i915_getparam_t arg{};
    arg.param = static_cast<int32_t>(numbers.what % 64);
    arg.value = &value;
    app.call(DRM_IOCTL_I915_GETPARAM, arg);
}

/// Asks for the length, and then for the answer.
void query(const App& app, const Numbers& numbers) {
    drm_i915_query_item item{};
    item.query_id = 1 + numbers.what % 6;
    drm_i915_query arg{};
    arg.num_items = 1;
    arg.items_ptr = pointer(&item);
    app.call(DRM_IOCTL_I915_QUERY, arg);
    if (item.length <= 0 || static_cast<uint64_t>(item.length) > kMostAnswer) return;
    std::vector<std::byte> answer(static_cast<size_t>(item.length));
    item.data_ptr = pointer(answer.data());
    app.call(DRM_IOCTL_I915_QUERY, arg);
}

void create(const App& app, const Numbers& numbers) {
    drm_i915_gem_create arg{};
    arg.size = numbers.size;
    app.call(DRM_IOCTL_I915_GEM_CREATE, arg);
}

void create_ext(const App& app, const Numbers& numbers) {
    drm_i915_gem_memory_class_instance region{};
    drm_i915_gem_create_ext_memory_regions regions{};
    regions.base.name = I915_GEM_CREATE_EXT_MEMORY_REGIONS;
    regions.num_regions = 1;
    regions.regions = pointer(&region);
    drm_i915_gem_create_ext arg{};
    arg.size = numbers.size;
    arg.extensions = pointer(&regions);
    app.call(DRM_IOCTL_I915_GEM_CREATE_EXT, arg);
}

void mmap_offset(const App& app, const Numbers& numbers) {
    drm_i915_gem_mmap_offset arg{};
    arg.handle = numbers.id;
    arg.flags = numbers.what % 5;
    app.call(DRM_IOCTL_I915_GEM_MMAP_OFFSET, arg);
}

void busy(const App& app, const Numbers& numbers) {
    drm_i915_gem_busy arg{};
    arg.handle = numbers.id;
    app.call(DRM_IOCTL_I915_GEM_BUSY, arg);
}

void wait(const App& app, const Numbers& numbers) {
    drm_i915_gem_wait arg{};
    arg.bo_handle = numbers.id;
    app.call(DRM_IOCTL_I915_GEM_WAIT, arg);
}

void context(const App& app, const Numbers& numbers) {
    drm_i915_gem_context_create_ext_setparam param{};
    param.base.name = I915_CONTEXT_CREATE_EXT_SETPARAM;
    param.param.param = I915_CONTEXT_PARAM_RECOVERABLE;
    drm_i915_gem_context_create_ext arg{};
    arg.flags = I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS;
    arg.extensions = numbers.what % 2 ? pointer(&param) : 0;
    app.call(DRM_IOCTL_I915_GEM_CONTEXT_CREATE_EXT, arg);
}

void context_param(const App& app, const Numbers& numbers) {
    drm_i915_gem_context_param arg{};
    arg.ctx_id = numbers.id;
    arg.param = numbers.what % 16;
    arg.value = numbers.address;
    app.call(numbers.what / 16 % 2 ? DRM_IOCTL_I915_GEM_CONTEXT_GETPARAM
                                   : DRM_IOCTL_I915_GEM_CONTEXT_SETPARAM,
             arg);
}

void destroy_context(const App& app, const Numbers& numbers) {
    drm_i915_gem_context_destroy arg{numbers.id, 0};
    app.call(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, arg);
}

void submit(const App& app, const Numbers& numbers) {
    drm_i915_gem_exec_object2 object{};
    object.handle = numbers.id;
    object.offset = numbers.address;
    object.flags = EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS;
    drm_i915_gem_execbuffer2 arg{};
    arg.buffers_ptr = pointer(&object);
    arg.buffer_count = 1;
    arg.flags = I915_EXEC_HANDLE_LUT | I915_EXEC_NO_RELOC | numbers.what % 5;
    i915_execbuffer2_set_context_id(arg, numbers.what / 8 % 4);
    app.call(DRM_IOCTL_I915_GEM_EXECBUFFER2, arg);
}

void aperture(const App& app, const Numbers&) {
    drm_i915_gem_get_aperture arg{};
    app.call(DRM_IOCTL_I915_GEM_GET_APERTURE, arg);
}

void tiling(const App& app, const Numbers& numbers) {
    drm_i915_gem_get_tiling arg{};
    arg.handle = numbers.id;
    app.call(DRM_IOCTL_I915_GEM_GET_TILING, arg);
}

void reset_stats(const App& app, const Numbers& numbers) {
    drm_i915_reset_stats arg{};
    arg.ctx_id = numbers.id;
    app.call(DRM_IOCTL_I915_GET_RESET_STATS, arg);
}

void create_vm(const App& app, const Numbers&) {
    drm_i915_gem_vm_control arg{};
    app.call(DRM_IOCTL_I915_GEM_VM_CREATE, arg);
}

constexpr AppCall kCalls[] = {get_param,       query,    query,  create,   create_ext,
                              mmap_offset,     busy,     wait,   context,  context_param,
                              destroy_context, submit,   submit, aperture, tiling,
                              reset_stats,     create_vm};

}  // namespace

}  // namespace i915_app

std::span<const AppCall> i915_calls() {
    return i915_app::kCalls;
}

}  // namespace viaduct::fuzz
