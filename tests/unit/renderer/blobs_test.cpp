// Blob resources over the C ABI: rows C3-C6, C12-C19, F13, F15 of the catalogue of hostile cases.
#include <drm_fourcc.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "blob/memfd.h"

#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

using Args = virgl_renderer_resource_create_blob_args;

class Blobs : public Vmm {
  protected:
    Blobs() {
        EXPECT_EQ(init(), 0);
        EXPECT_EQ(native_context(1), 0);
    }
    /// A private window of three pages in which a VMM places blobs.
    static Mapping window() {
        void* address =
            ::mmap(nullptr, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        std::memset(address, 0x11, 3 * 4096);
        return Mapping(address, 3 * 4096);
    }
};

TEST_F(Blobs, CreateRefusesNonsense) {
    std::vector<char> memory(4096);
    const iovec whole[] = {{memory.data(), 4096}};
    const iovec holed[] = {{memory.data(), 2048}, {memory.data(), 0}, {memory.data(), 2048}};
    const iovec null_base[] = {{nullptr, 4096}};
    const iovec wrapping[] = {{memory.data(), SIZE_MAX}, {memory.data(), 4097}};
    struct Case {
        const char* what;
        Args args;  // handle, ctx, mem, flags, blob_id, size, iovecs, count
        int expected;
    };
    const Case cases[] = {
        {"handle 0", {0, 1, 2, 1, 0, 4096, nullptr, 0}, -EINVAL},
        {"blob_mem 0", {5, 1, 0, 1, 0, 4096, nullptr, 0}, -EINVAL},
        {"blob_mem 4", {5, 1, 4, 1, 0, 4096, nullptr, 0}, -EINVAL},
        {"blob_mem 5", {5, 1, 5, 1, 0, 4096, nullptr, 0}, -EINVAL},
        {"size 0", {5, 1, 2, 1, 0, 0, nullptr, 0}, -EINVAL},
        {"unknown flag", {5, 1, 2, 9, 0, 4096, nullptr, 0}, -EINVAL},
        {"unknown context", {5, 2, 2, 1, 0, 4096, nullptr, 0}, -EINVAL},
        {"unknown context, guest part", {5, 2, 3, 1, 0, 4096, whole, 1}, -EINVAL},
        {"unknown blob id", {5, 1, 2, 1, 99, 4096, nullptr, 0}, -ENOENT},
        {"larger than its object", {5, 1, 2, 1, 7, 8193, nullptr, 0}, -EINVAL},
        {"HOST3D with iovecs", {5, 1, 2, 1, 0, 4096, whole, 1}, -EINVAL},
        {"guest memory too short", {5, 0, 1, 0, 0, 4097, whole, 1}, -EINVAL},
        {"guest part too short", {5, 1, 3, 1, 0, 4097, whole, 1}, -EINVAL},
        {"no guest memory", {5, 0, 1, 0, 0, 4096, nullptr, 0}, -EINVAL},
        {"null iovecs", {5, 0, 1, 0, 0, 4096, nullptr, 3}, -EINVAL},
        {"too many iovecs", {5, 0, 1, 0, 0, 4096, whole, UINT32_MAX}, -EINVAL},
        {"empty iovec", {5, 0, 1, 0, 0, 4096, holed, 3}, -EINVAL},
        {"null iovec", {5, 0, 1, 0, 0, 4096, null_base, 1}, -EINVAL},
        {"wrapping total", {5, 0, 1, 0, 0, 4096, wrapping, 2}, -EINVAL},
    };
    for (const Case& c : cases) {
        EXPECT_EQ(virgl_renderer_resource_create_blob(&c.args), c.expected) << c.what;
        virgl_renderer_resource_info info{};
        EXPECT_EQ(virgl_renderer_resource_get_info(5, &info), EINVAL) << c.what;
    }
    EXPECT_EQ(virgl_renderer_resource_create_blob(nullptr), -EINVAL);
}

TEST_F(Blobs, IdsAreUniqueOverAllKindsAndContexts) {
    ASSERT_EQ(native_context(2), 0);
    ASSERT_EQ(host_blob(5, 1, 0, 4096), 0);
    EXPECT_EQ(host_blob(5, 1, 7, 4096), -EINVAL);
    EXPECT_EQ(host_blob(5, 2, 0, 4096), -EINVAL);
    virgl_renderer_resource_create_args create{5, 2, 1, 2, 4, 4, 1, 1, 0, 0, 0};
    EXPECT_EQ(virgl_renderer_resource_create(&create, nullptr, 0), -EINVAL);
    EXPECT_EQ(host_blob(UINT32_MAX, 2, 0, 4096), 0);
    EXPECT_EQ(host_blob(6, 1, 7, 4096), 0) << "a refused id did not use up the object";
}

TEST_F(Blobs, ControlBufferIsMappedAndExportedAsSharedMemory) {
    ASSERT_EQ(host_blob(5, 1, 0, 0x4000), 0);
    void* address = nullptr;
    uint64_t size = 0;
    ASSERT_EQ(virgl_renderer_resource_map(5, &address, &size), 0);
    EXPECT_EQ(size, 0x4000u);
    EXPECT_EQ(virgl_renderer_resource_map(5, &address, &size), -EINVAL) << "one at a time";
    uint32_t type = 0, info = 0;
    int fd = -1;
    ASSERT_EQ(virgl_renderer_resource_export_blob(5, &type, &fd), 0);
    const UniqueFd exported(fd);
    EXPECT_EQ(type, uint32_t{VIRGL_RENDERER_BLOB_FD_TYPE_SHM});
    EXPECT_TRUE(::fcntl(fd, F_GETFD) & FD_CLOEXEC);
    auto other = Mapping::map_shared(fd, 0, 0x4000);
    ASSERT_TRUE(other);
    other->data()[100] = std::byte{7};
    EXPECT_EQ(static_cast<char*>(address)[100], 7);
    EXPECT_EQ(virgl_renderer_resource_get_map_info(5, &info), 0);
    EXPECT_EQ(info, uint32_t{VIRGL_RENDERER_MAP_CACHE_CACHED});
    EXPECT_EQ(virgl_renderer_resource_unmap(5), 0);
    EXPECT_EQ(virgl_renderer_resource_unmap(5), -EINVAL);
}

TEST_F(Blobs, MapFixedReplacesExactlyTheBlob) {
    for (const auto& [resource, blob_id] : {std::pair{5u, 8ull}, {6u, 7ull}}) {
        ASSERT_EQ(host_blob(resource, 1, blob_id, 4096), 0);
        auto space = window();
        ASSERT_EQ(virgl_renderer_resource_map_fixed(resource, space.data() + 4096), 0);
        EXPECT_EQ(space.data()[4095], std::byte{0x11});
        EXPECT_EQ(space.data()[4096], std::byte{0});
        EXPECT_EQ(space.data()[8192], std::byte{0x11}) << "object is larger, the blob is not";
        EXPECT_EQ(virgl_renderer_resource_map_fixed(resource, space.data() + 1), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_map_fixed(resource, nullptr), -EINVAL);
        void* address = nullptr;
        uint64_t size = 0;
        EXPECT_EQ(virgl_renderer_resource_map(resource, &address, &size), 0) << "independent";
        static_cast<char*>(address)[5] = 3;
        EXPECT_EQ(space.data()[4101], std::byte{3});
        virgl_renderer_resource_unref(resource);
        EXPECT_EQ(space.data()[4101], std::byte{3}) << "the VMM's mapping stays";
    }
}

// As a VMM does that exports each blob when it is created.
TEST_F(Blobs, PrivateObjectsAreNotAskedFor) {
    gpu.context(1).says_private = true;
    gpu.context(1).exportable = false;
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    uint32_t type = 0;
    int fd = -1;
    EXPECT_EQ(virgl_renderer_resource_export_blob(5, &type, &fd), -EINVAL);
    ASSERT_EQ(native_context(2), 0);
    virgl_renderer_ctx_attach_resource(2, 5);
    EXPECT_TRUE(gpu.context(2).attached.empty());
    EXPECT_EQ(gpu.context(1).exported, 0);
    void* address = nullptr;
    uint64_t size = 0;
    EXPECT_EQ(virgl_renderer_resource_map(5, &address, &size), 0);
}

TEST_F(Blobs, OpaqueObjectsDieWithTheirContextButMappingsStay) {
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    void* address = nullptr;
    uint64_t size = 0;
    ASSERT_EQ(virgl_renderer_resource_map(5, &address, &size), 0);
    static_cast<char*>(address)[8191] = 9;
    virgl_renderer_context_destroy(1);
    ASSERT_EQ(native_context(1), 0);
    EXPECT_EQ(static_cast<char*>(address)[8191], 9);
    uint32_t type = 0;
    int fd = -1;
    EXPECT_EQ(virgl_renderer_resource_export_blob(5, &type, &fd), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_unmap(5), 0);
    EXPECT_EQ(virgl_renderer_resource_map(5, &address, &size), -EINVAL);
    auto space = window();
    EXPECT_EQ(virgl_renderer_resource_map_fixed(5, space.data()), -EINVAL);
    EXPECT_EQ(host_blob(5, 1, 0, 4096), -EINVAL) << "the id is taken until unref";
    virgl_renderer_resource_unref(5);
    EXPECT_EQ(host_blob(5, 1, 0, 4096), 0);
}

TEST_F(Blobs, SharedObjectsOutliveTheirContext) {
    ASSERT_EQ(host_blob(5, 1, 7, 8192, kMappable | kShareable), 0);
    ASSERT_EQ(host_blob(6, 1, 0, 4096), 0);
    virgl_renderer_context_destroy(1);
    for (const uint32_t resource : {5u, 6u}) {
        void* address = nullptr;
        uint64_t size = 0;
        uint32_t type = 0;
        int fd = -1;
        EXPECT_EQ(virgl_renderer_resource_map(resource, &address, &size), 0);
        EXPECT_EQ(virgl_renderer_resource_export_blob(resource, &type, &fd), 0);
        const UniqueFd exported(fd);
    }
}

TEST_F(Blobs, UnmappableBlobsAreNotMapped) {
    ASSERT_EQ(host_blob(5, 1, 7, 8192, kShareable), 0);
    std::vector<char> memory(4096);
    const iovec entry{memory.data(), memory.size()};
    const Args guest{6, 0, 1, kMappable, 0, 4096, &entry, 1};
    ASSERT_EQ(virgl_renderer_resource_create_blob(&guest), 0);
    auto space = window();
    void* address = nullptr;
    uint64_t size = 0;
    for (const uint32_t resource : {5u, 6u}) {
        EXPECT_EQ(virgl_renderer_resource_map(resource, &address, &size), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_map_fixed(resource, space.data()), -EINVAL);
    }
}

// QEMU frees the pixels.
using Pixels = std::unique_ptr<uint32_t, decltype(&std::free)>;
Pixels cursor_of(uint32_t resource) {
    uint32_t width = 0, height = 0;
    void* data = virgl_renderer_get_cursor_data(resource, &width, &height);
    if (data) {
        EXPECT_EQ(width, 64u);
        EXPECT_EQ(height, 64u);
    }
    return {static_cast<uint32_t*>(data), &std::free};
}

TEST_F(Blobs, AreCursorsToo) {
    constexpr uint64_t kBytes = 64 * 64 * 4;
    gpu.context(1).objects = {{7, kBytes}, {8, 2 * kBytes}, {9, kBytes - 1}, {10, kBytes}};
    ASSERT_EQ(host_blob(5, 1, 7, kBytes), 0);  // opaque
    ASSERT_EQ(host_blob(6, 1, 8, 2 * kBytes, kMappable | kShareable), 0);
    ASSERT_EQ(host_blob(7, 1, 9, kBytes - 1), 0);
    ASSERT_EQ(host_blob(8, 1, 10, kBytes, 0), 0);
    for (const uint32_t resource : {5u, 6u}) {
        void* address = nullptr;
        uint64_t size = 0;
        ASSERT_EQ(virgl_renderer_resource_map(resource, &address, &size), 0);
        auto* const drawn = static_cast<uint32_t*>(address);
        drawn[0] = 0xff00'0000 + resource;
        drawn[64 * 64 - 1] = 0x8000'0000 + resource;
        const Pixels pixels = cursor_of(resource);
        ASSERT_TRUE(pixels) << resource;
        EXPECT_EQ(pixels.get()[0], 0xff00'0000 + resource);
        EXPECT_EQ(pixels.get()[64 * 64 - 1], 0x8000'0000 + resource);
        EXPECT_EQ(virgl_renderer_resource_unmap(resource), 0);
    }
    EXPECT_FALSE(cursor_of(7)) << "too small";
    EXPECT_FALSE(cursor_of(8)) << "not for the CPU";
    EXPECT_FALSE(cursor_of(77));
    virgl_renderer_context_destroy(1);
    EXPECT_FALSE(cursor_of(5)) << "its context is gone";
}

TEST_F(Blobs, OfGuestMemoryAreCursorsToo) {
    std::vector<uint32_t> memory(64 * 64);
    for (uint32_t i = 0; i < memory.size(); ++i) memory[i] = i;
    const iovec pieces[] = {{memory.data(), 4096}, {memory.data() + 1024, 3 * 4096}};
    const Args blob{5, 0, 1, 0, 0, 4 * 4096, pieces, 2};
    ASSERT_EQ(virgl_renderer_resource_create_blob(&blob), 0);
    {
        const Pixels pixels = cursor_of(5);
        ASSERT_TRUE(pixels);
        EXPECT_TRUE(std::equal(memory.begin(), memory.end(), pixels.get()));
    }
    virgl_renderer_resource_detach_iov(5, nullptr, nullptr);
    EXPECT_FALSE(cursor_of(5));
}

// Memory of the heap, of which no dma-buf can be made.
TEST_F(Blobs, AHandleOfGuestMemoryThatCannotBeMadeIsRefused) {
    std::vector<char> memory(4096);
    const iovec whole[] = {{memory.data(), 4096}};
    const Args with_handle{5, 1, 1, 8, 0, 4096, whole, 1};
    EXPECT_LT(virgl_renderer_resource_create_blob(&with_handle), 0);
    const Args of_host{5, 1, 2, 8, 0, 4096, nullptr, 0};
    EXPECT_EQ(virgl_renderer_resource_create_blob(&of_host), -EINVAL);
    const Args plain{5, 1, 1, 0, 0, 4096, whole, 1};
    ASSERT_EQ(virgl_renderer_resource_create_blob(&plain), 0) << "the id is free";
}

TEST_F(Blobs, GuestBlobsBorrowTheirIovecs) {
    std::vector<char> memory(4096);
    const iovec entries[] = {{memory.data(), 1000}, {memory.data() + 1000, 3096}};
    const Args guest{6, 77, 1, 0, 5, 4096, entries, 2};
    ASSERT_EQ(virgl_renderer_resource_create_blob(&guest), 0) << "ctx_id and blob_id are unused";
    uint32_t info = 0, type = 0;
    int fd = -1;
    EXPECT_EQ(virgl_renderer_resource_get_map_info(6, &info), 0);
    EXPECT_EQ(info, uint32_t{VIRGL_RENDERER_MAP_CACHE_CACHED});
    EXPECT_EQ(virgl_renderer_resource_export_blob(6, &type, &fd), -EINVAL);
    iovec other{memory.data(), 4096};
    EXPECT_EQ(virgl_renderer_resource_attach_iov(6, &other, 1), EINVAL) << "has some";
    iovec* back = nullptr;
    int count = 0;
    virgl_renderer_resource_detach_iov(6, &back, &count);
    EXPECT_EQ(back, entries);
    EXPECT_EQ(count, 2);
    virgl_renderer_resource_detach_iov(6, &back, &count);
    EXPECT_EQ(back, nullptr);
    EXPECT_EQ(count, 0);
    EXPECT_EQ(virgl_renderer_resource_attach_iov(6, &other, 1), 0);
    virgl_renderer_resource_detach_iov(6, nullptr, nullptr);
    back = &other;
    virgl_renderer_resource_detach_iov(99, &back, &count);
    EXPECT_EQ(back, &other) << "outputs of unknown ids stay";
}

TEST_F(Blobs, InfoWritesEveryField) {
    ASSERT_EQ(host_blob(5, 1, 7, 8192, kShareable), 0);
    ASSERT_EQ(host_blob(6, 1, 8, 4096), 0);
    for (const uint32_t resource : {5u, 6u}) {
        virgl_renderer_resource_info_ext info;
        std::memset(&info, 0x5a, sizeof info);
        ASSERT_EQ(virgl_renderer_resource_get_info_ext(static_cast<int>(resource), &info), 0);
        EXPECT_EQ(info.version, 0);
        EXPECT_EQ(info.base.handle, resource);
        EXPECT_EQ(info.base.width | info.base.height | info.base.depth | info.base.stride, 0u);
        EXPECT_EQ(info.base.tex_id | info.base.flags | info.base.virgl_format, 0u);
        EXPECT_EQ(info.base.drm_fourcc, 0);
        EXPECT_EQ(info.d3d_tex2d, nullptr);
        const bool has_dmabuf = resource == 5;
        EXPECT_EQ(info.has_dmabuf_export, has_dmabuf);
        EXPECT_EQ(info.planes, has_dmabuf ? 1 : 0);
        EXPECT_EQ(info.modifiers, has_dmabuf ? DRM_FORMAT_MOD_INVALID : 0);
        if (has_dmabuf)
            EXPECT_GE(::fcntl(info.base.fd, F_GETFD), 0) << "borrowed, open";
        else
            EXPECT_EQ(info.base.fd, -1);
    }
    EXPECT_EQ(virgl_renderer_resource_get_info(5, nullptr), EINVAL);
    EXPECT_EQ(virgl_renderer_resource_get_info(-1, nullptr), EINVAL);
}

TEST_F(Blobs, HaveTheLayoutThatTheGuestsDriverDescribes) {
    ASSERT_EQ(host_blob(5, 1, 7, 8192, kShareable), 0);
    const ImageLayout described{DRM_FORMAT_XRGB8888, 60, 32, 256, DRM_FORMAT_MOD_LINEAR};
    gpu.context(1).layout = described;
    virgl_renderer_resource_info_ext info;
    ASSERT_EQ(virgl_renderer_resource_get_info_ext(5, &info), 0);
    EXPECT_EQ(info.base.width, 60u);
    EXPECT_EQ(info.base.height, 32u);
    EXPECT_EQ(info.base.stride, 256u);
    EXPECT_EQ(info.base.drm_fourcc, static_cast<int>(DRM_FORMAT_XRGB8888));
    EXPECT_EQ(info.modifiers, DRM_FORMAT_MOD_LINEAR);

    gpu.context(1).layout.height = 33;
    ASSERT_EQ(virgl_renderer_resource_get_info_ext(5, &info), 0);
    EXPECT_EQ(info.base.height | info.base.stride, 0u) << "it exceeds the buffer";
    EXPECT_EQ(info.modifiers, DRM_FORMAT_MOD_INVALID);

    gpu.context(1).layout = described;
    virgl_renderer_context_destroy(1);
    ASSERT_EQ(virgl_renderer_resource_get_info_ext(5, &info), 0);
    EXPECT_GE(info.base.fd, 0);
    EXPECT_EQ(info.modifiers, DRM_FORMAT_MOD_INVALID) << "nobody is left to ask";
}

TEST_F(Blobs, ExportQueryAnnouncesOnePlaneAndNeverExports) {
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    virgl_renderer_export_query query;
    std::memset(&query, 0x5a, sizeof query);
    query.hdr = {VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY, 0, sizeof query};
    query.in_resource_id = 5;
    query.in_export_fds = 0;
    ASSERT_EQ(virgl_renderer_execute(&query, sizeof query), 0);
    EXPECT_EQ(query.out_num_fds, 1u);
    EXPECT_EQ(query.out_fourcc, 0u);
    EXPECT_EQ(query.out_fds[0], -1);
    EXPECT_EQ(query.out_strides[0], 0u);
    EXPECT_EQ(query.out_offsets[0], 0u);
    EXPECT_EQ(query.out_modifier, 0x00ffffffffffffffull);
    query.in_export_fds = 1;
    EXPECT_EQ(virgl_renderer_execute(&query, sizeof query), -EINVAL);
    query.in_export_fds = 0;
    query.in_resource_id = 6;
    EXPECT_EQ(virgl_renderer_execute(&query, sizeof query), -EINVAL);
}

TEST_F(Blobs, ImportOwnsTheDescriptorOnlyOnSuccess) {
    auto memory = create_sealed_memfd("import", 4096);
    ASSERT_TRUE(memory);
    const int fd = memory->get();
    using Import = virgl_renderer_resource_import_blob_args;
    const Import refused[] = {{0, 2, 1, fd, 4096},  {5, 0, 1, fd, 4096}, {5, 1, 1, fd, 4096},
                              {5, 3, 1, fd, 4096},  {5, 5, 1, fd, 4096}, {5, 2, 0, fd, 4096},
                              {5, 2, 4, fd, 4096},  {5, 2, 1, -1, 4096}, {5, 2, 1, fd, 0},
                              {5, 2, 1, 9999, 4096}};
    for (const Import& args : refused)
        EXPECT_EQ(virgl_renderer_resource_import_blob(&args), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_import_blob(nullptr), -EINVAL);
    EXPECT_GE(::fcntl(fd, F_GETFD), 0) << "still the caller's";

    const Import good{5, 2, VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF, memory->release(), 4096};
    ASSERT_EQ(virgl_renderer_resource_import_blob(&good), 0);
    EXPECT_EQ(virgl_renderer_resource_import_blob(&good), -EINVAL) << "id taken";
    uint32_t info = 0;
    EXPECT_EQ(virgl_renderer_resource_get_map_info(5, &info), -EINVAL) << "cache unknown";
    virgl_renderer_ctx_attach_resource(1, 5);
    EXPECT_TRUE(gpu.context(1).attached.contains(ResourceId(5)));
    virgl_renderer_resource_unref(5);
    EXPECT_LT(::fcntl(fd, F_GETFD), 0) << "closed with the resource";
}

TEST_F(Blobs, AnImportIsNeverMappedBeyondItsObject) {
    auto memory = create_sealed_memfd("import", 4096);
    ASSERT_TRUE(memory);
    const virgl_renderer_resource_import_blob_args args{5, 2, 1, memory->release(), 8192};
    ASSERT_EQ(virgl_renderer_resource_import_blob(&args), 0);
    void* address = nullptr;
    uint64_t size = 0;
    EXPECT_EQ(virgl_renderer_resource_map(5, &address, &size), -EINVAL);
}

// C20: clean errors, and back to normal once descriptors are free again.
TEST_F(Blobs, WithoutDescriptorsSharedResourcesCanStillBeMapped) {
    ASSERT_EQ(host_blob(5, 1, 7, 8192, kMappable | kShareable), 0);
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlimit small{std::min<rlim_t>(256, limit.rlim_max), limit.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &small), 0);
    std::vector<UniqueFd> hoard;
    do {
        hoard.push_back(UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
    } while (hoard.back());
    uint32_t type = 0;
    int fd = -1;
    EXPECT_EQ(virgl_renderer_resource_export_blob(5, &type, &fd), -EINVAL);
    EXPECT_LT(host_blob(6, 1, 8, 4096), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 9), 0);
    gpu.retire();
    EXPECT_EQ(seen.context_fences.size(), 1u);
    void* address = nullptr;
    uint64_t size = 0;
    EXPECT_EQ(virgl_renderer_resource_map(5, &address, &size), 0);
    hoard.clear();
    ::setrlimit(RLIMIT_NOFILE, &limit);
    EXPECT_EQ(virgl_renderer_resource_export_blob(5, &type, &fd), 0);
    const UniqueFd exported(fd);
}

TEST_F(Blobs, FewDescriptorsDoForManySmallBuffers) {
    UsageLimits limits;
    limits.descriptors = 40;
    replace_instance(std::make_unique<Renderer>(gpu.factory(), std::make_unique<SoftwareOnly>(),
                                                VmUsage::create(limits)));
    ASSERT_EQ(init(), 0);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(native_context(2), 0);
    constexpr uint32_t kFirst = 10;
    constexpr uint32_t kCount = 200;
    auto& objects = gpu.context(1).objects;
    for (uint32_t i = 0; i < kCount; ++i) {
        objects[100 + i] = 4096;
        ASSERT_EQ(host_blob(kFirst + i, 1, 100 + i, 4096, kMappable | kShareable), 0) << i;
    }
    const uint32_t last = kFirst + kCount - 1;
    void* address = nullptr;
    uint64_t size = 0;
    EXPECT_EQ(virgl_renderer_resource_map(last, &address, &size), 0);
    uint32_t type = 0;
    int fd = -1;
    ASSERT_EQ(virgl_renderer_resource_export_blob(last, &type, &fd), 0) << "it can be shared yet";
    const UniqueFd exported(fd);
    EXPECT_EQ(type, uint32_t{VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF});
    virgl_renderer_ctx_attach_resource(2, static_cast<int>(last));
    EXPECT_TRUE(gpu.context(2).attached.contains(ResourceId(last)));

    objects[7] = 1 << 20;
    ASSERT_EQ(host_blob(5, 1, 7, 1 << 20, kShareable), 0) << "what a screen may show has its own";
    virgl_renderer_resource_info info{};
    ASSERT_EQ(virgl_renderer_resource_get_info(5, &info), 0);
    EXPECT_GE(info.fd, 0);
}

// F8: whatever is made goes away again.
TEST_F(Blobs, NoDescriptorIsLeftBehind) {
    const auto open_descriptors = [] {
        int count = 0;
        for (int fd = 0; fd < 1024; ++fd) count += ::fcntl(fd, F_GETFD) >= 0;
        return count;
    };
    virgl_renderer_cleanup(nullptr);
    const int before = open_descriptors();
    for (int round = 0; round < 20; ++round) {
        ASSERT_EQ(init(), 0);
        ASSERT_EQ(native_context(1), 0);
        ASSERT_EQ(host_blob(5, 1, 0, 4096), 0);
        ASSERT_EQ(host_blob(6, 1, 7, 8192, kShareable), 0);
        ASSERT_EQ(host_blob(7, 1, 8, 4096), 0);
        if (round % 2) virgl_renderer_reset();
        virgl_renderer_cleanup(nullptr);
    }
    EXPECT_EQ(open_descriptors(), before);
}

TEST_F(Blobs, NothingIsCarriedOverToANewResourceOfTheSameId) {
    int tag = 0;
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    virgl_renderer_resource_set_priv(5, &tag);
    EXPECT_EQ(virgl_renderer_resource_get_priv(5), &tag);
    void* address = nullptr;
    uint64_t size = 0;
    ASSERT_EQ(virgl_renderer_resource_map(5, &address, &size), 0);
    virgl_renderer_resource_unref(5);
    ASSERT_EQ(host_blob(5, 1, 8, 4096), 0);
    EXPECT_EQ(virgl_renderer_resource_get_priv(5), nullptr);
    EXPECT_EQ(virgl_renderer_resource_unmap(5), -EINVAL);
    ASSERT_EQ(virgl_renderer_resource_map(5, &address, &size), 0);
    EXPECT_EQ(size, 4096u);
}

TEST_F(Blobs, NullOutputsAreRefused) {
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    void* address = nullptr;
    uint64_t size = 0;
    uint32_t type = 0;
    int fd = -1;
    EXPECT_EQ(virgl_renderer_resource_map(5, nullptr, &size), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_map(5, &address, nullptr), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_export_blob(5, nullptr, &fd), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_export_blob(5, &type, nullptr), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_get_map_info(5, nullptr), -EINVAL);
}

}  // namespace
}  // namespace viaduct::test
