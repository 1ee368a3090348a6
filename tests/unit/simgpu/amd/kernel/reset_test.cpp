// Hangs and recoveries: who is hurt, and what everybody is told (Linux: amdgpu_job_timedout()).
#include <linux/sync_file.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>

#include "simgpu/amd/kernel/context.h"
#include "simgpu/amd/kernel/recovery.h"
#include "simgpu/sync/fence.h"
#include "tests/unit/simgpu/amd/kernel/injected.h"

namespace simgpu::test {
namespace {

constexpr uint64_t kReset = AMDGPU_CTX_QUERY2_FLAGS_RESET;
constexpr uint64_t kGuilty = AMDGPU_CTX_QUERY2_FLAGS_GUILTY;
constexpr uint64_t kVramLost = AMDGPU_CTX_QUERY2_FLAGS_VRAMLOST;

class Reset : public Injected {
  protected:
    /// The status that SYNC_IOC_FILE_INFO reports for the last job of a queue, once it is done.
    static int last_status(Client& client, uint32_t context, uint32_t ip = AMDGPU_HW_IP_GFX) {
        drm_amdgpu_fence_to_handle args{};
        args.in.fence = {context, ip, 0, 0, UINT64_MAX};
        args.in.what = AMDGPU_FENCE_TO_HANDLE_GET_SYNC_FILE_FD;
        EXPECT_EQ(client.file.ioctl(DRM_IOCTL_AMDGPU_FENCE_TO_HANDLE, &args), 0);
        const viaduct::UniqueFd file(static_cast<int>(args.out.handle));
        pollfd entry{.fd = file.get(), .events = POLLIN, .revents = 0};
        EXPECT_EQ(::poll(&entry, 1, static_cast<int>(kLong)), 1);
        sync_file_info info{};
        EXPECT_EQ(drm::sync_file_ioctl(file.get(), SYNC_IOC_FILE_INFO, &info), 0);
        return info.status;
    }
    static uint32_t queried_state(Client& client) {
        drm_amdgpu_ctx args{};
        args.in = {AMDGPU_CTX_OP_QUERY_STATE, 0, client.context, 0};
        EXPECT_EQ(client.file.ioctl(DRM_IOCTL_AMDGPU_CTX, &args), 0);
        EXPECT_EQ(args.out.state.hangs, 0u);
        return args.out.state.reset_status;
    }
    static uint64_t flags(Client& client) { return client.file.context_flags(client.context); }
    /// Something that runs on a compute ring until release() or its end.
    static void occupy(Client& client) {
        ASSERT_EQ(client.file.submit(client.context,
                                     client.program.ib({kWrite, client.lo + 4, client.hi, 1, kAwait,
                                                        client.lo + 8, client.hi, 1},
                                                       AMDGPU_HW_IP_COMPUTE)),
                  0);
        while (__atomic_load_n(client.data.words() + 1, __ATOMIC_ACQUIRE) == 0)
            std::this_thread::yield();
    }
    static void release(Client& client) {
        __atomic_store_n(client.data.words() + 2, 1, __ATOMIC_RELEASE);
    }
};

TEST_F(Reset, AHungJobHoldsEverybodyBehindItOnTheRing) {
    ::setenv("VIADUCT_SIMGPU_HANG_MS", "1000", 1);
    constexpr std::chrono::milliseconds kTimeout{1000};
    Client a, b;
    inject("hang:nth=1:ring=gfx");
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(a.count(), 0);
    ASSERT_EQ(b.count(AMDGPU_HW_IP_DMA), 0);
    ASSERT_EQ(b.wait_last(AMDGPU_HW_IP_DMA), 0);
    EXPECT_LT(std::chrono::steady_clock::now() - start, kTimeout) << "another ring is free";
    const uint32_t third = b.file.context();
    ASSERT_EQ(b.count(), 0);
    ASSERT_EQ(b.file.submit(third, b.program.ib({kCount, b.lo, b.hi})), 0);
    EXPECT_EQ(b.file.wait(third, 1), 0);
    EXPECT_EQ(b.wait_last(), 0);
    EXPECT_EQ(a.wait_last(), -ENODATA) << "as if a shader hung";
    EXPECT_GE(std::chrono::steady_clock::now() - start, kTimeout);
}

TEST_F(Reset, ASoftRecoveryHurtsNobodyButIsCountedByAll) {
    Client a, b;
    inject("hang:nth=1:recovery=soft");
    ASSERT_EQ(a.count(), 0);
    ASSERT_EQ(b.count(), 0);
    EXPECT_EQ(last_status(a, a.context), -ENODATA);
    EXPECT_EQ(last_status(b, b.context), 1) << "though it was on the ring behind it";
    for (Client* client : {&a, &b}) {
        EXPECT_EQ(flags(*client), kReset);
        EXPECT_EQ(queried_state(*client), uint32_t{AMDGPU_CTX_UNKNOWN_RESET});
        EXPECT_EQ(queried_state(*client), uint32_t{AMDGPU_CTX_NO_RESET}) << "reported once";
    }
    EXPECT_EQ(b.count(), 0);
    EXPECT_EQ(b.wait_last(), 0);
    EXPECT_EQ(a.count(), -ENODATA) << "the queue has the error of its last job";
    EXPECT_EQ(a.wait_last(), -ENODATA);
    EXPECT_EQ(a.count(AMDGPU_HW_IP_DMA), 0) << "its other queues have none";
    EXPECT_EQ(a.file.context_flags(a.file.context()), 0u) << "of a context made since";
}

TEST_F(Reset, ARingResetCancelsWhatWasHandedOverAndNothingElse) {
    Client a, b, c, compute;
    occupy(compute);
    inject("hang:nth=1:recovery=ring:ring=gfx");
    ASSERT_EQ(a.count(), 0);
    ASSERT_EQ(b.count(), 0);
    ASSERT_EQ(c.count(), 0);
    EXPECT_EQ(a.wait_last(), -ECANCELED);
    EXPECT_EQ(b.wait_last(), -ECANCELED) << "it was on the ring behind the bad one";
    EXPECT_EQ(c.wait_last(), 0) << "it still was in its queue";
    release(compute);
    EXPECT_EQ(compute.wait_last(AMDGPU_HW_IP_COMPUTE), 0) << "another ring";
    EXPECT_EQ(b.count(), -ECANCELED) << "the queue of an innocent context is lost all the same";
    EXPECT_EQ(b.count(AMDGPU_HW_IP_DMA), 0);
    for (Client* client : {&a, &b, &c}) EXPECT_EQ(flags(*client), kReset) << "nobody is guilty";
}

TEST_F(Reset, AFullResetCancelsEveryRingAndNamesTheGuilty) {
    Client a, victim, bystander;
    occupy(victim);
    inject("hang:nth=1:recovery=full:ring=gfx");
    ASSERT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), -ECANCELED);
    EXPECT_EQ(victim.wait_last(AMDGPU_HW_IP_COMPUTE), -ECANCELED);
    EXPECT_EQ(flags(a), kReset | kGuilty);
    EXPECT_EQ(flags(victim), kReset);
    EXPECT_EQ(flags(bystander), kReset);
    for (const uint32_t ip : {AMDGPU_HW_IP_GFX, AMDGPU_HW_IP_COMPUTE, AMDGPU_HW_IP_DMA})
        EXPECT_EQ(a.count(ip), -ECANCELED) << "a guilty context is lost, all queues of it";
    EXPECT_EQ(victim.count(AMDGPU_HW_IP_COMPUTE), -ECANCELED);
    EXPECT_EQ(victim.count(), 0);
    EXPECT_EQ(victim.wait_last(), 0);
    EXPECT_EQ(bystander.count(), 0);
    EXPECT_EQ(bystander.wait_last(), 0);
    const uint32_t fresh = a.file.context();
    EXPECT_EQ(a.file.submit(fresh, a.program.ib({kCount, a.lo, a.hi})), 0) << "a new context works";
    EXPECT_EQ(a.file.wait(fresh, 1), 0);
}

TEST_F(Reset, IsInProgressForAWhileInWhichNothingIsHandedOver) {
    ::setenv("VIADUCT_SIMGPU_HANG_MS", "10000", 1);  // a reset takes a tenth of it
    Client a, b;
    inject("reset:nth=1");
    ASSERT_EQ(a.count(), 0);
    while (flags(b) == 0) std::this_thread::yield();
    EXPECT_EQ(flags(b), kReset | amdgpu::kQueryResetInProgress);
    uint32_t value = 0;
    EXPECT_EQ(b.file.info(AMDGPU_INFO_READ_MMR_REG, &value, 0x263e, 1), -ENOENT);
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(b.count(AMDGPU_HW_IP_DMA), 0);
    EXPECT_EQ(b.wait_last(AMDGPU_HW_IP_DMA), 0);
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(100));
    EXPECT_EQ(flags(b), kReset);
}

TEST_F(Reset, WithVramLostNoOlderContextSubmitsAnyMore) {
    Client a, b;
    const TestBuffer vram = b.file.buffer(0x40000000, 4096, AMDGPU_GEM_DOMAIN_VRAM);
    uint32_t before = 0;
    EXPECT_EQ(b.file.info(AMDGPU_INFO_VRAM_LOST_COUNTER, &before), 0);
    vram.words()[0] = 7;
    b.data.words()[0] = 7;
    // One of b's jobs is in its queue when it happens.
    const auto gate = drm::Fence::create();
    const viaduct::UniqueFd sync_file = gate->export_sync_file();
    drm_syncobj_handle import{};
    import.handle = b.file.syncobj();
    import.fd = sync_file.get();
    import.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
    ASSERT_EQ(b.file.ioctl(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import), 0);
    Chunks queued = b.program.ib({kCount, b.lo, b.hi}, AMDGPU_HW_IP_DMA);
    queued.with(AMDGPU_CHUNK_ID_SYNCOBJ_IN, drm_amdgpu_cs_chunk_sem{import.handle});
    ASSERT_EQ(b.file.submit(b.context, queued), 0);

    inject("hang:nth=1:recovery=vram:ring=gfx");
    ASSERT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), -ECANCELED);
    gate->signal();
    EXPECT_EQ(b.wait_last(AMDGPU_HW_IP_DMA), -ECANCELED);
    EXPECT_NE(vram.words()[0], 7u) << "its contents are lost";
    EXPECT_EQ(b.data.words()[0], 7u) << "system memory is not";
    EXPECT_EQ(flags(a), kReset | kGuilty | kVramLost);
    EXPECT_EQ(flags(b), kReset | kVramLost);
    uint32_t losses = 0;
    EXPECT_EQ(b.file.info(AMDGPU_INFO_VRAM_LOST_COUNTER, &losses), 0);
    EXPECT_EQ(losses, 1u + before);
    EXPECT_EQ(b.count(), -ECANCELED);
    const uint32_t fresh = b.file.context();
    EXPECT_EQ(b.file.context_flags(fresh), 0u);
    EXPECT_EQ(b.file.submit(fresh, b.program.ib({kCount, b.lo, b.hi})), 0);
    EXPECT_EQ(b.file.wait(fresh, 1), 0);
}

TEST_F(Reset, ShadersAreKilledAndRingsAreResetOnGfxAndCompute) {
    Client a;
    const uint32_t other = a.file.context();
    ASSERT_EQ(a.file.submit(a.context, a.program.ib({kSpinShader})), 0);
    EXPECT_EQ(a.wait_last(), -ENODATA);
    ASSERT_EQ(a.file.submit(other, a.program.ib({kSpin})), 0);
    EXPECT_EQ(a.file.wait(other, 1), -ECANCELED);
    EXPECT_EQ(a.file.context_flags(other), kReset);
}

TEST_F(Reset, ABlockWithoutAResetOfItsOwnTakesTheDeviceAlong) {
    Client apu, card("vega10");
    for (Client* client : {&apu, &card}) {
        ASSERT_EQ(
            client->file.submit(client->context, client->program.ib({kSpin}, AMDGPU_HW_IP_DMA)), 0);
        EXPECT_EQ(client->wait_last(AMDGPU_HW_IP_DMA), -ECANCELED);
    }
    EXPECT_EQ(flags(apu), kReset | kGuilty) << "an APU keeps its memory";
    EXPECT_EQ(flags(card), kReset | kGuilty | kVramLost);
}

TEST_F(Reset, ComputeJobsHaveSixTimesAsLong) {
    Client a;
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(a.file.submit(a.context, a.program.ib({kSpin}, AMDGPU_HW_IP_COMPUTE)), 0);
    EXPECT_EQ(a.wait_last(AMDGPU_HW_IP_COMPUTE), -ECANCELED);
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(300));
    EXPECT_EQ(longest_job_timeout_ns(), 300'000'000u);
    EXPECT_EQ(amdgpu::lockup_timeout(), "50,300,50,50");
}

TEST_F(Reset, TimeoutsAreLinuxsByDefault) {
    ::unsetenv("VIADUCT_SIMGPU_HANG_MS");
    EXPECT_EQ(amdgpu::lockup_timeout(), "10000,60000,10000,10000");
    EXPECT_EQ(longest_job_timeout_ns(), 60'000'000'000u);
}

TEST_F(Reset, AFailedQueueFailsWhatWaitsInItButNoOther) {
    Client a;
    inject("hang:nth=1:recovery=ring");
    const uint32_t syncobj = a.file.syncobj();
    ASSERT_EQ(a.count(), 0);
    for (int i = 0; i < 4; ++i) ASSERT_EQ(a.count(), 0);
    Chunks later = a.program.ib({kCount, a.lo, a.hi}, AMDGPU_HW_IP_COMPUTE);
    later.with(AMDGPU_CHUNK_ID_DEPENDENCIES,
               drm_amdgpu_cs_chunk_dep{AMDGPU_HW_IP_GFX, 0, 0, a.context, 5});
    later.with(AMDGPU_CHUNK_ID_SYNCOBJ_OUT, drm_amdgpu_cs_chunk_sem{syncobj});
    ASSERT_EQ(a.file.submit(a.context, later), 0);
    EXPECT_EQ(a.file.syncobj_wait(syncobj), 0) << "a syncobj shows no error";
    EXPECT_EQ(a.wait_last(), -ECANCELED);
    EXPECT_EQ(a.wait_last(AMDGPU_HW_IP_COMPUTE), 0) << "an error is not inherited by dependencies";
    EXPECT_EQ(a.data.words()[0], 1u);
}

TEST_F(Reset, HangsFaultsAndUnknownInstructionsAreReported) {
    struct Case {
        std::vector<uint32_t> words;
        const char* report;
    };
    const uint64_t nowhere = kDataVa + 0x5000;
    const Case cases[] = {
        {{kSpin}, "hang on gfx ring 0, context 1"},
        {{kWrite, Program::lo(nowhere), Program::hi(nowhere), 1},
         "write of address 0x20005000, 0x4000 bytes behind buffer 0x20000000-0x20000fff (rw-)"},
        {{kUnknown}, "unknown instruction on gfx ring 0"},
    };
    for (const Case& c : cases) {
        Client a;
        TestBuffer program = a.file.buffer(0x30000000);
        std::ranges::copy(c.words, program.words());
        Chunks chunks;
        chunks.ib(program.va, static_cast<uint32_t>(c.words.size() * 4));
        ASSERT_EQ(a.file.submit(a.context, chunks), 0);
        EXPECT_EQ(a.wait_last(), -ECANCELED);
        EXPECT_NE(log.text().find(c.report), std::string::npos) << c.report << "\n" << log.text();
        EXPECT_NE(log.text().find("the ring is reset"), std::string::npos) << log.text();
    }
}

TEST_F(Reset, AFaultIsRememberedForItsFile) {
    Client a;
    inject("fault");
    ASSERT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), -ENODATA);
    amdgpu::GpuvmFault fault{};
    EXPECT_EQ(a.file.info(amdgpu::kInfoGpuvmFault, &fault), 0);
    EXPECT_EQ(fault.addr, kProgramVa);
}

TEST_F(Reset, AnInnocentResetMakesNobodyGuilty) {
    Client a;
    inject("reset:blame=innocent:nth=1");
    ASSERT_EQ(a.count(), 0);
    EXPECT_EQ(a.wait_last(), -ECANCELED);
    EXPECT_EQ(flags(a), kReset);
    EXPECT_EQ(a.count(AMDGPU_HW_IP_DMA), 0);
}

}  // namespace
}  // namespace simgpu::test
