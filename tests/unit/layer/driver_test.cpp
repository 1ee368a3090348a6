#include "guest-mesa/layer/amdgpu/driver.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/layer/driver_fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

using test::Received;
using Command = wire::Command;

constexpr unsigned long kGemVa = DRM_IOCTL_AMDGPU_GEM_VA;

TEST_F(DriverTest, VersionNamesTheHostsDriverAndStartsNoContext) {
    host.capset.version_patchlevel = 0;
    char name[16] = {};
    drm_version version{};
    EXPECT_EQ(call(DRM_IOCTL_VERSION, version), 0);
    EXPECT_EQ(version.name_len, 6u);
    version.name = name;
    EXPECT_EQ(call(DRM_IOCTL_VERSION, version), 0);
    EXPECT_EQ(std::string(name), "amdgpu");
    EXPECT_EQ(version.version_major, 3);
    EXPECT_EQ(version.version_minor, 57);
    EXPECT_FALSE(host.context_initialised);
}

TEST_F(DriverTest, QueriesOfTheHardwareTravelOnce) {
    uint32_t value = 0;
    drm_amdgpu_info arg{};
    arg.return_pointer = user_pointer(&value);
    arg.return_size = sizeof(value);
    arg.query = AMDGPU_INFO_ACCEL_WORKING;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    const size_t before = host.requests.size();
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    EXPECT_EQ(host.requests.size(), before);
    arg.query = AMDGPU_INFO_VRAM_USAGE;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), 0);
    EXPECT_EQ(host.requests.size(), before + 2);
}

TEST_F(DriverTest, RefusedQueryLeavesTheCallersMemoryAlone) {
    create_context();
    host.results[static_cast<uint32_t>(Command::kQueryInfo)] = -EINVAL;
    uint32_t value = 0x55;
    drm_amdgpu_info arg{};
    arg.return_pointer = user_pointer(&value);
    arg.return_size = sizeof(value);
    arg.query = AMDGPU_INFO_SENSOR;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_INFO, arg), -EINVAL);
    EXPECT_EQ(value, 0x55u);
}

struct BlobCase {
    uint64_t domains;
    uint64_t flags;
    uint32_t blob_flags;
};

TEST_F(DriverTest, BlobFlagsFollowWhatTheDriverPromises) {
    using namespace viaduct::guest;
    constexpr uint32_t kBoth = virtgpu::kBlobMappable | virtgpu::kBlobShareable;
    const BlobCase cases[] = {
        {AMDGPU_GEM_DOMAIN_GTT, 0, kBoth},
        {AMDGPU_GEM_DOMAIN_VRAM, AMDGPU_GEM_CREATE_CPU_ACCESS_REQUIRED, kBoth},
        {AMDGPU_GEM_DOMAIN_VRAM, AMDGPU_GEM_CREATE_NO_CPU_ACCESS, virtgpu::kBlobShareable},
        {AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID, virtgpu::kBlobMappable},
        {AMDGPU_GEM_DOMAIN_VRAM,
         AMDGPU_GEM_CREATE_VM_ALWAYS_VALID | AMDGPU_GEM_CREATE_NO_CPU_ACCESS, 0},
        {AMDGPU_GEM_DOMAIN_GDS, 0, 0},
    };
    for (const BlobCase& each : cases) {
        EXPECT_NE(create_buffer(5000, each.domains, each.flags), 0u);
        EXPECT_EQ(host.blobs.back().blob_flags, each.blob_flags)
            << each.domains << ' ' << each.flags;
        EXPECT_EQ(host.blobs.back().size, 8192u);
        const auto request = host.received(Command::kGemNew).back().as<wire::GemNewRequest>();
        EXPECT_EQ(request.blob_id, host.blobs.back().blob_id);
        EXPECT_EQ(request.alloc_size, 5000u);
        EXPECT_EQ(request.flags, each.flags);
    }
}

TEST_F(DriverTest, ImpossibleBuffersAreRefusedHere) {
    create_buffer(0, AMDGPU_GEM_DOMAIN_GTT, 0, -EINVAL);
    create_buffer(~0ull, AMDGPU_GEM_DOMAIN_GTT, 0, -EINVAL);
    create_buffer(4096, 1ull << 40, 0, -EINVAL);
    EXPECT_TRUE(host.received(Command::kGemNew).empty());
}

TEST_F(DriverTest, FailedAllocationIsReportedAndDoesNotLoseTheContext) {
    const uint32_t context = create_context();
    constexpr uint32_t kMegabytes = 64;
    host.unknown_resources_from_size.insert(kMegabytes * 1024);
    create_buffer(uint64_t{kMegabytes} << 20, AMDGPU_GEM_DOMAIN_VRAM, 0, -ENOMEM);
    EXPECT_EQ(host.passed.back(), DRM_IOCTL_GEM_CLOSE);
    EXPECT_EQ(state_flags(context), 0u);
    EXPECT_EQ(submit(context, 0, 0), 0);
    // An error that nobody was told of does.
    host.add_async_error();
    EXPECT_NE(state_flags(context) & AMDGPU_CTX_QUERY2_FLAGS_RESET, 0u);
    EXPECT_EQ(submit(context, 0, 0), -ECANCELED);
    // A context made afterwards starts anew.
    EXPECT_EQ(submit(create_context(), 0, 0), 0);
}

TEST_F(DriverTest, SmallBuffersAreConfirmedWhenMemoryIsShort) {
    create_buffer(4096, AMDGPU_GEM_DOMAIN_VRAM, 0);
    EXPECT_TRUE(host.received(Command::kBoQueryInfo).empty());
    host.set_heap(offsetof(wire::Shmem, vram), 1 << 30, (1 << 30) - 4096);
    create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    EXPECT_TRUE(host.received(Command::kBoQueryInfo).empty());
    create_buffer(4096, AMDGPU_GEM_DOMAIN_VRAM, 0);
    EXPECT_EQ(host.received(Command::kBoQueryInfo).size(), 1u);
}

// A monitor may refuse the blob before the command counts: then there is nothing to forgive.
TEST_F(DriverTest, RefusalThatTheHostDoesNotCountForgivesNothing) {
    const uint32_t context = create_context();
    host.results[static_cast<uint32_t>(Command::kBoQueryInfo)] = -EINVAL;
    create_buffer(1 << 20, AMDGPU_GEM_DOMAIN_VRAM, 0, -ENOMEM);
    EXPECT_EQ(state_flags(context), 0u);
    host.add_async_error();
    EXPECT_NE(state_flags(context), 0u);
}

TEST_F(DriverTest, MappingsInTheGpuTravelWithTheSubmissionThatNeedsThem) {
    const uint32_t context = create_context();
    const uint32_t buffer = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    const size_t journeys = host.sent.size();
    GemVa va{};
    va.base.handle = buffer;
    va.base.operation = AMDGPU_VA_OP_MAP;
    va.base.flags = AMDGPU_VM_PAGE_READABLE;
    va.base.va_address = 0x100000;
    va.base.map_size = 4096;
    EXPECT_EQ(call(kGemVa, va.base), 0);
    EXPECT_EQ(host.sent.size(), journeys);
    EXPECT_EQ(submit(context, 1, 2), 0);
    ASSERT_EQ(host.sent.size(), journeys + 1);
    EXPECT_EQ(host.sent.back().ring, 4u);
    const std::vector<uint32_t> expected = {static_cast<uint32_t>(Command::kBoVaOp),
                                            static_cast<uint32_t>(Command::kCsSubmit)};
    EXPECT_EQ(host.sent.back().commands, expected);
    const auto request = host.received(Command::kBoVaOp)[0].as<wire::BoVaOpRequest>();
    EXPECT_EQ(request.va, 0x100000u);
    EXPECT_EQ(request.res_id, 3u);  // the control buffer is 2
    EXPECT_EQ(request.flags2, 0u);
}

TEST_F(DriverTest, SparseMappingsNameNoBuffer) {
    GemVa va{};
    va.base.operation = AMDGPU_VA_OP_MAP;
    va.base.flags = AMDGPU_VM_PAGE_PRT;
    EXPECT_EQ(call(kGemVa, va.base), 0);
    va.base.flags = 0;
    va.base.operation = AMDGPU_VA_OP_CLEAR;
    EXPECT_EQ(call(kGemVa, va.base), 0);
    va.base.operation = AMDGPU_VA_OP_MAP;
    va.base.handle = 999;
    EXPECT_EQ(call(kGemVa, va.base), -ENOENT);
    create_context();
    const auto requests = host.received(Command::kBoVaOp);
    ASSERT_EQ(requests.size(), 2u);
    for (const Received& each : requests) {
        EXPECT_EQ(each.as<wire::BoVaOpRequest>().flags2, wire::kVaFlags2Sparse);
        EXPECT_EQ(each.as<wire::BoVaOpRequest>().res_id, 0u);
    }
}

TEST_F(DriverTest, BufferClosesAfterWhatNamesItWasSent) {
    const uint32_t buffer = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    GemVa va{};
    va.base.handle = buffer;
    va.base.operation = AMDGPU_VA_OP_UNMAP;
    EXPECT_EQ(call(kGemVa, va.base), 0);
    EXPECT_TRUE(host.received(Command::kBoVaOp).empty());
    drm_gem_close close{buffer, 0};
    EXPECT_EQ(call(DRM_IOCTL_GEM_CLOSE, close), 0);
    EXPECT_EQ(host.received(Command::kBoVaOp).size(), 1u);
    EXPECT_EQ(host.passed.back(), DRM_IOCTL_GEM_CLOSE);
}

TEST_F(DriverTest, SubmissionsAreNumberedPerContextAndRing) {
    const uint32_t first = create_context();
    const uint32_t second = create_context();
    uint64_t seqno = 0;
    EXPECT_EQ(submit(first, 0, 0, &seqno), 0);
    EXPECT_EQ(seqno, 1u);
    EXPECT_EQ(submit(second, 0, 0, &seqno), 0);
    EXPECT_EQ(seqno, 1u);
    EXPECT_EQ(submit(first, 0, 0, &seqno), 0);
    EXPECT_EQ(seqno, 2u);
    EXPECT_EQ(submit(first, 2, 1, &seqno), 0);
    EXPECT_EQ(seqno, 1u);
    // On a failure nothing reached the host, so nothing was numbered.
    host.exec_error = -EINTR;
    EXPECT_EQ(submit(first, 0, 0, &seqno), -EINTR);
    EXPECT_EQ(submit(first, 0, 0, &seqno), 0);
    EXPECT_EQ(seqno, 3u);
    // The ring's own timeline counts over both contexts.
    EXPECT_EQ(host.sent.back().out.back().point, 4u);
}

TEST_F(DriverTest, WaitsAreForTheContextsOwnNumbers) {
    const uint32_t first = create_context();
    const uint32_t second = create_context();
    EXPECT_EQ(submit(first, 0, 0), 0);
    host.finish_gpu_work();
    EXPECT_EQ(submit(second, 0, 0), 0);
    uint64_t busy = 9;
    EXPECT_EQ(wait_cs(first, 0, 1, &busy), 0);
    EXPECT_EQ(busy, 0u);
    EXPECT_EQ(wait_cs(second, 0, 1, &busy), 0);
    EXPECT_EQ(busy, 1u);
    EXPECT_EQ(wait_cs(second, 0, ~0ull, &busy), 0);
    EXPECT_EQ(busy, 1u);
    EXPECT_EQ(wait_cs(second, 0, 2, &busy), -EINVAL);
    EXPECT_EQ(wait_cs(77, 0, 1, &busy), -EINVAL);
    EXPECT_EQ(wait_cs(second, 5, 1, &busy), -EINVAL);
    host.finish_gpu_work();
    EXPECT_EQ(wait_cs(second, 0, 1, &busy), 0);
    EXPECT_EQ(busy, 0u);
    EXPECT_EQ(wait_cs(second, 0, 0, &busy), 0);
    EXPECT_EQ(busy, 0u);
}

TEST_F(DriverTest, WaitFencesTellsWhichWasFirst) {
    const uint32_t context = create_context();
    EXPECT_EQ(submit(context, 0, 0), 0);
    EXPECT_EQ(submit(context, 1, 0), 0);
    drm_amdgpu_fence fences[2] = {{context, 0, 0, 0, 1}, {context, 1, 0, 0, 1}};
    drm_amdgpu_wait_fences arg{};
    const auto wait = [&](uint32_t all) {
        arg = {};
        arg.in.fences = user_pointer(fences);
        arg.in.fence_count = 2;
        arg.in.wait_all = all;
        return call(DRM_IOCTL_AMDGPU_WAIT_FENCES, arg);
    };
    EXPECT_EQ(wait(0), 0);
    EXPECT_EQ(arg.out.status, 0u);
    host.finish_gpu_work();
    EXPECT_EQ(submit(context, 0, 0), 0);
    fences[0].seq_no = 2;
    EXPECT_EQ(wait(1), 0);
    EXPECT_EQ(arg.out.status, 0u);
    EXPECT_EQ(wait(0), 0);
    EXPECT_EQ(arg.out.status, 1u);
    EXPECT_EQ(arg.out.first_signaled, 1u);
}

TEST_F(DriverTest, SubmissionCarriesItsChunksUnderTheHostsNames) {
    const uint32_t context = create_context();
    const uint32_t a = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    const uint32_t b = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    const drm_amdgpu_bo_list_entry entries[] = {{a, 1}, {b, 2}};
    const drm_amdgpu_bo_list_in list{~0u, ~0u, 2, sizeof(entries[0]), user_pointer(entries)};
    const drm_amdgpu_cs_chunk_fence fence{b, 16};
    const drm_amdgpu_cs_chunk_dep dependency{1, 0, 0, context, 42};
    const drm_amdgpu_cs_chunk_syncobj out{12, 0, 5};
    EXPECT_EQ(
        submit(context, 0, 0, nullptr,
               {{AMDGPU_CHUNK_ID_BO_HANDLES, sizeof(list) / 4, user_pointer(&list)},
                {AMDGPU_CHUNK_ID_FENCE, sizeof(fence) / 4, user_pointer(&fence)},
                {AMDGPU_CHUNK_ID_DEPENDENCIES, sizeof(dependency) / 4, user_pointer(&dependency)},
                {AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_SIGNAL, 4, user_pointer(&out)}}),
        0);
    const Received request = host.received(Command::kCsSubmit).at(0);
    const auto head = request.as<wire::CsSubmitRequest>();
    EXPECT_EQ(head.ctx_id, context);
    EXPECT_EQ(head.ring_idx, 1u);
    ASSERT_EQ(head.num_chunks, 4u);
    EXPECT_EQ(request.header.len % wire::kAlignment, 0u);

    std::map<uint32_t, std::vector<uint32_t>> payloads;
    const size_t payload_start = sizeof(head) + head.num_chunks * sizeof(wire::ChunkDescriptor);
    for (uint32_t i = 0; i < head.num_chunks; ++i) {
        wire::ChunkDescriptor chunk;
        std::memcpy(&chunk, request.bytes.data() + sizeof(head) + i * sizeof(chunk), sizeof(chunk));
        auto& words = payloads[chunk.chunk_id];
        words.resize(chunk.length_dw);
        ASSERT_LE(payload_start + chunk.offset + words.size() * 4, request.bytes.size());
        std::memcpy(words.data(), request.bytes.data() + payload_start + chunk.offset,
                    words.size() * 4);
    }
    // Resource ids: 2 is the control buffer, 3 and 4 the buffers.
    EXPECT_EQ(payloads[AMDGPU_CHUNK_ID_BO_HANDLES], (std::vector<uint32_t>{3, 1, 4, 2}));
    EXPECT_EQ(payloads[AMDGPU_CHUNK_ID_FENCE], (std::vector<uint32_t>{4, 16}));
    EXPECT_EQ(payloads[AMDGPU_CHUNK_ID_DEPENDENCIES],
              (std::vector<uint32_t>{1, 0, 0, context, 42, 0}));
    EXPECT_EQ(payloads[AMDGPU_CHUNK_ID_IB].size(), 8u);

    const test::Sent& sent = host.sent.back();
    ASSERT_EQ(sent.out.size(), 2u);
    EXPECT_EQ(sent.out[0].handle, 12u);
    EXPECT_EQ(sent.out[0].point, 5u);
    EXPECT_TRUE(sent.bo_handles.empty());  // nobody else can wait for these
}

// Work of the same file is ordered by the host; nobody's thread waits for it.
TEST_F(DriverTest, OwnSubmissionsAreOrderedByTheHost) {
    const uint32_t first = create_context();
    const uint32_t second = create_context();
    drm_syncobj_create syncobj{};
    ASSERT_EQ(call(DRM_IOCTL_SYNCOBJ_CREATE, syncobj), 0);
    const drm_amdgpu_cs_chunk_sem binary{syncobj.handle};
    const drm_amdgpu_cs_chunk signal{AMDGPU_CHUNK_ID_SYNCOBJ_OUT, 1, user_pointer(&binary)};
    const drm_amdgpu_cs_chunk wait{AMDGPU_CHUNK_ID_SYNCOBJ_IN, 1, user_pointer(&binary)};
    const auto chunks_sent = [&] {
        return host.received(Command::kCsSubmit).back().as<wire::CsSubmitRequest>().num_chunks;
    };
    EXPECT_EQ(submit(first, 2, 1), 0);
    EXPECT_EQ(submit(first, 2, 1, nullptr, {signal}), 0);
    // The same context and ring: in order anyway.
    EXPECT_EQ(submit(first, 2, 1, nullptr, {wait}), 0);
    EXPECT_EQ(chunks_sent(), 1u);
    // Another context, though on the same ring.
    EXPECT_EQ(submit(second, 2, 1, nullptr, {wait}), 0);
    EXPECT_EQ(chunks_sent(), 2u);
    const auto request = host.received(Command::kCsSubmit).back();
    drm_amdgpu_cs_chunk_dep dependency;
    std::memcpy(
        &dependency,
        request.bytes.data() + sizeof(wire::CsSubmitRequest) + 2 * sizeof(wire::ChunkDescriptor),
        sizeof(dependency));
    EXPECT_EQ(dependency.ip_type, 2u);
    EXPECT_EQ(dependency.ring, 1u);
    EXPECT_EQ(dependency.ctx_id, first);
    EXPECT_EQ(dependency.handle, 2u);
    // A context that is gone cannot be named: then the fence itself is waited for.
    drm_amdgpu_ctx free_first{};
    free_first.in.op = AMDGPU_CTX_OP_FREE_CTX;
    free_first.in.ctx_id = first;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_CTX, free_first), 0);
    host.finish_gpu_work();
    EXPECT_EQ(submit(second, 2, 1, nullptr, {wait}), 0);
    EXPECT_EQ(chunks_sent(), 1u);
}

TEST_F(DriverTest, FencesFromElsewhereAreWaitedForBeforeAnythingIsSent) {
    const uint32_t context = create_context();
    drm_syncobj_create syncobj{};
    ASSERT_EQ(call(DRM_IOCTL_SYNCOBJ_CREATE, syncobj), 0);
    const drm_amdgpu_cs_chunk_syncobj point{syncobj.handle, 0, 7};
    const drm_amdgpu_cs_chunk wait{AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_WAIT, 4, user_pointer(&point)};
    // The scripted node does not wait: it says that the time is over.
    EXPECT_EQ(submit(context, 0, 0, nullptr, {wait}), -ETIME);
    EXPECT_TRUE(host.received(Command::kCsSubmit).empty());
}

TEST_F(DriverTest, MalformedSubmissionsAreRefusedHere) {
    const uint32_t context = create_context();
    const uint32_t word = 0;
    EXPECT_EQ(submit(context, 9, 0), -EINVAL);  // no such ring
    EXPECT_EQ(submit(context, 0, 1), -EINVAL);
    EXPECT_EQ(submit(context + 1, 0, 0), -EINVAL);
    EXPECT_EQ(submit(context, 0, 0, nullptr, {{0x55, 1, user_pointer(&word)}}), -EINVAL);
    EXPECT_EQ(submit(context, 0, 0, nullptr, {{AMDGPU_CHUNK_ID_IB, 1, user_pointer(&word)}}),
              -EINVAL);
    EXPECT_EQ(
        submit(context, 0, 0, nullptr, {{AMDGPU_CHUNK_ID_DEPENDENCIES, 1, user_pointer(&word)}}),
        -EINVAL);
    EXPECT_TRUE(host.received(Command::kCsSubmit).empty());
}

TEST_F(DriverTest, BufferListsAreKeptHere) {
    const uint32_t context = create_context();
    const uint32_t buffer = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    const drm_amdgpu_bo_list_entry entry{buffer, 0};
    drm_amdgpu_bo_list list{};
    list.in = {AMDGPU_BO_LIST_OP_CREATE, 0, 1, sizeof(entry), user_pointer(&entry)};
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_BO_LIST, list), 0);
    const uint32_t handle = list.out.list_handle;

    drm_amdgpu_cs_chunk_ib ib{};
    drm_amdgpu_cs_chunk chunk{AMDGPU_CHUNK_ID_IB, sizeof(ib) / 4, user_pointer(&ib)};
    const uint64_t pointer = user_pointer(&chunk);
    drm_amdgpu_cs cs{};
    cs.in.ctx_id = context;
    cs.in.bo_list_handle = handle;
    cs.in.num_chunks = 1;
    cs.in.chunks = user_pointer(&pointer);
    drm_amdgpu_cs again = cs;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_CS, cs), 0);
    EXPECT_EQ(host.received(Command::kCsSubmit)[0].as<wire::CsSubmitRequest>().num_chunks, 2u);

    list.in = {AMDGPU_BO_LIST_OP_DESTROY, handle, 0, 0, 0};
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_BO_LIST, list), 0);
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_CS, again), -ENOENT);
}

TEST_F(DriverTest, ExportedBuffersAreWaitedForThroughTheNode) {
    const uint32_t context = create_context();
    const uint32_t buffer = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    drm_prime_handle prime{buffer, 0, -1};
    EXPECT_EQ(call(DRM_IOCTL_PRIME_HANDLE_TO_FD, prime), 0);
    // Twice, as from a program that imported it again: amdgpu allows that, virtio-gpu does not.
    const drm_amdgpu_bo_list_entry entries[] = {{buffer, 0}, {buffer, 0}};
    const drm_amdgpu_bo_list_in list{~0u, ~0u, 2, sizeof(entries[0]), user_pointer(entries)};
    EXPECT_EQ(submit(context, 0, 0, nullptr,
                     {{AMDGPU_CHUNK_ID_BO_HANDLES, sizeof(list) / 4, user_pointer(&list)}}),
              0);
    EXPECT_EQ(host.sent.back().bo_handles, std::vector<uint32_t>{buffer});

    const uint32_t local =
        create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    prime = {local, 0, -1};
    EXPECT_EQ(call(DRM_IOCTL_PRIME_HANDLE_TO_FD, prime), -EPERM);

    drm_amdgpu_gem_wait_idle idle{};
    idle.in.handle = buffer;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, idle), 0);
    EXPECT_EQ(idle.out.status, 1u);
    host.finish_gpu_work();
    host.node_busy = true;
    idle = {};
    idle.in.handle = buffer;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, idle), 0);
    EXPECT_EQ(idle.out.status, 1u);
    host.node_busy = false;
    idle = {};
    idle.in.handle = buffer;
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, idle), 0);
    EXPECT_EQ(idle.out.status, 0u);
}

// A host without has_vm_always_valid: the flag does not cross, so the layer lists the buffer
// itself.
TEST(DriverCompatibilityTest, BuffersTheHostCannotKeepValidAreListedEachTime) {
    test::FakeHost host;
    host.capset.u.amdgpu.flags = 0;
    const Channel channel{host, 7};
    OpenNode node{host.capset, *find_driver(viaduct::wire::ContextType::kAmdgpu)};
    drm_amdgpu_gem_create create{};
    create.in.bo_size = 4096;
    create.in.domains = AMDGPU_GEM_DOMAIN_GTT;
    create.in.domain_flags = AMDGPU_GEM_CREATE_VM_ALWAYS_VALID;
    ASSERT_EQ(node.ioctl(channel, DRM_IOCTL_AMDGPU_GEM_CREATE, &create), 0);
    EXPECT_EQ(host.received(Command::kGemNew)[0].as<wire::GemNewRequest>().flags, 0u);

    drm_amdgpu_ctx ctx{};
    ctx.in.op = AMDGPU_CTX_OP_ALLOC_CTX;
    ASSERT_EQ(node.ioctl(channel, DRM_IOCTL_AMDGPU_CTX, &ctx), 0);
    drm_amdgpu_cs_chunk_ib ib{};
    drm_amdgpu_cs_chunk chunk{AMDGPU_CHUNK_ID_IB, sizeof(ib) / 4, user_pointer(&ib)};
    const uint64_t pointer = user_pointer(&chunk);
    drm_amdgpu_cs cs{};
    cs.in.ctx_id = ctx.out.alloc.ctx_id;
    cs.in.num_chunks = 1;
    cs.in.chunks = user_pointer(&pointer);
    ASSERT_EQ(node.ioctl(channel, DRM_IOCTL_AMDGPU_CS, &cs), 0);
    EXPECT_EQ(host.received(Command::kCsSubmit)[0].as<wire::CsSubmitRequest>().num_chunks, 2u);
}

TEST_F(DriverTest, UnknownIoctlsAndUserQueuesAreRefused) {
    uint64_t scratch[64] = {};
    EXPECT_EQ(call(DRM_IOWR(DRM_COMMAND_BASE + 0x16, uint64_t[8]), scratch), -EINVAL);
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_GEM_USERPTR, scratch), -EOPNOTSUPP);
    EXPECT_EQ(call(DRM_IOCTL_AMDGPU_SCHED, scratch), -EACCES);
}

TEST_F(DriverTest, OtherGenericIoctlsReachTheNodeUnchanged) {
    drm_syncobj_array array{};
    EXPECT_EQ(call(DRM_IOCTL_SYNCOBJ_RESET, array), 0);
    ASSERT_EQ(host.passed.size(), 1u);
    EXPECT_EQ(host.passed[0], DRM_IOCTL_SYNCOBJ_RESET);
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
