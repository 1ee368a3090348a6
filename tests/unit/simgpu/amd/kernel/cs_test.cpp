// Submission, waiting, ordering: with the fake engine.
#include <fmt/format.h>
#include <poll.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "simgpu/sync/fence.h"
#include "tests/unit/simgpu/amd/kernel/fake_engine.h"

namespace simgpu::test {
namespace {

constexpr uint32_t kPending = 32;  // jobs of one queue (Linux: amdgpu_sched_jobs)

class Cs : public ::testing::Test {
  protected:
    uint32_t lo = Program::lo(kDataVa), hi = Program::hi(kDataVa);
    UseFakeEngine engine;
    TestFile file;
    TestBuffer data = file.buffer(kDataVa);
    Program program{file, kProgramVa};
    uint32_t context = file.context();
};

TEST_F(Cs, RunsAJobAndNumbersThemPerContextAndRing) {
    uint64_t sequence = 0;
    for (uint64_t expected = 1; expected <= 3; ++expected) {
        ASSERT_EQ(file.submit(context, program.ib({kWrite, lo, hi, 7}), &sequence), 0);
        EXPECT_EQ(sequence, expected);
    }
    EXPECT_EQ(file.wait(context, sequence), 0);
    EXPECT_EQ(data.words()[0], 7u);
    ASSERT_EQ(
        file.submit(context, program.ib({kCount, lo, hi}, AMDGPU_HW_IP_COMPUTE, 2), &sequence), 0);
    EXPECT_EQ(sequence, 1u) << "another ring counts by itself";
    EXPECT_EQ(file.wait(context, UINT64_MAX, kLong, AMDGPU_HW_IP_COMPUTE, 2), 0);
    EXPECT_EQ(data.words()[0], 8u);
}

TEST_F(Cs, RefusesWhatTheKernelRefuses) {
    const Chunks good = program.ib({kWrite, lo, hi, 1});
    EXPECT_EQ(file.submit(context + 1, good), -EINVAL) << "context";
    EXPECT_EQ(file.submit(context, {}), -EINVAL) << "no chunk";
    Chunks fence_only;
    fence_only.with(AMDGPU_CHUNK_ID_FENCE, drm_amdgpu_cs_chunk_fence{data.handle, 0});
    EXPECT_EQ(file.submit(context, fence_only), -EINVAL) << "no IB";
    struct Case {
        const char* what;
        Chunks chunks;
        int error;
    };
    std::vector<Case> cases;
    const auto add = [&](const char* what, auto id, const auto& payload, int error = -EINVAL) {
        Chunks chunks = good;
        chunks.with(static_cast<uint32_t>(id), payload);
        cases.push_back({what, std::move(chunks), error});
    };
    add("unknown chunk", 0x77, uint32_t{0});
    add("short IB", AMDGPU_CHUNK_ID_IB, uint32_t{0});
    add("ring that the chip lacks", AMDGPU_CHUNK_ID_IB,
        drm_amdgpu_cs_chunk_ib{0, 0, kProgramVa, 16, amdgpu::kIpVpe, 0, 0});
    add("ring 9", AMDGPU_CHUNK_ID_IB, drm_amdgpu_cs_chunk_ib{0, 0, kProgramVa, 16, 0, 0, 9});
    add("instance 1", AMDGPU_CHUNK_ID_IB, drm_amdgpu_cs_chunk_ib{0, 0, kProgramVa, 16, 0, 1, 0});
    add("fence buffer", AMDGPU_CHUNK_ID_FENCE, drm_amdgpu_cs_chunk_fence{99, 0});
    add("fence offset", AMDGPU_CHUNK_ID_FENCE, drm_amdgpu_cs_chunk_fence{data.handle, 4096});
    add("fence alignment", AMDGPU_CHUNK_ID_FENCE, drm_amdgpu_cs_chunk_fence{data.handle, 4});
    add("future job", AMDGPU_CHUNK_ID_DEPENDENCIES, drm_amdgpu_cs_chunk_dep{0, 0, 0, context, 9});
    add("foreign context", AMDGPU_CHUNK_ID_DEPENDENCIES, drm_amdgpu_cs_chunk_dep{0, 0, 0, 77, 1});
    add("in syncobj", AMDGPU_CHUNK_ID_SYNCOBJ_IN, drm_amdgpu_cs_chunk_sem{77}, -ENOENT);
    add("empty syncobj", AMDGPU_CHUNK_ID_SYNCOBJ_IN, drm_amdgpu_cs_chunk_sem{file.syncobj()});
    add("out syncobj", AMDGPU_CHUNK_ID_SYNCOBJ_OUT, drm_amdgpu_cs_chunk_sem{77});
    const drm_amdgpu_bo_list_entry entry{77, 0};
    add("unknown buffer", AMDGPU_CHUNK_ID_BO_HANDLES,
        drm_amdgpu_bo_list_in{~0u, ~0u, 1, sizeof(entry), address_of(&entry)});
    for (const Case& c : cases) EXPECT_EQ(file.submit(context, c.chunks), c.error) << c.what;
    uint64_t sequence = 0;
    EXPECT_EQ(file.submit(context, good, &sequence), 0);
    EXPECT_EQ(sequence, 1u) << "nothing of the above was numbered";
}

TEST_F(Cs, WritesTheUserFenceWhenDone) {
    Chunks chunks = program.ib({kWrite, lo, hi, 1});
    chunks.with(AMDGPU_CHUNK_ID_FENCE, drm_amdgpu_cs_chunk_fence{data.handle, 64});
    uint64_t sequence = 0;
    ASSERT_EQ(file.submit(context, chunks, &sequence), 0);
    ASSERT_EQ(file.submit(context, chunks, &sequence), 0);
    ASSERT_EQ(file.wait(context, sequence), 0);
    EXPECT_EQ(data.words()[16], 2u);
}

TEST_F(Cs, SyncobjsOrderJobsAcrossRings) {
    const uint32_t binary = file.syncobj(), timeline = file.syncobj();
    Chunks first = program.ib({kAwait, lo + 8, hi, 5, kWrite, lo, hi, 1});
    first.with(AMDGPU_CHUNK_ID_SYNCOBJ_OUT, drm_amdgpu_cs_chunk_sem{binary});
    Chunks second = program.ib({kCount, lo, hi}, AMDGPU_HW_IP_COMPUTE, 0);
    second.with(AMDGPU_CHUNK_ID_SYNCOBJ_IN, drm_amdgpu_cs_chunk_sem{binary});
    second.with(AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_SIGNAL,
                drm_amdgpu_cs_chunk_syncobj{timeline, 0, 3});
    Chunks third = program.ib({kCount, lo, hi}, AMDGPU_HW_IP_DMA, 0);
    third.with(AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_WAIT, drm_amdgpu_cs_chunk_syncobj{timeline, 0, 3});
    Chunks fourth = program.ib({kCount, lo, hi}, AMDGPU_HW_IP_COMPUTE, 1);
    fourth.with(AMDGPU_CHUNK_ID_DEPENDENCIES,
                drm_amdgpu_cs_chunk_dep{AMDGPU_HW_IP_DMA, 0, 0, context, 1});
    ASSERT_EQ(file.submit(context, first), 0);
    ASSERT_EQ(file.submit(context, second), 0);
    ASSERT_EQ(file.submit(context, third), 0);
    ASSERT_EQ(file.submit(context, fourth), 0);
    EXPECT_EQ(file.wait(context, 1, 2, AMDGPU_HW_IP_COMPUTE, 1), 1) << "still busy";
    __atomic_store_n(data.words() + 2, 5, __ATOMIC_RELEASE);
    EXPECT_EQ(file.wait(context, 1, kLong, AMDGPU_HW_IP_COMPUTE, 1), 0);
    EXPECT_EQ(data.words()[0], 4u);
    EXPECT_EQ(file.syncobj_wait(timeline), 0);
}

TEST_F(Cs, OneContextsJobsKeepTheirOrder) {
    constexpr uint32_t kJobs = 1000;
    uint64_t sequence = 0;
    // The first waits; all others must stay behind it, in order.
    ASSERT_EQ(file.submit(context, program.ib({kAwait, lo + 8, hi, 1})), 0);
    for (uint32_t i = 0; i < kJobs; ++i) {
        if (i == kPending - 1) {
            EXPECT_EQ(data.words()[0], 0u);
            __atomic_store_n(data.words() + 2, 1, __ATOMIC_RELEASE);
        }
        ASSERT_EQ(
            file.submit(context, program.ib({kAwait, lo, hi, i, kWrite, lo, hi, i + 1}), &sequence),
            0);
    }
    EXPECT_EQ(file.wait(context, sequence), 0);
    EXPECT_EQ(data.words()[0], kJobs);
    EXPECT_EQ(file.wait(context, 1), 0) << "an old number is done";
    EXPECT_EQ(file.wait(context, sequence + 1), -EINVAL) << "a future one is none";
}

TEST_F(Cs, AWaitingContextDoesNotHoldUpAnother) {
    const uint32_t blocked = file.syncobj();
    drm_syncobj_handle never{};
    never.handle = blocked;
    const auto pending = drm::Fence::create();
    const viaduct::UniqueFd sync_file = pending->export_sync_file();
    never.fd = sync_file.get();
    never.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
    ASSERT_EQ(file.ioctl(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &never), 0);
    Chunks waiting = program.ib({kCount, lo, hi});
    waiting.with(AMDGPU_CHUNK_ID_SYNCOBJ_IN, drm_amdgpu_cs_chunk_sem{blocked});
    ASSERT_EQ(file.submit(context, waiting), 0);
    const uint32_t other = file.context();
    ASSERT_EQ(file.submit(other, program.ib({kCount, lo, hi})), 0);
    EXPECT_EQ(file.wait(other, 1), 0);
    EXPECT_EQ(file.wait(context, 1, 2), 1);
    pending->signal();
    EXPECT_EQ(file.wait(context, 1), 0);
    EXPECT_EQ(data.words()[0], 2u);
}

TEST_F(Cs, AJobKeepsItsBuffersAndItsViewOfMemory) {
    const uint32_t syncobj = file.syncobj();
    Chunks job = program.ib({kAwait, lo + 8, hi, 1, kWrite, lo, hi, 42});
    job.with(AMDGPU_CHUNK_ID_SYNCOBJ_OUT, drm_amdgpu_cs_chunk_sem{syncobj});
    ASSERT_EQ(file.submit(context, job), 0);
    EXPECT_EQ(file.gem_close(data.handle), 0);
    EXPECT_EQ(file.va_op(AMDGPU_VA_OP_CLEAR, 0, kProgramVa, 1 << 20), 0);
    __atomic_store_n(data.words() + 2, 1, __ATOMIC_RELEASE);
    EXPECT_EQ(file.syncobj_wait(syncobj), 0);
    EXPECT_EQ(data.words()[0], 42u);
}

TEST_F(Cs, AGangRunsTogetherAndIsItsLeaders) {
    // Each waits for the other's word.
    Chunks gang = program.ib({kWrite, lo, hi, 1, kAwait, lo + 4, hi, 1, kAwait, lo + 8, hi, 1},
                             AMDGPU_HW_IP_COMPUTE, 0);
    const Chunks leader = program.ib({kAwait, lo, hi, 1, kWrite, lo + 4, hi, 1});
    gang.payloads.push_back(leader.payloads[0]);
    gang.ids.push_back(leader.ids[0]);
    uint64_t sequence = 0;
    ASSERT_EQ(file.submit(context, gang, &sequence), 0);
    EXPECT_EQ(file.wait(context, sequence), 0) << "though the other goes on";
    EXPECT_EQ(file.wait(context, 1, kLong, AMDGPU_HW_IP_COMPUTE), -EINVAL) << "it has no number";
    __atomic_store_n(data.words() + 2, 1, __ATOMIC_RELEASE);
}

TEST_F(Cs, ASubmissionBlocksWhile32JobsOfItsQueueArePending) {
    for (uint32_t i = 0; i < kPending; ++i)
        ASSERT_EQ(file.submit(context, program.ib({kAwait, lo + 8, hi, 1})), 0);
    const uint32_t neighbour = file.context();
    ASSERT_EQ(file.submit(context, program.ib({kCount, lo, hi}, AMDGPU_HW_IP_COMPUTE)), 0)
        << "another queue has room";
    TestFile other;
    uint32_t listed = 0, unlisted = 0;
    ASSERT_EQ(file.create(4096, &listed), 0);
    ASSERT_EQ(file.create(4096, &unlisted), 0);
    drm_prime_handle shared{listed, DRM_CLOEXEC | DRM_RDWR, -1};
    ASSERT_EQ(file.ioctl(DRM_IOCTL_PRIME_HANDLE_TO_FD, &shared), 0);
    const viaduct::UniqueFd shared_fd(shared.fd);
    std::atomic<bool> returned = false;
    std::thread blocked([&] {
        const drm_amdgpu_bo_list_entry entry{listed, 0};
        Chunks job = program.ib({kCount, lo, hi});
        job.with(AMDGPU_CHUNK_ID_BO_HANDLES,
                 drm_amdgpu_bo_list_in{~0u, ~0u, 1, sizeof(entry), address_of(&entry)});
        EXPECT_EQ(file.submit(context, job), 0);
        returned = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_FALSE(returned);
    // It holds the page directory and the buffers it lists: nothing of the file can be mapped,
    // submitted or closed meanwhile, and nobody gets a handle of a listed buffer.
    std::atomic<int> held_up = 0;
    const auto start = [&held_up](auto action) {
        ++held_up;
        return std::thread([&held_up, action] {
            action();
            --held_up;
        });
    };
    uint32_t always_valid = 0, plain = 0, others = 0;
    std::thread threads[] = {
        start([&] { file.buffer(0x50000000); }),
        start([&] {
            EXPECT_EQ(file.submit(neighbour, Chunks().ib(kProgramVa, 0, AMDGPU_HW_IP_DMA)), 0);
        }),
        start([&] {
            EXPECT_EQ(file.create(4096, &always_valid, AMDGPU_GEM_DOMAIN_GTT,
                                  AMDGPU_GEM_CREATE_VM_ALWAYS_VALID),
                      0);
        }),
        start([&] { EXPECT_EQ(file.gem_close(unlisted), 0); }),
        start([&] {
            drm_prime_handle import{0, 0, shared_fd.get()};
            EXPECT_EQ(other.ioctl(DRM_IOCTL_PRIME_FD_TO_HANDLE, &import), 0);
        }),
    };
    EXPECT_EQ(file.create(4096, &plain), 0) << "a buffer with a reservation of its own";
    EXPECT_EQ(other.create(4096, &others, AMDGPU_GEM_DOMAIN_GTT, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID),
              0)
        << "another file";
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(held_up, 5);
    __atomic_store_n(data.words() + 2, 1, __ATOMIC_RELEASE);
    blocked.join();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(file.wait(context, kPending + 1), 0);
    EXPECT_EQ(file.wait(neighbour, 1, kLong, AMDGPU_HW_IP_DMA), 0);
}

TEST_F(Cs, WaitFencesWaitsForAnyOrAll) {
    ASSERT_EQ(file.submit(context, program.ib({kAwait, lo + 8, hi, 1})), 0);
    ASSERT_EQ(file.submit(context, program.ib({kCount, lo, hi}, AMDGPU_HW_IP_DMA, 0)), 0);
    const drm_amdgpu_fence fences[] = {{context, AMDGPU_HW_IP_GFX, 0, 0, 1},
                                       {context, AMDGPU_HW_IP_DMA, 0, 0, 1}};
    const auto wait = [&](uint32_t all, uint64_t ms, drm_amdgpu_wait_fences_out* out) {
        drm_amdgpu_wait_fences args{};
        args.in.fences = address_of(fences);
        args.in.fence_count = 2;
        args.in.wait_all = all;
        args.in.timeout_ns = in_ms(ms);
        const int result = file.ioctl(DRM_IOCTL_AMDGPU_WAIT_FENCES, &args);
        *out = args.out;
        return result;
    };
    drm_amdgpu_wait_fences_out out{};
    EXPECT_EQ(wait(0, kLong, &out), 0);
    EXPECT_EQ(out.status, 1u);
    EXPECT_EQ(out.first_signaled, 1u);
    EXPECT_EQ(wait(1, 2, &out), 0);
    EXPECT_EQ(out.status, 0u);
    __atomic_store_n(data.words() + 2, 1, __ATOMIC_RELEASE);
    EXPECT_EQ(wait(1, kLong, &out), 0);
    EXPECT_EQ(out.status, 1u);
}

TEST_F(Cs, AFenceBecomesASyncobjOrASyncFile) {
    ASSERT_EQ(file.submit(context, program.ib({kAwait, lo + 8, hi, 1})), 0);
    const auto convert = [&](uint32_t what) {
        drm_amdgpu_fence_to_handle args{};
        args.in.fence = {context, AMDGPU_HW_IP_GFX, 0, 0, 1};
        args.in.what = what;
        EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_FENCE_TO_HANDLE, &args), 0);
        return args.out.handle;
    };
    const uint32_t syncobj = convert(AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ);
    const viaduct::UniqueFd sync_file(
        static_cast<int>(convert(AMDGPU_FENCE_TO_HANDLE_GET_SYNC_FILE_FD)));
    const viaduct::UniqueFd syncobj_fd(
        static_cast<int>(convert(AMDGPU_FENCE_TO_HANDLE_GET_SYNCOBJ_FD)));
    EXPECT_EQ(file.syncobj_wait(syncobj, 2), -ETIME);
    __atomic_store_n(data.words() + 2, 1, __ATOMIC_RELEASE);
    EXPECT_EQ(file.syncobj_wait(syncobj), 0);
    // A callback signals the simulated sync file, perhaps after the wait has returned.
    pollfd entry{.fd = sync_file.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&entry, 1, kLong), 1);
}

TEST_F(Cs, WaitIdleSeesWhatUsesABuffer) {
    const auto wait_idle = [&](uint32_t handle, uint64_t ms) {
        drm_amdgpu_gem_wait_idle args{};
        args.in.handle = handle;
        args.in.timeout = in_ms(ms);
        EXPECT_EQ(file.ioctl(DRM_IOCTL_AMDGPU_GEM_WAIT_IDLE, &args), 0);
        return args.out.status;
    };
    TestBuffer local =
        file.buffer(0x30000000, 4096, AMDGPU_GEM_DOMAIN_VRAM, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    TestBuffer unused = file.buffer(0x31000000);
    Chunks job = program.ib({kAwait, lo + 8, hi, 1});
    const drm_amdgpu_bo_list_entry entry{data.handle, 0};
    job.with(AMDGPU_CHUNK_ID_BO_HANDLES,
             drm_amdgpu_bo_list_in{~0u, ~0u, 1, sizeof(entry), address_of(&entry)});
    ASSERT_EQ(file.submit(context, job), 0);
    EXPECT_EQ(wait_idle(data.handle, 2), 1u);
    EXPECT_EQ(wait_idle(local.handle, 2), 1u);
    EXPECT_EQ(wait_idle(unused.handle, kLong), 0u);
    __atomic_store_n(data.words() + 2, 1, __ATOMIC_RELEASE);
    EXPECT_EQ(wait_idle(data.handle, kLong), 0u);
    EXPECT_EQ(wait_idle(local.handle, kLong), 0u);
}

TEST_F(Cs, ManyThreadsMayUseOneFile) {
    constexpr uint64_t kThreads = 4, kRounds = 30;
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            const uint64_t base = 0x100000000 * (t + 1);
            const uint32_t own_context = file.context();
            const uint32_t ip = t % 2 ? AMDGPU_HW_IP_GFX : AMDGPU_HW_IP_COMPUTE;
            for (uint64_t round = 0; round < kRounds; ++round) {
                const TestBuffer own = file.buffer(base);
                Program code(file, base + 0x100000);
                uint64_t sequence = 0;
                ASSERT_EQ(file.submit(own_context,
                                      code.ib({kWrite, Program::lo(base), Program::hi(base),
                                               static_cast<uint32_t>(round)},
                                              ip),
                                      &sequence),
                          0);
                ASSERT_EQ(file.wait(own_context, sequence, kLong, ip), 0);
                ASSERT_EQ(own.words()[0], round);
                ASSERT_EQ(file.gem_close(own.handle), 0);
                ASSERT_EQ(file.va_op(AMDGPU_VA_OP_CLEAR, 0, base, 0x1000000), 0);
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace simgpu::test
