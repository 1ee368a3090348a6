// A guest's submission as it reaches the kernel, word for word.
#include "drm-context/amdgpu/submission.h"

#include <drm.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>

#include "blob/memfd.h"
#include "drm-context/context/command_loop.h"
#include "drm-context/transport/control_memory.h"

namespace viaduct::amdgpu {
namespace {

namespace w = wire::amdgpu;
using Words = std::vector<uint32_t>;

template <typename T>
Words words_of(const T& value) {
    static_assert(sizeof(T) % sizeof(uint32_t) == 0);
    Words words(sizeof(T) / sizeof(uint32_t));
    std::memcpy(words.data(), &value, sizeof(value));
    return words;
}

struct Chunk {
    uint32_t id;
    Words words;
    bool operator==(const Chunk&) const = default;
};

/// One AMDGPU_CS, copied out of the caller's memory. A list of buffers is there as its entries.
struct Recorded {
    uint32_t ctx_id;
    std::vector<Chunk> chunks;
};

/// Takes everything; GEM handles count from 101, syncobjs from 201, GPU contexts from 301.
class RecordingDevice final : public Device {
  public:
    explicit RecordingDevice(std::vector<Recorded>& recorded) : recorded_(recorded) {}

    int ioctl(unsigned long request, void* argument) override {
        switch (request) {
            case DRM_IOCTL_AMDGPU_INFO:
                return info(*static_cast<drm_amdgpu_info*>(argument));
            case DRM_IOCTL_AMDGPU_GEM_CREATE: {
                auto& create = *static_cast<drm_amdgpu_gem_create*>(argument);
                created_[next_gem_] = create.in;
                create.out.handle = next_gem_++;
                return 0;
            }
            case DRM_IOCTL_AMDGPU_GEM_OP: {
                const auto& op = *static_cast<drm_amdgpu_gem_op*>(argument);
                std::memcpy(reinterpret_cast<void*>(op.value), &created_[op.handle],
                            sizeof(drm_amdgpu_gem_create_in));
                return 0;
            }
            case DRM_IOCTL_PRIME_HANDLE_TO_FD:
                static_cast<drm_prime_handle*>(argument)->fd = sync_file(1).release();
                return 0;
            case DRM_IOCTL_SYNCOBJ_CREATE:
                static_cast<drm_syncobj_create*>(argument)->handle = next_syncobj_++;
                return 0;
            case DRM_IOCTL_AMDGPU_CTX:
                static_cast<drm_amdgpu_ctx*>(argument)->out.alloc.ctx_id = next_context_++;
                return 0;
            case DRM_IOCTL_AMDGPU_CS:
                record(*static_cast<drm_amdgpu_cs*>(argument));
                return 0;
            case DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD:
                if (!gives_descriptors) return -EMFILE;
                static_cast<drm_syncobj_handle*>(argument)->fd =
                    sync_file(1u << (recorded_.size() - 1)).release();
                return 0;
            default:
                return 0;
        }
    }
    Result<MapSource> map_source(uint64_t) override {
        if (!memory) return fail(EINVAL, "nothing is mapped");
        return MapSource{memory.duplicate(), 0};
    }
    Result<UniqueFd> merge_sync_files(int a, int b) override {
        return sync_file(jobs_of(a) | jobs_of(b));
    }
    Result<SyncFileState> sync_file_state(int) override { return SyncFileState{1, 0}; }
    Result<UniqueFd> unfinished_uses(int) override {
        if (uses == Uses::kUnknown) return fail(ENOTTY, "this kernel does not show them");
        return UniqueFd(::eventfd(uses == Uses::kPending ? 0 : 1, EFD_CLOEXEC));
    }
    int fd() const override { return -1; }

    enum class Uses { kPending, kDone, kUnknown };
    static inline Uses uses = Uses::kDone;  // of every buffer by others

    /// A sync file is a file of as many bytes as its set of jobs has for a number.
    static UniqueFd sync_file(uint64_t jobs) { return create_sealed_memfd("jobs", jobs).value(); }
    static uint64_t jobs_of(int sync_file) { return object_size(sync_file).value(); }

    static inline bool gives_descriptors = true;
    static inline UniqueFd memory;  // of every buffer

  private:
    static int info(const drm_amdgpu_info& arg) {
        if (arg.query != AMDGPU_INFO_HW_IP_INFO) return -EINVAL;
        drm_amdgpu_info_hw_ip ip{};
        if (arg.query_hw_ip.type == AMDGPU_HW_IP_GFX) ip.available_rings = 1;
        if (arg.query_hw_ip.type == AMDGPU_HW_IP_COMPUTE) ip.available_rings = 3;
        std::memcpy(reinterpret_cast<void*>(arg.return_pointer), &ip, sizeof(ip));
        return 0;
    }
    void record(const drm_amdgpu_cs& cs) {
        Recorded& recorded = recorded_.emplace_back();
        recorded.ctx_id = cs.in.ctx_id;
        const auto* chunks = reinterpret_cast<const uint64_t*>(cs.in.chunks);
        for (uint32_t i = 0; i < cs.in.num_chunks; ++i) {
            const auto& chunk = *reinterpret_cast<const drm_amdgpu_cs_chunk*>(chunks[i]);
            const auto* words = reinterpret_cast<const uint32_t*>(chunk.chunk_data);
            recorded.chunks.push_back({chunk.chunk_id, {words, words + chunk.length_dw}});
            if (chunk.chunk_id == AMDGPU_CHUNK_ID_BO_HANDLES)
                recorded.chunks.back().words =
                    entries_of(*reinterpret_cast<const drm_amdgpu_bo_list_in*>(chunk.chunk_data));
        }
    }
    static Words entries_of(const drm_amdgpu_bo_list_in& list) {
        EXPECT_EQ(list.bo_info_size, sizeof(drm_amdgpu_bo_list_entry));
        const auto* words = reinterpret_cast<const uint32_t*>(list.bo_info_ptr);
        return {words, words + list.bo_number * 2};
    }

    std::vector<Recorded>& recorded_;
    std::map<uint32_t, decltype(drm_amdgpu_gem_create::in)> created_;  // by handle
    uint32_t next_gem_ = 101, next_syncobj_ = 201, next_context_ = 301;
};

class AmdgpuSubmission : public ::testing::Test {
  protected:
    // The rings' syncobjs are made first: gfx.0 has 201, compute.0 202, compute.1 203; what takes
    // in-fences comes after them.
    static constexpr uint32_t kGpuContext = 301, kInFence = 204;
    static constexpr uint32_t kFirst = 11, kSecond = 12;  // resources: GEM handles 101 and 102

    AmdgpuSubmission() {
        auto account = ContextAccount::attach({}, ContextLimits());
        context_ = create_context(std::make_unique<RecordingDevice>(recorded_), *std::move(account))
                       .value();
        loop_.emplace(*context_, abandoned_);
        EXPECT_TRUE(context_->adopt_control_buffer(
            *transport::create_control_memory(4096, context_->traits().area_offset())));
        EXPECT_TRUE(run(w::Command::kCreateCtx, w::CreateCtxRequest{}));
        for (const uint32_t res_id : {kFirst, kSecond}) {
            create_buffer(res_id, 4096);
        }
    }

    void create_buffer(uint32_t res_id, uint64_t size, uint64_t flags = 0) {
        w::GemNewRequest request{};
        request.blob_id = res_id;
        request.alloc_size = size;
        request.preferred_heap = AMDGPU_GEM_DOMAIN_GTT;
        request.flags = flags;
        EXPECT_TRUE(run(w::Command::kGemNew, request));
        EXPECT_TRUE(context_->create_blob({ResourceId(res_id), /*blob_flags=*/1, res_id, size}));
    }
    /// As drivers do when they export an image.
    void describe(uint32_t res_id) {
        w::SetMetadataRequest request{};
        request.res_id = res_id;
        EXPECT_TRUE(run(w::Command::kSetMetadata, request));
    }
    /// True if a submission that lists the resource waits for what others do with it.
    bool waits_for_users(uint32_t res_id) {
        EXPECT_TRUE(submit({{AMDGPU_CHUNK_ID_BO_HANDLES, {res_id, 0}}, ib()}));
        const Chunk wait{AMDGPU_CHUNK_ID_SYNCOBJ_IN, {kInFence}};
        return std::ranges::count(recorded_.back().chunks, wait) == 1;
    }

    template <typename T>
    Status run(w::Command command, T request) {
        request.hdr = {static_cast<uint32_t>(command), sizeof(request), 1, 0};
        return loop_->run(std::as_bytes(std::span(&request, 1)));
    }
    /// CS_SUBMIT of these chunks, as they are.
    Status submit(const std::vector<Chunk>& chunks, uint32_t ring = 1,
                  uint32_t gpu_context = kGpuContext) {
        w::CsSubmitRequest head{};
        head.ctx_id = gpu_context;
        head.num_chunks = static_cast<uint32_t>(chunks.size());
        head.ring_idx = ring;
        Words table, payloads;
        for (const Chunk& chunk : chunks) {
            const w::ChunkDescriptor descriptor{static_cast<uint16_t>(chunk.id),
                                                static_cast<uint16_t>(chunk.words.size()),
                                                static_cast<uint32_t>(payloads.size() * 4)};
            append(table, words_of(descriptor));
            append(payloads, chunk.words);
        }
        const size_t words = sizeof(head) / 4 + table.size() + payloads.size();
        head.hdr = {static_cast<uint32_t>(w::Command::kCsSubmit),
                    static_cast<uint32_t>((words + 1) / 2 * 8), 1, 0};
        Words request = words_of(head);
        append(request, table);
        append(request, payloads);
        request.resize((words + 1) / 2 * 2);
        return loop_->run(std::as_bytes(std::span(request)));
    }
    static void append(Words& words, const Words& more) {
        words.insert(words.end(), more.begin(), more.end());
    }
    static Chunk ib(uint32_t ip_type = AMDGPU_HW_IP_GFX, uint32_t ring = 0) {
        drm_amdgpu_cs_chunk_ib ib{};
        ib.va_start = 0x1'2345'6000;
        ib.ib_bytes = 64;
        ib.ip_type = ip_type;
        ib.ring = ring;
        return {AMDGPU_CHUNK_ID_IB, words_of(ib)};
    }
    static Chunk signals(uint32_t syncobj) { return {AMDGPU_CHUNK_ID_SYNCOBJ_OUT, {syncobj}}; }

    std::vector<Recorded> recorded_;
    std::atomic<uint32_t> abandoned_ = 0;
    std::unique_ptr<DriverContext> context_;
    std::optional<CommandLoop> loop_;
};

TEST_F(AmdgpuSubmission, NamesWhatTheGuestNamed) {
    const drm_amdgpu_cs_chunk_dep dependency{AMDGPU_HW_IP_COMPUTE, 0, 1, kGpuContext, 42};
    const Chunk depends{AMDGPU_CHUNK_ID_DEPENDENCIES, words_of(dependency)};
    ASSERT_TRUE(submit({{AMDGPU_CHUNK_ID_BO_HANDLES, {kSecond, 7, kFirst, 3}},
                        ib(),
                        {AMDGPU_CHUNK_ID_FENCE, {kSecond, 4088}},
                        depends}));
    ASSERT_EQ(recorded_.size(), 1u);
    EXPECT_EQ(recorded_[0].ctx_id, kGpuContext);
    EXPECT_EQ(recorded_[0].chunks, (std::vector<Chunk>{
                                       {AMDGPU_CHUNK_ID_BO_HANDLES, {102, 7, 101, 3}},
                                       ib(),
                                       {AMDGPU_CHUNK_ID_FENCE, {102, 4088}},
                                       depends,
                                       signals(201),
                                   }));
}

TEST_F(AmdgpuSubmission, PassesAnEmptyChunkOn) {
    const Chunk empty{AMDGPU_CHUNK_ID_DEPENDENCIES, {}};
    ASSERT_TRUE(submit({empty, ib()}));
    EXPECT_EQ(recorded_[0].chunks, (std::vector<Chunk>{empty, ib(), signals(201)}));
}

TEST_F(AmdgpuSubmission, SignalsTheSyncobjOfItsRing) {
    ASSERT_TRUE(submit({ib(AMDGPU_HW_IP_COMPUTE, 1)}, 3));
    ASSERT_TRUE(submit({ib(AMDGPU_HW_IP_COMPUTE, 0)}, 2));
    EXPECT_EQ(recorded_[0].chunks.back(), signals(203));
    EXPECT_EQ(recorded_[1].chunks.back(), signals(202));
}

TEST_F(AmdgpuSubmission, WaitsForAnInFenceOnce) {
    ASSERT_TRUE(context_->in_fence().add(create_sealed_memfd("sync-file", 4096).value()));
    ASSERT_TRUE(submit({ib()}));
    ASSERT_TRUE(submit({ib()}));
    EXPECT_EQ(recorded_[0].chunks,
              (std::vector<Chunk>{ib(), {AMDGPU_CHUNK_ID_SYNCOBJ_IN, {kInFence}}, signals(201)}));
    EXPECT_EQ(recorded_[1].chunks, (std::vector<Chunk>{ib(), signals(201)}));
}

// The kernel runs the submissions of two GPU contexts in any order.
TEST_F(AmdgpuSubmission, AFenceWaitsForTheOlderWorkOfOtherGpuContexts) {
    constexpr uint32_t kOther = kGpuContext + 1;
    ASSERT_TRUE(run(w::Command::kCreateCtx, w::CreateCtxRequest{}));
    ASSERT_TRUE(submit({ib()}));             // job 1
    ASSERT_TRUE(submit({ib()}, 1, kOther));  // 2
    ASSERT_TRUE(submit({ib()}, 1, kOther));  // 4: its context orders it behind the one before
    ASSERT_TRUE(submit({ib()}));             // 8
    EXPECT_EQ(RecordingDevice::jobs_of(context_->rings().take_newest(RingIndex(1)).get()),
              1u | 4u | 8u);
    ASSERT_TRUE(submit({ib()}, 1, kOther));  // 16: the fence before it has the rest
    EXPECT_EQ(RecordingDevice::jobs_of(context_->rings().take_newest(RingIndex(1)).get()), 16u);
}

TEST_F(AmdgpuSubmission, WithoutADescriptorTheKernelKeepsTheOrderOfGpuContexts) {
    ASSERT_TRUE(run(w::Command::kCreateCtx, w::CreateCtxRequest{}));
    ASSERT_TRUE(submit({ib()}));
    RecordingDevice::gives_descriptors = false;
    const Status status = submit({ib()}, 1, kGpuContext + 1);
    RecordingDevice::gives_descriptors = true;
    ASSERT_TRUE(status);
    EXPECT_EQ(recorded_[1].chunks,
              (std::vector<Chunk>{ib(), {AMDGPU_CHUNK_ID_SYNCOBJ_IN, {201}}, signals(201)}));
}

TEST_F(AmdgpuSubmission, WaitsForUsersOfTheImagesThatTheKernelDoesNotGuard) {
    constexpr uint32_t kExplicit = 13, kImplicit = 14, kSmall = 15;
    constexpr uint64_t kImage = 1 << 20;
    create_buffer(kExplicit, kImage, AMDGPU_GEM_CREATE_EXPLICIT_SYNC);
    create_buffer(kImplicit, kImage);
    create_buffer(kSmall, 4096, AMDGPU_GEM_CREATE_EXPLICIT_SYNC);
    RecordingDevice::uses = RecordingDevice::Uses::kPending;
    EXPECT_FALSE(waits_for_users(kExplicit)) << "no driver exported it as an image";
    for (const uint32_t res_id : {kExplicit, kImplicit, kSmall}) describe(res_id);
    EXPECT_TRUE(waits_for_users(kExplicit));
    EXPECT_FALSE(waits_for_users(kImplicit)) << "the kernel does";
    EXPECT_FALSE(waits_for_users(kSmall)) << "on no screen";
    EXPECT_FALSE(waits_for_users(kFirst));
    RecordingDevice::uses = RecordingDevice::Uses::kDone;
    EXPECT_FALSE(waits_for_users(kExplicit));
}

// Linux before 6.0.
TEST_F(AmdgpuSubmission, GoesOnWhereTheKernelDoesNotShowUsers) {
    constexpr uint32_t kImage = 13;
    create_buffer(kImage, 1 << 20, AMDGPU_GEM_CREATE_EXPLICIT_SYNC);
    describe(kImage);
    RecordingDevice::uses = RecordingDevice::Uses::kUnknown;
    EXPECT_FALSE(waits_for_users(kImage));
    RecordingDevice::uses = RecordingDevice::Uses::kDone;
}

TEST_F(AmdgpuSubmission, UserFencesStayInTheirBuffer) {
    for (const uint32_t offset : {1u, 4u, 4092u, 4096u, 0xfffffff8u}) {
        const Status status = submit({ib(), {AMDGPU_CHUNK_ID_FENCE, {kFirst, offset}}});
        ASSERT_FALSE(status) << offset;
        EXPECT_EQ(status.error().code, EINVAL) << offset;
    }
    EXPECT_TRUE(recorded_.empty()) << "the kernel was asked";
    EXPECT_TRUE(submit({ib(), {AMDGPU_CHUNK_ID_FENCE, {kFirst, 4088}}}));
}

// The kernel would refuse the submission: it writes to buffers of one page.
TEST_F(AmdgpuSubmission, UserFencesInLargerBuffersAreNotTheKernels) {
    constexpr uint32_t kLarge = 13;
    w::GemNewRequest request{};
    request.blob_id = kLarge;
    request.alloc_size = 0x10000;
    request.preferred_heap = AMDGPU_GEM_DOMAIN_GTT;
    ASSERT_TRUE(run(w::Command::kGemNew, request));
    ASSERT_TRUE(context_->create_blob({ResourceId(kLarge), /*blob_flags=*/1, kLarge, 0x10000}));
    RecordingDevice::memory = create_sealed_memfd("buffer", 0x10000).value();
    EXPECT_TRUE(submit({ib(), {AMDGPU_CHUNK_ID_FENCE, {kLarge, 0x8000}}}));
    EXPECT_EQ(recorded_.at(0).chunks, (std::vector<Chunk>{ib(), signals(201)}));
    RecordingDevice::memory.reset();
    EXPECT_FALSE(submit({ib(), {AMDGPU_CHUNK_ID_FENCE, {kLarge, 0x4000}}})) << "no CPU access";
    EXPECT_EQ(recorded_.size(), 1u);
}

// A gfx ring takes 192 IBs (amdgpu_ring.c: amdgpu_ring_max_ibs()), and drivers use all of them.
TEST_F(AmdgpuSubmission, AsManyIbsReachTheKernelAsItTakes) {
    constexpr size_t kMostIbs = 192;
    std::vector<Chunk> chunks(kMostIbs, ib());
    chunks.push_back({AMDGPU_CHUNK_ID_BO_HANDLES, {kFirst, 0}});
    ASSERT_TRUE(submit(chunks));
    const auto& sent = recorded_.at(0).chunks;
    EXPECT_EQ(std::count(sent.begin(), sent.end(), ib()), static_cast<long>(kMostIbs));
    EXPECT_FALSE(submit(std::vector<Chunk>(w::kMaxChunks + 1, ib())));
}

TEST_F(AmdgpuSubmission, WhatIsNotTheGuestsIsRefusedBeforeTheKernelHearsOfIt) {
    const drm_amdgpu_cs_chunk_dep foreign{AMDGPU_HW_IP_GFX, 0, 0, kGpuContext + 1, 1};
    const std::vector<std::vector<Chunk>> cases = {
        {ib(), {AMDGPU_CHUNK_ID_BO_HANDLES, {13, 0}}},
        {ib(), {AMDGPU_CHUNK_ID_FENCE, {13, 0}}},
        {ib(), {AMDGPU_CHUNK_ID_DEPENDENCIES, words_of(foreign)}},
        {ib(), {AMDGPU_CHUNK_ID_SYNCOBJ_IN, {201}}},
        {ib(), {AMDGPU_CHUNK_ID_SYNCOBJ_OUT, {201}}},
        {ib(AMDGPU_HW_IP_DMA)},
        {},
    };
    for (size_t i = 0; i < cases.size(); ++i) EXPECT_FALSE(submit(cases[i])) << "case " << i;
    EXPECT_TRUE(recorded_.empty());
}

}  // namespace
}  // namespace viaduct::amdgpu
