// Order, late binds, bans: what jobs and binds do.
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>

#include "simgpu/inject.h"
#include "tests/unit/simgpu/intel/kernel/xe/xe_file.h"

namespace simgpu::test {
namespace {

class Xe : public ::testing::Test {
  protected:
    Xe() { ::setenv("VIADUCT_SIMGPU_HANG_MS", "200", 1); }
    ~Xe() override {
        ::unsetenv("VIADUCT_SIMGPU_HANG_MS");
        ::unsetenv("VIADUCT_SIMGPU_KERNEL");
        set_injection({});
    }
    void inject(const char* text) { set_injection(parse_injection(text).value()); }
};

TEST_F(Xe, ABatchRunsAtACanonicalAddress) {
    XeClient client;
    EXPECT_EQ(client.run(XeClient::kData, 0x1234), 1);
    EXPECT_EQ(client.data(), 0x1234u);
    constexpr uint64_t kHigh = 0xeffeffff0000;
    client.file.bind_now(client.vm, XeFile::map(client.buffer, kHigh, 0x10000));
    const uint64_t batch = client.store(XeClient::kData + 4, 7) - XeClient::kVa + kHigh;
    const uint32_t done = client.file.syncobj();
    ASSERT_EQ(client.file.exec(client.queue, batch | 0xffff000000000000, {xe_signal(done)}), 0);
    EXPECT_EQ(client.file.fence_status(done), 1);
    EXPECT_EQ(client.data(1), 7u);
}

TEST_F(Xe, ASubmissionThatWaitsForItsBindSeesIt) {
    XeClient client;
    constexpr uint64_t kTarget = 0x40000000;
    const uint32_t target = client.file.gem();
    const uint32_t bound = client.file.syncobj(), done = client.file.syncobj();
    const uint64_t batch = client.store(kTarget, 5);
    ASSERT_EQ(client.file.bind(client.vm, {XeFile::map(target, kTarget)}, {xe_signal(bound, 1)}),
              0);
    ASSERT_EQ(client.file.exec(client.queue, batch, {xe_signal(done), xe_wait(bound, 1)}), 0);
    EXPECT_EQ(client.file.fence_status(done), 1);
    EXPECT_EQ(*reinterpret_cast<uint32_t*>(client.file.cpu_map(target).data()), 5u);
}

TEST_F(Xe, ABindWaitsForItsInSyncs) {
    XeClient client;
    const uint32_t gate = client.file.syncobj(), bound = client.file.syncobj();
    inject("slow:ms=20:nth=1");
    ASSERT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 1), {xe_signal(gate)}),
              0);
    ASSERT_EQ(client.file.bind(client.vm, {XeFile::unmap(XeClient::kVa, 0x10000)},
                               {xe_wait(gate), xe_signal(bound)}),
              0);
    EXPECT_EQ(client.file.fence_status(bound), 1);
    EXPECT_TRUE(client.file.signalled(gate));
    EXPECT_EQ(client.data(), 1u) << "the job still saw its memory";
}

TEST_F(Xe, UnmappingAllOfABufferLeavesOthers) {
    XeClient client;
    const uint32_t target = client.file.gem();
    client.file.bind_now(client.vm, XeFile::map(target, 0x400000));
    client.file.bind_now(client.vm, XeFile::map(target, 0x500000));
    u::BindOp all{};
    all.op = u::kBindUnmapAll;
    all.obj = target;
    client.file.bind_now(client.vm, all);
    EXPECT_EQ(client.run(XeClient::kData, 3), 1);
    EXPECT_EQ(client.run(0x500000, 3), -EIO) << "a fault";
    EXPECT_EQ(client.file.banned(client.queue), 1);
}

TEST_F(Xe, MappingsOutliveTheHandle) {
    XeClient client;
    const uint32_t target = client.file.gem();
    viaduct::Mapping memory = client.file.cpu_map(target);
    client.file.bind_now(client.vm, XeFile::map(target, 0x400000));
    ASSERT_EQ(client.file.close_handle(target), 0);
    EXPECT_EQ(client.run(0x400000, 9), 1);
    EXPECT_EQ(*reinterpret_cast<uint32_t*>(memory.data()), 9u);
}

TEST_F(Xe, AScratchPageTakesWhatMissesAllMappings) {
    XeClient client(u::kVmScratchPage);
    EXPECT_EQ(client.run(0x70000000, 3), 1);
    XeClient strict;
    EXPECT_EQ(strict.run(0x70000000, 3), -EIO);
}

TEST_F(Xe, AHangBansItsQueueAndNoOther) {
    XeClient client;
    const uint32_t other = client.file.queue(client.vm);
    const uint32_t hung = client.file.syncobj(), behind = client.file.syncobj();
    inject("hang:nth=1");
    ASSERT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 1), {xe_signal(hung)}),
              0);
    ASSERT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 2), {xe_signal(behind)}),
              0);
    EXPECT_EQ(client.file.fence_status(hung), -ETIME);
    EXPECT_EQ(client.file.banned(client.queue), 1) << "before the fence signals";
    EXPECT_EQ(client.file.fence_status(behind), -ECANCELED);
    EXPECT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 3)), -ECANCELED);
    EXPECT_EQ(client.data(), 0u);
    client.queue = other;
    EXPECT_EQ(client.file.banned(other), 0);
    EXPECT_EQ(client.run(XeClient::kData, 4), 1);
}

TEST_F(Xe, AResetBansWhatRanBesideIt) {
    ::setenv("VIADUCT_SIMGPU_HANG_MS", "120000", 1);
    XeClient client;
    const uint32_t copy = client.file.queue(client.vm, u::kClassCopy);
    const uint32_t idle = client.file.queue(client.vm);
    const uint32_t done = client.file.syncobj(), reset = client.file.syncobj();
    inject("hang:ring=bcs,reset:ring=rcs");
    ASSERT_EQ(client.file.exec(copy, client.store(XeClient::kData, 1), {xe_signal(done)}), 0);
    ASSERT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 2), {xe_signal(reset)}),
              0);
    EXPECT_EQ(client.file.fence_status(reset), -ECANCELED);
    EXPECT_EQ(client.file.fence_status(done), -ECANCELED);
    EXPECT_EQ(client.file.banned(client.queue), 1);
    EXPECT_EQ(client.file.banned(copy), 1);
    EXPECT_EQ(client.file.banned(idle), 0);
}

TEST_F(Xe, DestroyingAQueueEndsItsJobs) {
    ::setenv("VIADUCT_SIMGPU_HANG_MS", "120000", 1);
    XeClient client, patient;
    const uint32_t done = client.file.syncobj();
    inject("hang:nth=1");
    const uint32_t ended = patient.file.syncobj();
    ASSERT_EQ(
        patient.file.exec(patient.queue, patient.store(XeClient::kData, 1), {xe_signal(ended)}), 0);
    ASSERT_EQ(patient.file.destroy_queue(patient.queue), 0);
    EXPECT_EQ(patient.file.fence_status(ended), -ECANCELED) << "long before its time-out";
    set_injection({});
    EXPECT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 2), {xe_signal(done)}),
              0);
    EXPECT_EQ(client.file.fence_status(done), 1);
}

TEST_F(Xe, ADestroyedVmRunsNothingAnyMore) {
    XeClient client;
    u::VmDestroy args{};
    args.vm_id = client.vm;
    ASSERT_EQ(client.file.ioctl(u::kVmDestroy, &args), 0);
    EXPECT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 2)), -ECANCELED);
    EXPECT_EQ(client.file.banned(client.queue), 0) << "that is not a ban";
}

TEST_F(Xe, AnEmptyExecSignalsAfterTheQueuesWork) {
    XeClient client;
    const uint32_t work = client.file.syncobj(), all = client.file.syncobj();
    inject("slow:ms=50:nth=1");
    ASSERT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 1), {xe_signal(work)}),
              0);
    ASSERT_EQ(client.file.exec(client.queue, 0, {xe_signal(all)}, 0), 0);
    EXPECT_EQ(client.file.exec(client.queue, 0, {xe_wait(work)}, 0), -EOPNOTSUPP);
    EXPECT_EQ(client.file.fence_status(all), 1);
    EXPECT_TRUE(client.file.signalled(work));
    ::setenv("VIADUCT_SIMGPU_KERNEL", "6.16", 1);
    EXPECT_EQ(client.file.exec(client.queue, 0, {xe_wait(work), xe_signal(all)}, 0), 0);
    EXPECT_EQ(client.file.fence_status(all), 1);
}

TEST_F(Xe, AQueueTakesAThousandJobs) {
    ::setenv("VIADUCT_SIMGPU_HANG_MS", "120000", 1);
    XeClient patient;
    inject("hang:nth=1");
    const uint64_t batch = patient.store(XeClient::kData, 1);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(patient.file.exec(patient.queue, batch), 0) << i;
    EXPECT_EQ(patient.file.exec(patient.queue, batch), -EAGAIN);
    EXPECT_EQ(patient.file.destroy_queue(patient.queue), 0);
}

TEST_F(Xe, UserFencesAreWrittenByTheGpuAndByBinds) {
    XeClient client;
    u::Sync fence{};
    fence.type = u::kSyncUserFence;
    fence.flags = u::kSyncSignal;
    fence.handle_or_addr = XeClient::kData + 64;
    fence.timeline_value = 0x1122334455667788;
    const uint32_t done = client.file.syncobj();
    ASSERT_EQ(
        client.file.exec(client.queue, client.store(XeClient::kData, 1), {fence, xe_signal(done)}),
        0);
    EXPECT_EQ(client.file.fence_status(done), 1);
    EXPECT_EQ(client.data(16), 0x55667788u);
    EXPECT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 1), {fence, fence}),
              -EINVAL);

    alignas(8) uint64_t value = 0;
    fence.handle_or_addr = xe_address(&value);
    ASSERT_EQ(client.file.bind(client.vm, {XeFile::map(client.buffer, 0x800000)}, {fence}), 0);
    u::WaitUserFence wait{};
    wait.addr = xe_address(&value);
    wait.value = fence.timeline_value;
    wait.mask = UINT64_MAX;
    wait.timeout = 60'000'000'000;
    EXPECT_EQ(client.file.ioctl(u::kWaitUserFence, &wait), 0);
    EXPECT_EQ(client.file.bind(client.vm, {}, {fence}), -EOPNOTSUPP) << "without binds";
    wait.value = 1;
    wait.timeout = 0;
    EXPECT_EQ(client.file.ioctl(u::kWaitUserFence, &wait), -ETIME);
}

TEST_F(Xe, MemoryOfTheProcessCanBeMapped) {
    XeClient client;
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(page, MAP_FAILED);
    u::BindOp op{};
    op.op = u::kBindMapUserptr;
    op.obj_offset = xe_address(page);
    op.addr = 0x900000;
    op.range = 4096;
    client.file.bind_now(client.vm, op);
    EXPECT_EQ(client.run(0x900000, 11), 1);
    EXPECT_EQ(*static_cast<uint32_t*>(page), 11u);
    op.pat_index = 1;
    EXPECT_EQ(client.file.bind(client.vm, {op}), -EINVAL) << "it has to be coherent";
    ::munmap(page, 4096);
    op.pat_index = 0;
    EXPECT_EQ(client.file.bind(client.vm, {op}), -EFAULT);
}

TEST_F(Xe, FdinfoCountsCycles) {
    XeClient client;
    inject("slow:ms=20:nth=1");
    EXPECT_EQ(client.run(XeClient::kData, 1), 1);
    const std::string text = client.file.file().fdinfo();
    const size_t at = text.find("drm-cycles-rcs:\t");
    ASSERT_NE(at, std::string::npos) << text;
    EXPECT_GE(std::strtoull(text.c_str() + at + 16, nullptr, 10), 19'200ull * 15) << text;
    EXPECT_NE(text.find("drm-total-gtt:\t64 KiB"), std::string::npos) << text;
    const size_t video = text.find("drm-cycles-vcs:\t");
    EXPECT_NE(video, std::string::npos) << text;
    EXPECT_EQ(text.find("drm-cycles-vcs:", video + 1), std::string::npos)
        << "a line for each class";
    EXPECT_NE(text.find("drm-engine-capacity-vcs:\t2\n"), std::string::npos) << text;
}

// Each waits for the one before, and the first for a job that hangs.
TEST_F(Xe, ClosingAFileDropsAnyNumberOfBinds) {
    ::setenv("VIADUCT_SIMGPU_HANG_MS", "120000", 1);
    XeClient client;
    const uint32_t gate = client.file.syncobj();
    inject("hang:nth=1");
    ASSERT_EQ(client.file.exec(client.queue, client.store(XeClient::kData, 1), {xe_signal(gate)}),
              0);
    ASSERT_EQ(
        client.file.bind(client.vm, {XeFile::map(client.buffer, 0x4000'0000)}, {xe_wait(gate)}), 0);
    for (uint64_t i = 1; i < 200'000; ++i)
        ASSERT_EQ(client.file.bind(client.vm, {XeFile::map(client.buffer, 0x4000'0000 + i * 4096)}),
                  0);
    client.file.close();
}

TEST_F(Xe, ManyBindsAreDoneSoon) {
    XeClient client;
    const uint32_t bound = client.file.syncobj();
    constexpr uint64_t kVa = 0x4000'0000, kBinds = 20'000;
    for (uint64_t i = 0; i < kBinds; ++i)
        ASSERT_EQ(client.file.bind(client.vm, {XeFile::map(client.buffer, kVa + i * 0x1000)},
                                   {xe_signal(bound)}),
                  0);
    EXPECT_EQ(client.file.fence_status(bound), 1);
    EXPECT_EQ(client.run(kVa + (kBinds - 1) * 0x1000, 9), 1);
}

TEST_F(Xe, MappingsOfAVmAreBounded) {
    XeClient client;
    u::BindOp null{};
    null.op = u::kBindMap;
    null.flags = u::kBindNull;
    null.addr = 0x4000'0000;
    null.range = 4096;
    const std::vector<u::BindOp> many(1 << 20, null);
    EXPECT_EQ(client.file.bind(client.vm, many), -ENOMEM) << "beside what is mapped";
    EXPECT_EQ(client.file.bind(client.vm, {null}), 0);
}

}  // namespace
}  // namespace simgpu::test
