#include "tests/unit/tools/replay/fake_library.h"

#include <cerrno>
#include <cstring>

namespace viaduct::replay::test {

FakeLibrary* FakeLibrary::current = nullptr;

FakeLibrary::FakeLibrary() {
    current = this;
    library.path = "fake";
    library.virgl_renderer_init = [](void* cookie, int, virgl_renderer_callbacks* callbacks) {
        current->cookie_ = cookie;
        current->callbacks_ = callbacks;
        return 0;
    };
    library.virgl_renderer_cleanup = [](void*) { current->callbacks_ = nullptr; };
    library.virgl_renderer_reset = [] {
        current->calls.emplace_back("reset");
        current->blobs.clear();
        current->guest_blobs.clear();
        current->contexts.clear();
    };
    library.virgl_renderer_get_cap_set = [](uint32_t, uint32_t* version, uint32_t* size) {
        *version = 0;
        *size = current->has_gpu ? sizeof(wire::CapsetDrm) : 0;
    };
    library.virgl_renderer_fill_caps = [](uint32_t, uint32_t, void* caps) {
        wire::CapsetDrm capset{};
        capset.context_type = current->type;
        std::memcpy(caps, &capset, sizeof(capset));
    };
    library.virgl_renderer_context_create_with_flags = [](uint32_t ctx_id, uint32_t, uint32_t,
                                                          const char*) {
        if (ctx_id == 0) return EINVAL;
        current->calls.push_back(fmt::format("context {}", ctx_id));
        current->contexts.insert(ctx_id);
        return 0;
    };
    library.virgl_renderer_context_destroy = [](uint32_t ctx_id) {
        if (current->contexts.erase(ctx_id) != 0)
            current->calls.push_back(fmt::format("context end {}", ctx_id));
    };
    library.virgl_renderer_submit_cmd = [](void*, int ctx_id, int words) {
        current->calls.push_back(fmt::format("submit {} words to {}", words, ctx_id));
        if (current->submit_error == 0) current->on_submit();
        return current->submit_error;
    };
    library.virgl_renderer_submit_cmd2 = [](void*, int ctx_id, int words, uint64_t*,
                                            uint32_t count) {
        current->calls.push_back(
            fmt::format("submit {} words to {} behind {} fences", words, ctx_id, count));
        return current->submit_error;
    };
    library.virgl_renderer_ctx_attach_resource = [](int, int) {};
    library.virgl_renderer_ctx_detach_resource = [](int, int) {};
    library.virgl_renderer_context_create_fence = [](uint32_t ctx_id, uint32_t, uint32_t ring,
                                                     uint64_t id) {
        current->calls.push_back(fmt::format("fence {}", id));
        if (current->fence_error == 0 && current->retires)
            current->callbacks_->write_context_fence(current->cookie_, ctx_id, ring, id);
        return current->fence_error;
    };
    library.virgl_renderer_resource_create_blob =
        [](const virgl_renderer_resource_create_blob_args* args) {
            if (current->blob_error != 0) return current->blob_error;
            if (args->size == 0 || args->size > kMostBytes) return -ENOMEM;
            if (args->num_iovs != 0)
                current->guest_blobs.insert(args->res_handle);
            else
                current->blobs[args->res_handle].resize(args->size);
            current->calls.push_back(fmt::format("blob {}", args->res_handle));
            return 0;
        };
    library.virgl_renderer_resource_detach_iov = [](int, iovec**, int*) {};
    library.virgl_renderer_resource_unref = [](uint32_t res_id) {
        current->calls.push_back(fmt::format("unref {}", res_id));
        current->blobs.erase(res_id);
        current->guest_blobs.erase(res_id);
    };
    library.virgl_renderer_resource_map = [](uint32_t res_id, void** address, uint64_t* size) {
        const auto found = current->blobs.find(res_id);
        if (found == current->blobs.end() || current->map_error != 0)
            return current->map_error != 0 ? current->map_error : -EINVAL;
        *address = found->second.data();
        *size = found->second.size();
        return 0;
    };
    library.virgl_renderer_resource_unmap = [](uint32_t) { return 0; };
}

}  // namespace viaduct::replay::test
