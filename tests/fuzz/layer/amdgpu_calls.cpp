// Calls of radv and radeonsi on amdgpu.
#include <amdgpu_drm.h>

#include <vector>

#include "tests/fuzz/layer/app.h"

namespace viaduct::fuzz {

namespace amdgpu_app {

namespace {

void info(const App& app, const Numbers& numbers) {
    std::vector<std::byte> answer(numbers.size % 4096);
    drm_amdgpu_info arg{};
    arg.return_pointer = pointer(answer.data());
    arg.return_size = static_cast<uint32_t>(answer.size());
    arg.query = numbers.what % 64;
    arg.query_hw_ip.type = numbers.id;
    app.call(DRM_IOCTL_AMDGPU_INFO, arg);
}

void create(const App& app, const Numbers& numbers) {
    drm_amdgpu_gem_create arg{};
    arg.in.bo_size = numbers.size;
    arg.in.domains = numbers.what % 8;
    arg.in.domain_flags = numbers.address % (1 << 14);
    app.call(DRM_IOCTL_AMDGPU_GEM_CREATE, arg);
}

void mmap_offset(const App& app, const Numbers& numbers) {
    drm_amdgpu_gem_mmap arg{};
    arg.in.handle = numbers.id;
    app.call(DRM_IOCTL_AMDGPU_GEM_MMAP, arg);
}

void map(const App& app, const Numbers& numbers) {
    drm_amdgpu_gem_va arg{};
    arg.handle = numbers.id;
    arg.operation = numbers.what % 5;
    arg.flags = AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE;
    arg.va_address = numbers.address;
    arg.map_size = numbers.size;
    app.call(DRM_IOCTL_AMDGPU_GEM_VA, arg);
}

void context(const App& app, const Numbers& numbers) {
    drm_amdgpu_ctx arg{};
    arg.in.op = 1 + numbers.what % 6;
    arg.in.ctx_id = numbers.id;
    app.call(DRM_IOCTL_AMDGPU_CTX, arg);
}

void submit(const App& app, const Numbers& numbers) {
    drm_amdgpu_cs_chunk_ib ib{};
    ib.va_start = numbers.address;
    ib.ib_bytes = 64;
    ib.ip_type = numbers.what % 4;
    drm_amdgpu_bo_list_entry entry{numbers.id, 0};
    drm_amdgpu_bo_list_in list{};
    list.operation = list.list_handle = ~0u;
    list.bo_number = 1;
    list.bo_info_size = sizeof(entry);
    list.bo_info_ptr = pointer(&entry);
    const drm_amdgpu_cs_chunk chunks[] = {
        {AMDGPU_CHUNK_ID_IB, sizeof(ib) / 4, pointer(&ib)},
        {AMDGPU_CHUNK_ID_BO_HANDLES, sizeof(list) / 4, pointer(&list)}};
    const uint64_t pointers[] = {pointer(&chunks[0]), pointer(&chunks[1])};
    drm_amdgpu_cs arg{};
    arg.in.ctx_id = numbers.id;
    arg.in.num_chunks = 1 + numbers.what / 4 % 2;
    arg.in.chunks = pointer(pointers);
    app.call(DRM_IOCTL_AMDGPU_CS, arg);
}

void wait(const App& app, const Numbers& numbers) {
    drm_amdgpu_wait_cs arg{};
    arg.in.handle = numbers.what % 4;
    arg.in.ip_type = numbers.what / 4 % 4;
    arg.in.ctx_id = numbers.id;
    app.call(DRM_IOCTL_AMDGPU_WAIT_CS, arg);
}

void metadata(const App& app, const Numbers& numbers) {
    drm_amdgpu_gem_metadata arg{};
    arg.handle = numbers.id;
    arg.op = 1 + numbers.what % 2;
    arg.data.data_size_bytes = static_cast<uint32_t>(numbers.size % 300);
    app.call(DRM_IOCTL_AMDGPU_GEM_METADATA, arg);
}

void query_buffer(const App& app, const Numbers& numbers) {
    drm_amdgpu_gem_create_in answer{};
    drm_amdgpu_gem_op arg{};
    arg.handle = numbers.id;
    arg.op = AMDGPU_GEM_OP_GET_GEM_CREATE_INFO;
    arg.value = pointer(&answer);
    app.call(DRM_IOCTL_AMDGPU_GEM_OP, arg);
}

void wait_idle(const App& app, const Numbers& numbers) {
    drm_amdgpu_gem_wait_idle arg{};
    arg.in.handle = numbers.id;
    app.call(DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, arg);
}

void reserve(const App& app, const Numbers& numbers) {
    drm_amdgpu_vm arg{};
    arg.in.op = 1 + numbers.what % 2;
    app.call(DRM_IOCTL_AMDGPU_VM, arg);
}

constexpr AppCall kCalls[] = {info,   create, mmap_offset, map,          context,   submit,
                              submit, wait,   metadata,    query_buffer, wait_idle, reserve};

}  // namespace

}  // namespace amdgpu_app

std::span<const AppCall> amdgpu_calls() {
    return amdgpu_app::kCalls;
}

}  // namespace viaduct::fuzz
