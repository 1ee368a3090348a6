// Hostile blobs, objects and resources (C).
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>

#include "blob/memfd.h"
#include "drm-context/transport/messages.h"
#include "tests/integration/abi/vmm.h"
#include "wire/virtgpu.h"

namespace viaduct::test {
namespace {

int attach(uint32_t ctx, uint32_t res) {
    virgl_renderer_ctx_attach_resource(static_cast<int>(ctx), static_cast<int>(res));
    return 0;
}

class Objects : public ::testing::Test {
  protected:
    /// That of a command which names a resource that the guest does not have.
    int unknown() { return guest_.facts().unknown_resource; }
    Vmm vmm_;
    GuestContext guest_{vmm_, 1};
};

TEST_F(Objects, ABlobIdWaitsForOneObjectOnly) {  // C1
    guest_.make_buffer(7, 4096);
    guest_.make_buffer(7, 1 << 20);
    EXPECT_EQ(guest_.loss_field(), guest_.counted(1));
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 7, 1 << 20), -EINVAL) << "not the second one";
    guest_.make_buffer(8, 4096);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 8, 4096), 0);
}

TEST_F(Objects, AGuestThatAsksHearsWhetherOneWasMade) {
    EXPECT_EQ(guest_.ask(guest_.driver().make_buffer(7, 4096)), 0);
    EXPECT_EQ(guest_.ask(guest_.driver().make_buffer(7, 4096)), EINVAL) << "taken";
    EXPECT_NE(guest_.ask(guest_.driver().make_buffer(8, 1ull << 62)), 0);
    Message outside = guest_.driver().make_buffer(9, 4096);
    Commands commands;
    guest_.submit(commands.add(outside, {0, 0, guest_.next_seqno(), 0xfffffff8}));
    EXPECT_TRUE(guest_.settle());
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 9, 4096), -ENOENT)
        << "the answer's place is outside the control buffer";
}

TEST_F(Objects, OddBlobIds) {  // C2
    guest_.make_buffer(0, 4096);
    EXPECT_EQ(guest_.loss_field(), guest_.counted(1));
    guest_.make_buffer(0xffffffff, 4096);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 0xffffffff, 4096), 0);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), (1ull << 32) + 5, 4096), -ENOENT);
}

TEST_F(Objects, UnknownBlobIds) {  // C3
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 4711, 4096), -ENOENT);
    guest_.make_buffer(5, 1ull << 62);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 5, 4096), -ENOENT);
    guest_.make_buffer(6, 4096);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 6, 4096), 0);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 6, 4096), -ENOENT) << "given out once";
}

TEST_F(Objects, ABlobSmallerThanItsObjectMapsOnlyItself) {  // C4
    guest_.make_buffer(5, 16384);
    const uint32_t res_id = vmm_.next_res_id();
    ASSERT_EQ(guest_.create_blob(res_id, 5, 4096), 0);
    void* window =
        ::mmap(nullptr, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memset(window, 0x11, 16384);
    ASSERT_EQ(virgl_renderer_resource_map_fixed(res_id, window), 0);
    const auto* bytes = static_cast<const uint8_t*>(window);
    EXPECT_EQ(bytes[0], 0);
    EXPECT_EQ(bytes[4096], 0x11);
    ::munmap(window, 16384);
}

// Linux 6.18.32 and 7.1 import another device's dma-buf as a blob of guest memory.
TEST_F(Objects, GuestMemoryNamedInAContextIsAnErrorOfThatCommand) {
    std::vector<std::byte> memory(4096);
    iovec pages{memory.data(), memory.size()};
    const uint32_t res_id = vmm_.next_res_id();
    virgl_renderer_resource_create_blob_args args{res_id,
                                                  1,
                                                  VIRGL_RENDERER_BLOB_MEM_GUEST,
                                                  wire::virtgpu::kBlobCreateGuestHandle,
                                                  0,
                                                  memory.size(),
                                                  &pages,
                                                  1};
    EXPECT_LT(virgl_renderer_resource_create_blob(&args), 0) << "no dma-buf of private memory";
    EXPECT_TRUE(vmm_.wait_log("blob flag 0x8"));
    args.blob_flags = kShareable;
    ASSERT_EQ(virgl_renderer_resource_create_blob(&args), 0);
    attach(1, res_id);
    EXPECT_TRUE(vmm_.wait_log("is guest memory"));
    EXPECT_EQ(guest_.error_of(res_id), unknown());
    EXPECT_EQ(guest_.map(res_id, 0x100000, 4096), unknown());
    EXPECT_EQ(guest_.loss_field(), 0u) << "no context is lost";
    const GpuContext gpu_context = guest_.create_gpu_context();
    EXPECT_NE(guest_.submit_write(gpu_context, 1), 0u);
    EXPECT_TRUE(guest_.fence_retires(gpu_context.ring));
    EXPECT_EQ(guest_.loss_field(), 0u);
    virgl_renderer_resource_unref(res_id);
}

TEST_F(Objects, ABlobLargerThanItsObjectIsRefused) {  // C5
    for (const uint64_t size :
         {uint64_t{4097}, uint64_t{8192}, uint64_t{1} << 40, UINT64_MAX, UINT64_MAX - 4094}) {
        const uint64_t blob_id = guest_.next_blob_id();
        guest_.make_buffer(blob_id, 4096);
        EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), blob_id, size), -EINVAL) << size;
    }
    guest_.make_buffer(4000, 4096);
    EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), 4000, 4000), 0);
}

TEST_F(Objects, ResourceIds) {  // C6
    GuestContext other(vmm_, 2);
    guest_.make_buffer(1, 4096);
    EXPECT_EQ(guest_.create_blob(0, 1, 4096), -EINVAL);
    guest_.make_buffer(2, 4096);
    EXPECT_EQ(guest_.create_blob(500, 2, 4096), 0);
    guest_.make_buffer(3, 4096);
    EXPECT_EQ(guest_.create_blob(500, 3, 4096), -EINVAL);
    other.make_buffer(1, 4096);
    EXPECT_EQ(other.create_blob(500, 1, 4096), -EINVAL);
    guest_.make_buffer(4, 4096);
    EXPECT_EQ(guest_.create_blob(0xffffffff, 4, 4096), 0);
}

TEST_F(Objects, AFailedClaimLeavesNothing) {  // C7
    const auto before = ProcessUse::now();
    for (int i = 0; i < 50; ++i) {
        const uint64_t blob_id = guest_.next_blob_id();
        guest_.make_buffer(blob_id, 4096);
        EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), blob_id, 8192, kMappable | kShareable),
                  -EINVAL);
        const uint64_t odd = guest_.next_blob_id();
        guest_.make_buffer(odd, 4096);
        EXPECT_EQ(guest_.create_blob(vmm_.next_res_id(), odd, 4096, 0x80), -EINVAL);
    }
    EXPECT_TRUE(guest_.settle());
    // A simulated GPU's buffers are announced with a descriptor each. Others are closed, on a
    // thread of the library.
    const uint64_t most = before.descriptors + 50 + transport::kMostAnnounced;
    EXPECT_TRUE(eventually([&] { return ProcessUse::now().descriptors <= most; }))
        << "those of unknown flags may wait to be claimed, no others";
}

TEST(ObjectsLimit, UnclaimedOnesAreBoundedAndFreed) {  // C8
    Vmm vmm;
    const auto before = ProcessUse::now();
    {
        GuestContext guest(vmm, 1);
        for (uint64_t id = 1; id <= 3000; ++id) {
            Commands commands;
            guest.submit(
                commands.add(guest.driver().make_buffer(id, 4096), {0, 0, guest.next_seqno(), 0}));
        }
        EXPECT_TRUE(guest.settle());
        EXPECT_EQ(guest.create_blob(vmm.next_res_id(), 3000, 4096), -ENOENT) << "one too many";
        EXPECT_EQ(guest.create_blob(vmm.next_res_id(), 1, 4096), 0);
        EXPECT_LT(ProcessUse::now().descriptors, before.descriptors + 1100);
    }
    EXPECT_TRUE(vmm.returns_to(before)) << ::testing::PrintToString(ProcessUse::now());
}

TEST_F(Objects, AttachAndDetachInAnyOrder) {  // C9, C10
    GuestContext other(vmm_, 2);
    const uint32_t res_id = guest_.create_buffer(4096, kMappable | kShareable);
    ASSERT_NE(res_id, 0u);
    for (int i = 0; i < 3; ++i) attach(2, res_id);
    EXPECT_EQ(other.error_of(res_id), 0);
    attach(77, res_id);
    attach(2, 4711);
    virgl_renderer_ctx_detach_resource(2, 4711);
    for (int i = 0; i < 3; ++i) virgl_renderer_ctx_detach_resource(2, static_cast<int>(res_id));
    EXPECT_EQ(other.error_of(res_id), unknown());
    EXPECT_EQ(guest_.error_of(res_id), 0);
    attach(2, 2);  // a control buffer means nothing elsewhere
    EXPECT_EQ(other.error_of(2), unknown());
}

TEST_F(Objects, DetachWhileTheGpuUsesIt) {  // C10
    GuestContext slow(vmm_, 2, GuestContext::Control::kCreate, "slow");
    const GpuContext gpu_context = slow.create_gpu_context();
    const uint32_t res_id = slow.submit_write(gpu_context, 0xabcd);
    ASSERT_NE(res_id, 0u);
    const MappedResource memory(res_id);
    virgl_renderer_ctx_detach_resource(2, static_cast<int>(res_id));
    virgl_renderer_ctx_detach_resource(2, static_cast<int>(res_id));
    EXPECT_TRUE(slow.fence_retires(gpu_context.ring));
    EXPECT_EQ(memory.words()[1024], 0xabcdu);
    EXPECT_EQ(slow.loss_field(), 0u);
}

TEST_F(Objects, OneBufferUnderTwoIds) {  // C11
    GuestContext other(vmm_, 2);
    const uint32_t res_id = guest_.create_buffer(8192, kMappable | kShareable);
    ASSERT_NE(res_id, 0u);
    uint32_t ids[2];
    for (uint32_t& id : ids) {
        uint32_t type = 0;
        virgl_renderer_resource_import_blob_args args{};
        args.res_handle = id = vmm_.next_res_id();
        args.blob_mem = VIRGL_RENDERER_BLOB_MEM_HOST3D;
        args.size = 8192;
        ASSERT_EQ(virgl_renderer_resource_export_blob(res_id, &type, &args.fd), 0);
        args.fd_type = type;
        ASSERT_EQ(virgl_renderer_resource_import_blob(&args), 0);
        attach(2, id);
    }
    EXPECT_EQ(other.error_of(ids[0]), 0);
    EXPECT_EQ(other.error_of(ids[1]), 0);
    virgl_renderer_resource_unref(ids[0]);
    EXPECT_EQ(other.error_of(ids[0]), unknown());
    EXPECT_EQ(other.error_of(ids[1]), 0) << "its handle went with the other id";
    EXPECT_EQ(other.map(ids[1], 0x8000'0000, 8192), 0);
}

TEST_F(Objects, WhatCannotBeImportedStaysUnknown) {  // C12
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const UniqueFd writer(ends[1]);
    virgl_renderer_resource_import_blob_args args{};
    args.res_handle = vmm_.next_res_id();
    args.blob_mem = VIRGL_RENDERER_BLOB_MEM_HOST3D;
    args.fd_type = VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF;
    args.fd = ends[0];
    args.size = 4096;
    if (virgl_renderer_resource_import_blob(&args) != 0) ::close(ends[0]);
    attach(1, args.res_handle);
    EXPECT_EQ(guest_.error_of(args.res_handle), unknown());
    EXPECT_TRUE(guest_.settle());
}

TEST_F(Objects, ImportsThatFailKeepNoDescriptor) {  // C12
    const auto before = ProcessUse::now();
    for (int round = 0; round < 20; ++round) {
        // Nothing, a file that is not a buffer, and one of 5 GiB, whose size does not fit 32 bits.
        for (const uint64_t size : {uint64_t{0}, uint64_t{4096}, uint64_t{5} << 30}) {
            virgl_renderer_resource_import_blob_args args{};
            args.res_handle = vmm_.next_res_id();
            args.blob_mem = VIRGL_RENDERER_BLOB_MEM_HOST3D;
            args.fd_type = VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF;
            args.fd = ::memfd_create("no buffer", MFD_CLOEXEC);
            args.size = size;
            ASSERT_EQ(::ftruncate(args.fd, static_cast<off_t>(size)), 0);
            if (virgl_renderer_resource_import_blob(&args) != 0) ::close(args.fd);
            attach(1, args.res_handle);
            EXPECT_EQ(guest_.error_of(args.res_handle), unknown()) << size;
            virgl_renderer_resource_unref(args.res_handle);
        }
    }
    // Less than one for each: the library may open some of its own meanwhile.
    EXPECT_TRUE(eventually([&] { return ProcessUse::now().descriptors < before.descriptors + 20; }))
        << ::testing::PrintToString(ProcessUse::now());
}

TEST_F(Objects, WhatAVmmHasPlacedAndOthersUseOutlivesItsContext) {  // C13
    GuestContext other(vmm_, 3);
    auto mortal = std::make_unique<GuestContext>(vmm_, 2);
    const uint32_t res_id = mortal->create_buffer(4096, kMappable | kShareable);
    ASSERT_NE(res_id, 0u);
    void* const window =
        ::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_EQ(virgl_renderer_resource_map_fixed(res_id, window), 0);
    attach(3, res_id);
    EXPECT_EQ(other.error_of(res_id), 0);
    mortal.reset();
    std::memset(window, 0x5a, 4096);
    EXPECT_EQ(static_cast<const uint8_t*>(window)[4095], 0x5a);
    EXPECT_EQ(other.map(res_id, 0x8000'0000, 4096), 0) << "its own handle stays";
    virgl_renderer_resource_unref(res_id);
    EXPECT_EQ(static_cast<const uint8_t*>(window)[4095], 0x5a) << "the mapping is the VMM's";
    EXPECT_EQ(other.error_of(res_id), unknown());
    ::munmap(window, 8192);
}

TEST_F(Objects, MappingsOutliveTheirContext) {  // C13
    auto mortal = std::make_unique<GuestContext>(vmm_, 2);
    const uint32_t res_id = mortal->create_buffer(4096);
    const uint32_t other_res = mortal->create_buffer(4096);
    void* mapped = nullptr;
    uint64_t size = 0;
    ASSERT_EQ(virgl_renderer_resource_map(res_id, &mapped, &size), 0);
    mortal.reset();
    std::memset(mapped, 0x5a, 4096);
    void* again = nullptr;
    EXPECT_EQ(virgl_renderer_resource_map(other_res, &again, &size), -EINVAL);
    uint32_t type = 0;
    int fd = -1;
    EXPECT_EQ(virgl_renderer_resource_export_blob(other_res, &type, &fd), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_unmap(res_id), 0);
    virgl_renderer_resource_unref(res_id);
    virgl_renderer_resource_unref(other_res);
}

TEST_F(Objects, MapAndUnmapTwice) {  // C14
    const uint32_t res_id = guest_.create_buffer(4096);
    void* mapped = nullptr;
    uint64_t size = 0;
    EXPECT_EQ(virgl_renderer_resource_map(res_id, &mapped, &size), 0);
    EXPECT_EQ(virgl_renderer_resource_map(res_id, &mapped, &size), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_unmap(res_id), 0);
    EXPECT_EQ(virgl_renderer_resource_unmap(res_id), -EINVAL);
    ASSERT_EQ(virgl_renderer_resource_map(res_id, &mapped, &size), 0);
    virgl_renderer_resource_unref(res_id);
    EXPECT_EQ(virgl_renderer_resource_unmap(res_id), -EINVAL);
}

TEST_F(Objects, UnknownResources) {  // C15
    const uint32_t gone = guest_.create_buffer(4096);
    ASSERT_NE(gone, 0u);
    virgl_renderer_resource_unref(gone);
    std::byte page[4096];
    void* mapped = nullptr;
    uint64_t size = 0;
    uint32_t value = 0;
    int fd = -1;
    virgl_renderer_resource_info info{};
    for (const uint32_t res_id : {gone, 0u, 4711u, UINT32_MAX}) {
        SCOPED_TRACE(res_id);
        EXPECT_EQ(virgl_renderer_resource_map(res_id, &mapped, &size), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_map_fixed(res_id, page), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_unmap(res_id), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_export_blob(res_id, &value, &fd), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_get_map_info(res_id, &value), -EINVAL);
        EXPECT_EQ(virgl_renderer_resource_get_info(static_cast<int>(res_id), &info), EINVAL);
        attach(guest_.id(), res_id);
        virgl_renderer_ctx_detach_resource(static_cast<int>(guest_.id()), static_cast<int>(res_id));
        virgl_renderer_resource_unref(res_id);
    }
    EXPECT_TRUE(guest_.settle());
}

TEST_F(Objects, HostBlobsAreCreatedWithSenseOnly) {  // C16, C17
    std::byte page[4096];
    iovec iov[] = {{page, 2048}, {page, 1024}};
    struct Case {
        uint32_t blob_mem, num_iovs;
        uint64_t size;
        uint32_t flags;
    };
    for (const Case& c :
         {Case{2, 2, 4096, 1}, Case{0, 0, 4096, 1}, Case{4, 0, 4096, 1}, Case{5, 0, 4096, 1},
          Case{2, 0, 0, 1}, Case{2, 0, 4096, 0x100}, Case{3, 2, 4096, 1}, Case{1, 2, 4096, 1}}) {
        const uint64_t blob_id = guest_.next_blob_id();
        guest_.make_buffer(blob_id, 4096);
        virgl_renderer_resource_create_blob_args args{};
        args.res_handle = vmm_.next_res_id();
        args.ctx_id = 1;
        args.blob_mem = c.blob_mem;
        args.blob_flags = c.flags;
        args.blob_id = blob_id;
        args.size = c.size;
        args.iovecs = c.num_iovs ? iov : nullptr;
        args.num_iovs = c.num_iovs;
        EXPECT_EQ(virgl_renderer_resource_create_blob(&args), -EINVAL)
            << "blob_mem " << c.blob_mem << " size " << c.size << " flags " << c.flags;
    }
}

TEST_F(Objects, GuestMemoryMustCoverItsBlob) {  // C16
    std::byte page[4096];
    std::vector<iovec> many(1000, iovec{page, 4});
    iovec empty[] = {{page, 4096}, {page, 0}};
    iovec wrapping[] = {{page, SIZE_MAX}, {page, 4097}};  // 4096 bytes, modulo 2^64
    struct Case {
        const char* what;
        iovec* iovecs;
        uint32_t count;
        uint64_t size;
    };
    const Case cases[] = {{"an entry of nothing", empty, 2, 4096},
                          {"a sum that wraps", wrapping, 2, 4096},
                          {"many, too short", many.data(), 1000, 4096},
                          {"one byte more", many.data(), 1000, 4001},
                          {"a count of nothing", nullptr, UINT32_MAX, 4096},
                          {"nothing", nullptr, 0, UINT64_MAX}};
    for (const Case& one : cases) {
        virgl_renderer_resource_create_blob_args args{};
        args.res_handle = vmm_.next_res_id();
        args.blob_mem = VIRGL_RENDERER_BLOB_MEM_GUEST;
        args.blob_flags = kShareable;
        args.size = one.size;
        args.iovecs = one.iovecs;
        args.num_iovs = one.count;
        EXPECT_EQ(virgl_renderer_resource_create_blob(&args), -EINVAL) << one.what;
        virgl_renderer_resource_info info{};
        EXPECT_EQ(virgl_renderer_resource_get_info(static_cast<int>(args.res_handle), &info),
                  EINVAL)
            << one.what;
    }
}

TEST_F(Objects, ANewContextOfAnOldNumberHasNothingOfIt) {  // C18
    auto old = std::make_unique<GuestContext>(vmm_, 2);
    const GpuContext gpu_context = old->create_gpu_context();
    const uint32_t res_id = old->create_buffer(4096, kMappable | kShareable);
    attach(2, res_id);
    old->make_buffer(77, 4096);  // waits for its blob
    const uint32_t batch = old->create_batch(0x8000'0000);
    ASSERT_TRUE(res_id != 0 && batch != 0);
    old.reset();
    GuestContext fresh(vmm_, 2);
    EXPECT_EQ(fresh.loss_field(), 0u);
    EXPECT_EQ(fresh.error_of(res_id), unknown());
    EXPECT_EQ(fresh.create_blob(vmm_.next_res_id(), 77, 4096), -ENOENT);
    const uint32_t own = fresh.create_batch(0x8000'0000);
    ASSERT_NE(own, 0u);
    if (gpu_context.id != 0 &&
        fresh.facts().name != "i915") {  // i915 has a context 0, always there
        EXPECT_NE(fresh.ask(fresh.submission(gpu_context, 0x8000'0000, own)), 0);
    }
    EXPECT_TRUE(fresh.settle());
    virgl_renderer_resource_unref(res_id);
    virgl_renderer_resource_unref(batch);
}

TEST_F(Objects, RunningOutOfDescriptors) {  // C20
    const GpuContext gpu_context = guest_.create_gpu_context();
    rlimit saved{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &saved), 0);
    const rlimit tight{ProcessUse::now().descriptors + 24, saved.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    std::vector<uint32_t> made;
    while (const uint32_t res_id = guest_.create_buffer(4096, kMappable | kShareable)) {
        made.push_back(res_id);
        if (made.size() > 100) break;
    }
    EXPECT_LE(made.size(), 100u) << "the limit was never met";
    EXPECT_TRUE(guest_.settle()) << "responses need no descriptor";
    EXPECT_TRUE(guest_.fence_retires(0));
    EXPECT_TRUE(guest_.fence_retires(1));
    for (const uint32_t res_id : made) virgl_renderer_resource_unref(res_id);
    EXPECT_TRUE(guest_.settle());
    EXPECT_NE(guest_.create_buffer(4096, kMappable | kShareable), 0u) << "what was freed is usable";
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &saved), 0);
    EXPECT_NE(guest_.submit_write(gpu_context, 3), 0u);
    EXPECT_TRUE(guest_.fence_retires(gpu_context.ring));
}

TEST_F(Objects, FencesWithoutADescriptorStillWait) {  // C20
    GuestContext slow(vmm_, 2, GuestContext::Control::kCreate, "slow");
    const GpuContext gpu_context = slow.create_gpu_context();
    const uint32_t res_id = slow.submit_write(gpu_context, 0x77);
    ASSERT_NE(res_id, 0u);
    const MappedResource memory(res_id);
    rlimit saved{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &saved), 0);
    const rlimit none{3, saved.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const bool retired = slow.fence_retires(gpu_context.ring);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &saved), 0);
    EXPECT_TRUE(retired);
    EXPECT_EQ(memory.words()[1024], 0x77u) << "retired before the work was done";
}

TEST_F(Objects, TheCreatorAloneChoosesTheCacheMode) {  // C21
    GuestContext other(vmm_, 2);
    const uint32_t res_id = guest_.create_buffer(4096, kMappable | kShareable);
    attach(2, res_id);
    EXPECT_EQ(other.error_of(res_id), 0);
    uint32_t info = 0;
    ASSERT_EQ(virgl_renderer_resource_get_map_info(res_id, &info), 0);
    EXPECT_EQ(info, uint32_t{VIRGL_RENDERER_MAP_CACHE_CACHED});
}

TEST_F(Objects, OneGuestCannotNameAnothersBuffers) {
    GuestContext other(vmm_, 2);
    const uint32_t res_id = guest_.create_buffer(4096);
    EXPECT_EQ(other.error_of(res_id), unknown());
    EXPECT_EQ(other.map(res_id, 0x8000'0000, 4096), unknown());
}

}  // namespace
}  // namespace viaduct::test
