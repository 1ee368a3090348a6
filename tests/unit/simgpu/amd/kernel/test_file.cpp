#include "tests/unit/simgpu/amd/kernel/test_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

namespace simgpu::test {

std::string unique_instance() {
    static std::atomic<int> number = 0;
    return fmt::format("test-{}-{}", ::getpid(), ++number);
}

void Chunks::add(uint32_t id, const void* data, size_t bytes) {
    std::vector<uint32_t> payload((bytes + 3) / 4);
    std::memcpy(payload.data(), data, bytes);
    payloads.push_back(std::move(payload));
    ids.push_back(id);
}

Chunks& Chunks::ib(uint64_t va, uint32_t bytes, uint32_t ip, uint32_t ring) {
    drm_amdgpu_cs_chunk_ib ib{};
    ib.va_start = va;
    ib.ib_bytes = bytes;
    ib.ip_type = ip;
    ib.ring = ring;
    return with(AMDGPU_CHUNK_ID_IB, ib);
}

std::string TestFile::default_instance() {
    static const std::string instance = unique_instance();
    return instance;
}

TestFile::TestFile(const char* model, const std::string& instance) {
    auto file = File::open({model, instance});
    if (!file) throw std::runtime_error(fmt::format("open: errno {}", file.error()));
    file_ = std::move(*file);
}

int TestFile::create(uint64_t size, uint32_t* handle, uint64_t domains, uint64_t flags) {
    drm_amdgpu_gem_create args{};
    args.in.bo_size = size;
    args.in.alignment = 4096;
    args.in.domains = domains;
    args.in.domain_flags = flags;
    const int result = ioctl(DRM_IOCTL_AMDGPU_GEM_CREATE, &args);
    if (result == 0) *handle = args.out.handle;
    return result;
}

int TestFile::map(uint32_t handle, uint64_t va, uint64_t size, uint64_t offset, uint32_t flags) {
    return va_op(AMDGPU_VA_OP_MAP, handle, va, size, offset, flags);
}

int TestFile::va_op(uint32_t operation, uint32_t handle, uint64_t va, uint64_t size,
                    uint64_t offset, uint32_t flags) {
    drm_amdgpu_gem_va args{};
    args.handle = handle;
    args.operation = operation;
    args.flags = flags;
    args.va_address = va;
    args.offset_in_bo = offset;
    args.map_size = size;
    return ioctl(DRM_IOCTL_AMDGPU_GEM_VA, &args);
}

int TestFile::gem_close(uint32_t handle) {
    drm_gem_close args{};
    args.handle = handle;
    return ioctl(DRM_IOCTL_GEM_CLOSE, &args);
}

viaduct::Mapping TestFile::cpu_map(uint32_t handle) {
    drm_amdgpu_gem_mmap args{};
    args.in.handle = handle;
    EXPECT_EQ(ioctl(DRM_IOCTL_AMDGPU_GEM_MMAP, &args), 0);
    const auto source = file_->map_source(args.out.addr_ptr);
    if (!source) {
        ADD_FAILURE() << "map_source: errno " << source.error();
        return {};
    }
    return viaduct::Mapping::map_shared(source->fd.get(), source->offset, source->size).value();
}

TestBuffer TestFile::buffer(uint64_t va, uint64_t size, uint64_t domains, uint64_t flags) {
    TestBuffer buffer;
    EXPECT_EQ(create(size, &buffer.handle, domains, flags), 0);
    buffer.va = va;
    EXPECT_EQ(map(buffer.handle, va, (size + 4095) / 4096 * 4096), 0);
    buffer.mapping = cpu_map(buffer.handle);
    return buffer;
}

int TestFile::alloc_context(int32_t priority, uint32_t* id) {
    drm_amdgpu_ctx args{};
    args.in.op = AMDGPU_CTX_OP_ALLOC_CTX;
    args.in.priority = priority;
    const int result = ioctl(DRM_IOCTL_AMDGPU_CTX, &args);
    if (result == 0) *id = args.out.alloc.ctx_id;
    return result;
}

uint32_t TestFile::context() {
    uint32_t id = 0;
    EXPECT_EQ(alloc_context(AMDGPU_CTX_PRIORITY_NORMAL, &id), 0);
    return id;
}

uint64_t TestFile::context_flags(uint32_t id) {
    drm_amdgpu_ctx args{};
    args.in.op = AMDGPU_CTX_OP_QUERY_STATE2;
    args.in.ctx_id = id;
    EXPECT_EQ(ioctl(DRM_IOCTL_AMDGPU_CTX, &args), 0);
    return args.out.state.flags;
}

int TestFile::submit(uint32_t context, const Chunks& chunks, uint64_t* sequence) {
    std::vector<drm_amdgpu_cs_chunk> headers;
    for (size_t i = 0; i < chunks.ids.size(); ++i)
        headers.push_back({chunks.ids[i], static_cast<uint32_t>(chunks.payloads[i].size()),
                           address_of(chunks.payloads[i].data())});
    std::vector<uint64_t> pointers;
    for (const auto& header : headers) pointers.push_back(address_of(&header));
    drm_amdgpu_cs args{};
    args.in.ctx_id = context;
    args.in.num_chunks = static_cast<uint32_t>(pointers.size());
    args.in.chunks = address_of(pointers.data());
    const int result = ioctl(DRM_IOCTL_AMDGPU_CS, &args);
    if (result == 0 && sequence) *sequence = args.out.handle;
    return result;
}

int TestFile::wait(uint32_t context, uint64_t sequence, uint64_t ms, uint32_t ip, uint32_t ring) {
    drm_amdgpu_wait_cs args{};
    args.in.handle = sequence;
    args.in.timeout = in_ms(ms);
    args.in.ip_type = ip;
    args.in.ring = ring;
    args.in.ctx_id = context;
    const int result = ioctl(DRM_IOCTL_AMDGPU_WAIT_CS, &args);
    return result != 0 ? result : static_cast<int>(args.out.status);
}

uint32_t TestFile::syncobj(uint32_t flags) {
    drm_syncobj_create args{};
    args.flags = flags;
    EXPECT_EQ(ioctl(DRM_IOCTL_SYNCOBJ_CREATE, &args), 0);
    return args.handle;
}

int TestFile::syncobj_wait(uint32_t handle, uint64_t ms) {
    drm_syncobj_wait args{};
    args.handles = address_of(&handle);
    args.count_handles = 1;
    args.timeout_nsec = static_cast<int64_t>(in_ms(ms));
    args.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;
    return ioctl(DRM_IOCTL_SYNCOBJ_WAIT, &args);
}

}  // namespace simgpu::test
