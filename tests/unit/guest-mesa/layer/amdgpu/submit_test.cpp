// Submissions.
#include "tests/unit/guest-mesa/layer/amdgpu/fixture.h"

namespace viaduct::guest::amdgpu {
namespace {

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

// The host may give a context's number to the next.
TEST_F(DriverTest, AFreedContextsNumberingEndsWithIt) {
    const uint32_t first = create_context();
    uint64_t seqno = 0;
    EXPECT_EQ(submit(first, 0, 0), 0);
    EXPECT_EQ(submit(first, 0, 0, &seqno), 0);
    EXPECT_EQ(seqno, 2u);
    EXPECT_EQ(free_context(first), 0);
    EXPECT_EQ(free_context(first), -EINVAL);
    EXPECT_EQ(submit(first, 0, 0), -EINVAL);

    host.next_context = first;
    ASSERT_EQ(create_context(), first);
    uint64_t busy = 0;
    EXPECT_EQ(wait_cs(first, 0, 1, &busy), -EINVAL) << "of the one before";
    EXPECT_EQ(submit(first, 0, 0, &seqno), 0);
    EXPECT_EQ(seqno, 1u);
    const auto requests = host.received(Command::kCreateCtx);
    ASSERT_EQ(requests.size(), 3u);
    EXPECT_EQ(requests[1].as<wire::CreateCtxRequest>().flags, wire::kCreateCtxDestroy);
    EXPECT_EQ(requests[1].as<wire::CreateCtxRequest>().priority_or_id, static_cast<int32_t>(first));
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
    const test::Received request = host.received(Command::kCsSubmit).at(0);
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
    EXPECT_EQ(free_context(first), 0);
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

/// IB chunks beside the one that every submission has.
class DriverIbs : public DriverTest {
  protected:
    int submit_with(size_t more, uint32_t ip_type = 0) {
        const drm_amdgpu_cs_chunk chunk{AMDGPU_CHUNK_ID_IB, sizeof(ib_) / 4, user_pointer(&ib_)};
        return submit(context_, ip_type, 0, nullptr, std::vector(more, chunk));
    }

    const drm_amdgpu_cs_chunk_ib ib_{};
    const uint32_t context_ = create_context();
};

TEST_F(DriverIbs, MoreForARingThanTheHostsKernelTakesAreRefusedHere) {
    host.max_ibs = 192;
    EXPECT_EQ(submit_with(191), 0);
    EXPECT_EQ(submit_with(192), -EINVAL);
    EXPECT_EQ(submit_with(192, AMDGPU_HW_IP_DMA), 0) << "another ring has one of them";
    EXPECT_EQ(host.received(Command::kCsSubmit).size(), 2u);
    EXPECT_EQ(state_flags(context_), 0u);
}

TEST_F(DriverIbs, AKernelThatDoesNotTellItsLimitIsLeftToRefuse) {
    EXPECT_EQ(submit_with(199), 0);
    EXPECT_EQ(host.received(Command::kCsSubmit).size(), 1u);
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

// The kernel takes 131072; the wire's chunks have 65535 dwords at most.
TEST_F(DriverTest, AListThatTheProtocolHasNoRoomForIsRefusedWithASentence) {
    const uint32_t context = create_context();
    const uint32_t buffer = create_buffer(4096, AMDGPU_GEM_DOMAIN_GTT, 0);
    for (const uint32_t count : {32767u, 32768u}) {
        const std::vector<drm_amdgpu_bo_list_entry> entries(count, {buffer, 0});
        const drm_amdgpu_bo_list_in list{~0u, ~0u, count, sizeof(entries[0]),
                                         user_pointer(entries.data())};
        const bool fits = count == 32767;
        testing::internal::CaptureStderr();
        EXPECT_EQ(submit(context, 0, 0, nullptr,
                         {{AMDGPU_CHUNK_ID_BO_HANDLES, sizeof(list) / 4, user_pointer(&list)}}),
                  fits ? 0 : -EINVAL);
        const std::string said = testing::internal::GetCapturedStderr();
        EXPECT_EQ(said.find("32768 buffers") != std::string::npos, !fits) << said;
    }
    EXPECT_EQ(submit(context, 0, 0), 0) << "the context lives";
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
