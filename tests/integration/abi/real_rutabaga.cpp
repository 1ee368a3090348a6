#include "tests/integration/abi/real_rutabaga.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>

#include "wire/capset.h"

namespace viaduct::test {

// rutabaga_gfx_ffi.h, without what native contexts do not use.
namespace rutabaga_c {

constexpr uint64_t kSurfaceless = 1;
constexpr uint32_t kFence = 1, kOnARing = 2;

struct CreateBlob {
    uint32_t blob_mem;
    uint32_t blob_flags;
    uint64_t blob_id;
    uint64_t size;
};
struct Iovecs {
    const iovec* entries;
    size_t count;
};
struct Handle {
    int64_t descriptor;
    uint32_t type;
};
struct Place {
    void* address;
    uint64_t size;
};
struct Command {
    uint32_t ctx_id;
    uint32_t bytes;
    std::byte* data;
    uint32_t in_fences;
    uint64_t* in_fence_ids;
};
struct Builder {
    uint64_t user_data;
    uint64_t capset_mask;
    uint64_t window_system;
    void* fence_callback;
    void* debug_callback;
    void* channels;
    const char* features;
};

}  // namespace rutabaga_c

// Of the ring, rutabaga writes one byte.
struct RealRutabaga::Fence {
    uint32_t flags;
    uint64_t fence_id;
    uint32_t ctx_id;
    uint8_t ring;
};

struct RealRutabaga::Functions {
    explicit Functions(const std::string& path)
        : library(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        if (!library) throw std::runtime_error(::dlerror());
        find(capset_mask, "calculate_capset_mask");
        find(init, "init");
        find(finish, "finish");
        find(capsets, "get_num_capsets");
        find(capset_info, "get_capset_info");
        find(capset, "get_capset");
        find(context_create, "context_create");
        find(context_destroy, "context_destroy");
        find(context_attach, "context_attach_resource");
        find(create_blob, "resource_create_blob");
        find(unref, "resource_unref");
        find(map, "resource_map");
        find(unmap, "resource_unmap");
        find(map_info, "resource_map_info");
        find(export_blob, "resource_export_blob");
        find(submit, "submit_command");
        find(create_fence, "create_fence");
        snapshot = reinterpret_cast<decltype(snapshot)>(::dlsym(library, "rutabaga_snapshot"));
        restore = reinterpret_cast<decltype(restore)>(::dlsym(library, "rutabaga_restore"));
    }
    template <typename Function>
    void find(Function& function, const char* name) {
        void* const symbol = ::dlsym(library, (std::string("rutabaga_") + name).c_str());
        if (!symbol) throw std::runtime_error(::dlerror());
        function = reinterpret_cast<Function>(symbol);
    }

    void* library;
    int (*capset_mask)(const char*, uint64_t*);
    int (*init)(const rutabaga_c::Builder*, void**);
    int (*finish)(void**);
    int (*capsets)(void*, uint32_t*);
    int (*capset_info)(void*, uint32_t, uint32_t*, uint32_t*, uint32_t*);
    int (*capset)(void*, uint32_t, uint32_t, std::byte*, uint32_t);
    int (*context_create)(void*, uint32_t, uint32_t, const char*, uint32_t);
    int (*context_destroy)(void*, uint32_t);
    int (*context_attach)(void*, uint32_t, uint32_t);
    int (*create_blob)(void*, uint32_t, uint32_t, const rutabaga_c::CreateBlob*,
                       const rutabaga_c::Iovecs*, const rutabaga_c::Handle*);
    int (*unref)(void*, uint32_t);
    int (*map)(void*, uint32_t, rutabaga_c::Place*);
    int (*unmap)(void*, uint32_t);
    int (*map_info)(void*, uint32_t, uint32_t*);
    int (*export_blob)(void*, uint32_t, rutabaga_c::Handle*);
    int (*submit)(void*, rutabaga_c::Command*);
    int (*create_fence)(void*, const Fence*);
    int (*snapshot)(void*, const char*);
    int (*restore)(void*, const char*);
};

RealRutabaga::RealRutabaga(const std::string& library)
    : Vmm(Unstarted(), std::chrono::seconds(60)), functions_(std::make_shared<Functions>(library)) {
    rutabaga_c::Builder builder{};
    builder.user_data = reinterpret_cast<uintptr_t>(this);
    builder.window_system = rutabaga_c::kSurfaceless;
    builder.fence_callback = reinterpret_cast<void*>(&on_fence);
    if (functions_->capset_mask("drm", &builder.capset_mask) != 0 ||
        functions_->init(&builder, &rutabaga_) != 0)
        throw std::runtime_error("rutabaga does not start");
}

template <typename Function, typename... Arguments>
int RealRutabaga::call(Function function, Arguments... arguments) {
    const std::lock_guard lock(mutex_);
    return rutabaga_ ? function(rutabaga_, arguments...) : -EINVAL;
}

void RealRutabaga::on_fence(uint64_t self, const Fence* fence) {
    auto& vmm = *reinterpret_cast<RealRutabaga*>(self);
    if (fence->flags & rutabaga_c::kOnARing)
        return vmm.context_fence(fence->ctx_id, fence->ring, fence->fence_id);
    const std::lock_guard lock(vmm.fences_mutex_);
    vmm.global_fence_ = fence->fence_id;
}

int RealRutabaga::create_context(uint32_t ctx_id, const std::string& name) {
    return call(functions_->context_create, ctx_id, wire::kCapsetDrm, name.data(),
                static_cast<uint32_t>(name.size()));
}

void RealRutabaga::destroy_context(uint32_t ctx_id) {
    call(functions_->context_destroy, ctx_id);
}

int RealRutabaga::create_blob(const virgl_renderer_resource_create_blob_args& args) {
    const rutabaga_c::CreateBlob blob{args.blob_mem, args.blob_flags, args.blob_id, args.size};
    const rutabaga_c::Iovecs iovecs{args.iovecs, args.num_iovs};
    return call(functions_->create_blob, args.ctx_id, args.res_handle, &blob,
                args.num_iovs ? &iovecs : nullptr, static_cast<const rutabaga_c::Handle*>(nullptr));
}

void RealRutabaga::unref(uint32_t res_id) {
    call(functions_->unref, res_id);
}

void RealRutabaga::attach(uint32_t ctx_id, uint32_t res_id) {
    call(functions_->context_attach, ctx_id, res_id);
}

int RealRutabaga::submit(uint32_t ctx_id, std::span<const std::byte> bytes) {
    std::vector<std::byte> own(bytes.begin(), bytes.end());
    uint64_t no_fence = 0;  // an older rutabaga wants an address for none, too
    rutabaga_c::Command command{ctx_id, static_cast<uint32_t>(own.size()), own.data(), 0,
                                &no_fence};
    return call(functions_->submit, &command);
}

int RealRutabaga::create_fence(uint32_t ctx_id, uint32_t, uint32_t ring, uint64_t fence_id) {
    const Fence fence{rutabaga_c::kFence | rutabaga_c::kOnARing, fence_id, ctx_id,
                      static_cast<uint8_t>(ring)};
    return call(functions_->create_fence, &fence);
}

int RealRutabaga::create_global_fence(uint64_t fence_id) {
    const Fence fence{rutabaga_c::kFence, fence_id, 0, 0};
    return call(functions_->create_fence, &fence);
}

bool RealRutabaga::wait_global_fence(uint64_t fence_id) {
    return eventually([&] {
        const std::lock_guard lock(fences_mutex_);
        return global_fence_ >= fence_id;
    });
}

std::vector<std::byte> RealRutabaga::native_capset() {
    uint32_t count = 0;
    call(functions_->capsets, &count);
    for (uint32_t i = 0; i < count; ++i) {
        uint32_t set = 0, version = 0, size = 0;
        if (call(functions_->capset_info, i, &set, &version, &size) != 0 || set != wire::kCapsetDrm)
            continue;
        std::vector<std::byte> bytes(size);
        if (call(functions_->capset, set, version, bytes.data(), size) == 0) return bytes;
    }
    return {};
}

std::span<std::byte> RealRutabaga::map(uint32_t res_id) {
    rutabaga_c::Place place{};
    uint32_t info = 0;
    if (call(functions_->map_info, res_id, &info) != 0 ||
        call(functions_->map, res_id, &place) != 0)
        return {};
    return {static_cast<std::byte*>(place.address), place.size};
}

int RealRutabaga::unmap(uint32_t res_id) {
    return call(functions_->unmap, res_id);
}

int RealRutabaga::export_blob(uint32_t res_id, UniqueFd& handle) {
    rutabaga_c::Handle exported{-1, 0};
    const int error = call(functions_->export_blob, res_id, &exported);
    if (error == 0) handle.reset(static_cast<int>(exported.descriptor));
    return error;
}

bool RealRutabaga::has_snapshots() const {
    return functions_->snapshot && functions_->restore;
}

int RealRutabaga::snapshot(const std::string& folder) {
    return call(functions_->snapshot, folder.c_str());
}

int RealRutabaga::restore(const std::string& folder) {
    return call(functions_->restore, folder.c_str());
}

void RealRutabaga::finish() {
    if (rutabaga_) functions_->finish(&rutabaga_);
    rutabaga_ = nullptr;
}

}  // namespace viaduct::test
