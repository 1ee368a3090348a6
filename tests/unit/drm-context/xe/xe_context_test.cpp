// A hostile guest's attempts on an xe context, and the answers.
#include <cerrno>
#include <cstdlib>
#include <thread>

#include "simgpu/inject.h"
#include "tests/unit/drm-context/xe/fixture.h"

namespace viaduct::xe {
namespace {

TEST_F(XeContextTest, SeveralBatchesAreNeverAPointer) {  // X1
    const uint32_t queue = create_queue(vm()).value;
    for (const uint16_t batches : std::initializer_list<uint16_t>{2, 3, 65535})
        EXPECT_EQ(exec(queue, 0x7fff00000000, batches), EINVAL) << batches;
    EXPECT_EQ(kernel_.count(u::kExec), 0u);
}

TEST_F(XeContextTest, WideQueuesCannotBeMade) {  // X2
    EXPECT_EQ(create_queue(vm(), {}, 0, 2).ret, EINVAL);
    EXPECT_EQ(kernel_.count(u::kExecQueueCreate), 0u);
}

TEST_F(XeContextTest, AnEmptyExecCarriesNoAddressAndNoInSync) {  // X3
    const uint32_t id = vm();
    create_buffer(1);
    ASSERT_EQ(bind(id, {map(1, 0x1000)}), 0);
    const uint32_t queue = create_queue(id).value;
    EXPECT_EQ(exec(queue, 0xdead0000beef, 0), 0);
    ASSERT_EQ(kernel_.execs.size(), 1u);
    EXPECT_EQ(kernel_.execs[0].address, 0u);
    ASSERT_EQ(kernel_.syncs[0].size(), 1u);
    EXPECT_EQ(kernel_.syncs[0][0].flags, u::kSyncSignal);
    const uint32_t binds = create_queue(id, {u::kClassVmBind, 0, 0, 0}).value;
    EXPECT_EQ(exec(binds, 0, 0), EINVAL);
}

TEST_F(XeContextTest, ASubmissionWaitsForTheNewestBindOfItsVm) {
    const uint32_t id = vm(), other = vm();
    create_buffer(1);
    ASSERT_EQ(bind(id, {map(1, 0x1000)}), 0);
    const uint32_t queue = create_queue(id).value, free = create_queue(other).value;
    EXPECT_EQ(exec(queue, 0x1000), 0);
    EXPECT_EQ(exec(free, 0x1000), 0);
    EXPECT_EQ(kernel_.syncs.at(0).size(), 2u);
    EXPECT_EQ(kernel_.syncs.at(1).size(), 1u) << "nothing is bound in its VM";
    EXPECT_EQ(bind(id, {}), 0) << "everything is bound, for submissions";
}

TEST_F(XeContextTest, BindsThatDoNotTravel) {  // X4 to X6
    const uint32_t id = vm();
    create_buffer(1);
    struct Row {
        uint32_t op;
        uint32_t flags;
        int32_t error;
    };
    const Row rows[] = {
        {u::kBindMapUserptr, 0, ENOMEM},
        {u::kBindMap, u::kBindCpuMirror, EINVAL},
        {u::kBindMap, u::kBindCheckPxp, EINVAL},
        {u::kBindMap, u::kBindMadviseAutoreset, EINVAL},
        {u::kBindMap, 1u << 31, EINVAL},
        {u::kBindMap, u::kBindNull, EINVAL},  // with a resource
        {u::kBindPrefetch, 0, EINVAL},
        {u::kBindUnmapAll, 0, EINVAL},  // with a range
        {5, 0, EINVAL},
        {UINT32_MAX, 0, EINVAL},
    };
    for (const Row& row : rows) {
        w::BindOp op = map(1, 0x1000);
        op.op = row.op;
        op.flags = row.flags;
        EXPECT_EQ(bind(id, {op}), row.error) << row.op << " " << row.flags;
    }
    EXPECT_EQ(kernel_.count(u::kVmBind), 0u);
    for (const uint32_t flags : {u::kVmFaultMode, u::kVmLongRunning, 8u}) EXPECT_EQ(vm(flags), 0u);
    EXPECT_NE(vm(u::kVmScratchPage), 0u);
}

TEST_F(XeContextTest, ForeignIdsOfVms) {  // X7
    const uint32_t id = vm();
    w::VmDestroyRequest destroy{};
    destroy.vm_id = id;
    ASSERT_TRUE(run(w::Command::kVmDestroy, destroy));
    for (const uint32_t bad : {id, 0u, 77u, UINT32_MAX}) {
        EXPECT_EQ(bind(bad, {}), EINVAL);
        EXPECT_EQ(create_queue(bad).ret, ENOENT);
        destroy.vm_id = bad;
        EXPECT_FALSE(run(w::Command::kVmDestroy, destroy));
    }
    EXPECT_EQ(kernel_.count(u::kVmDestroy), 1u);
}

TEST_F(XeContextTest, TheKernelJudgesRanges) {  // X8, X9
    const uint32_t id = vm();
    create_buffer(1);
    w::BindOp rows[] = {map(1, 0x1000, 0x2000), map(1, 1ull << 48), map(1, ~0xfffull),
                        map(1, 0x1010),         map(1, 0x1000, 0),  map(1, 0x1000),
                        map(1, 0x1000)};
    rows[5].pat_index = 4;
    rows[6].obj_offset = UINT64_MAX - 0xfff;
    for (const w::BindOp& row : rows) EXPECT_EQ(bind(id, {row}), EINVAL);
    EXPECT_EQ(bind(id, {map(1, 0x1000)}), 0) << "the books are as before";
}

TEST_F(XeContextTest, UnknownResources) {  // X10
    const uint32_t id = vm();
    EXPECT_EQ(bind(id, {map(9, 0x1000)}), ENOENT);
    EXPECT_EQ(bind(id, {map(0, 0x1000)}), ENOENT);
    w::BindOp all{};
    all.op = u::kBindUnmapAll;
    EXPECT_EQ(bind(id, {all}), ENOENT);
    create_buffer(1);
    w::BindOp unmap = map(1, 0x1000);
    unmap.op = u::kBindUnmap;
    EXPECT_EQ(bind(id, {unmap}), 0) << "of nothing; the resource is not looked at";
    EXPECT_EQ(kernel_.binds.at(0).obj, 0u);
    EXPECT_FALSE(gem(7, 1ull << 62));
    EXPECT_EQ(bind(id, {map(7, 0x1000)}), ENOMEM) << "it could not be made";
    EXPECT_EQ(bind(id, {map(7, 0x1000)}), ENOENT);
}

TEST_F(XeContextTest, CountsThatDoNotMatchTheLength) {  // X11
    const uint32_t id = vm();
    const w::BindOp op{};
    for (const uint32_t count : {0u, 2u, 0x10000000u, UINT32_MAX}) {
        w::VmBindRequest request{};
        request.vm_id = id;
        request.num_binds = count;
        EXPECT_EQ(ask(w::Command::kVmBind, request, std::as_bytes(std::span(&op, 1))).ret, EINVAL);
    }
    for (const uint16_t count : {uint16_t{0}, uint16_t{2}, uint16_t{65535}}) {
        w::ExecQueueCreateRequest request{};
        request.vm_id = id;
        request.width = 1;
        request.num_placements = count;
        const w::EngineInstance engine{};
        EXPECT_EQ(
            ask(w::Command::kExecQueueCreate, request, std::as_bytes(std::span(&engine, 1))).ret,
            EINVAL);
    }
}

TEST_F(XeContextTest, EnginesThatAreNotThere) {  // X12
    const uint32_t id = vm();
    for (const w::EngineInstance& bad :
         {w::EngineInstance{6, 0, 0, 0}, w::EngineInstance{u::kClassRender, 1, 0, 0},
          w::EngineInstance{u::kClassRender, 0, 255, 0}, w::EngineInstance{UINT16_MAX, 0, 0, 0}})
        EXPECT_EQ(create_queue(id, bad).ret, EINVAL);
    EXPECT_EQ(create_queue(id, {u::kClassRender, 0, 0, 0xffff}).ret, 0) << "pads are ours";
}

TEST_F(XeContextTest, FlagsOfBindsAreFiltered) {  // X26
    const uint32_t id = vm();
    create_buffer(1);
    w::BindOp op = map(1, 0x1000);
    op.flags = u::kBindDumpable | u::kBindReadOnly;
    op.pad = 0xffff;
    ASSERT_EQ(bind(id, {op}), 0);
    EXPECT_EQ(kernel_.binds.at(0).flags, u::kBindReadOnly);
    EXPECT_EQ(kernel_.binds.at(0).pad, 0);
}

TEST_F(XeContextTest, BuffersThatCannotBe) {  // X14, X16
    EXPECT_FALSE(gem(1, 0));
    EXPECT_FALSE(gem(1, 4097));
    EXPECT_FALSE(gem(1, UINT64_MAX));
    EXPECT_FALSE(gem(0));
    w::GemCreateRequest request{};
    request.size = 4096;
    request.placement = 1;
    request.blob_id = 1;
    for (const uint16_t caching : std::initializer_list<uint16_t>{0, 3, 65535}) {
        request.cpu_caching = caching;
        EXPECT_FALSE(run(w::Command::kGemCreate, request));
    }
    request.cpu_caching = u::kCachingWriteBack;
    request.vm_id = 99;
    EXPECT_TRUE(run(w::Command::kGemCreate, request)) << "VMs are not looked at";
    const auto blob = context_->create_blob({ResourceId(1), 1, 1, 4096});
    ASSERT_TRUE(blob);
    EXPECT_EQ(blob->cache, MapCache::kCached);
}

class XeQueries : public XeContextTest {
  protected:
    w::Response query(uint32_t id, uint32_t size) {
        w::DeviceQueryRequest request{};
        request.query = id;
        request.size = size;
        return ask(w::Command::kDeviceQuery, request, {}, sizeof(w::Response) + (size + 7) / 8 * 8);
    }
    template <typename T>
    T payload(size_t offset) {
        T value;
        std::memcpy(&value, area() + sizeof(w::Response) + offset, sizeof(value));
        return value;
    }
};

TEST_F(XeQueries, AnswerInTheKernelsSizes) {  // X17
    struct Row {
        uint32_t id;
        int32_t error;
        uint32_t size;
    };
    const Row rows[] = {
        {u::kQueryEngines, 0, 168},     {u::kQueryMemRegions, 0, 96},
        {u::kQueryConfig, 0, 48},       {u::kQueryGtList, 0, 104},
        {u::kQueryHwconfig, 0, 0},      {u::kQueryGtTopology, 0, 80},
        {u::kQueryEngineCycles, 0, 40}, {u::kQueryUcFwVersion, 0, 32},
        {u::kQueryOaUnits, ENODEV, 0},  {u::kQueryPxpStatus, ENODEV, 0},
        {u::kQueryEuStall, ENODEV, 0},  {11, EINVAL, 0},
        {UINT32_MAX, EINVAL, 0},
    };
    for (const Row& row : rows) {
        const auto asked = query(row.id, 0);
        EXPECT_EQ(asked.ret, row.error) << row.id;
        EXPECT_EQ(asked.value, row.size) << row.id;
        if (row.error != 0 || row.size == 0) continue;
        EXPECT_EQ(query(row.id, row.size).ret, 0) << row.id;
        const auto wrong = query(row.id, row.size + 1);
        EXPECT_EQ(wrong.ret, EINVAL) << row.id;
        EXPECT_EQ(wrong.value, 0u) << "guests copy that many bytes";
    }
    EXPECT_NE(query(u::kQueryConfig, UINT32_MAX).ret, 0);
}

TEST_F(XeQueries, TheConfigurationOffersNothingThatDoesNotTravel) {  // X22
    ASSERT_EQ(query(u::kQueryConfig, 48).ret, 0);
    EXPECT_EQ(payload<uint64_t>(8 + 8 * u::kConfigFlags), 0u) << "no hint for latency";
    EXPECT_EQ(payload<uint64_t>(8 + 8 * u::kConfigVaBits), 48u);
    EXPECT_LE(payload<uint64_t>(8 + 8 * u::kConfigMaxPriority), u::kPriorityNormal);
    EXPECT_EQ(create_queue(vm(), {}, u::kQueueLowLatency).ret, EINVAL);
}

TEST_F(XeQueries, MemoryUseIsTheVmsOwn) {
    create_buffer(1, 0x10000);
    ASSERT_EQ(query(u::kQueryMemRegions, 96).ret, 0);
    EXPECT_EQ(payload<u::MemRegion>(8).used, 0x10000u);
}

class XeLimited : public XeQueries {
  protected:
    XeLimited()
        : XeLimited([] {
              ContextLimits limits;
              limits.context_memory = 1 << 20;
              limits.queues[static_cast<size_t>(QueueClass::kCopy)] = 0;
              return limits;
          }()) {}
    explicit XeLimited(const ContextLimits& limits) : limits_(limits) {
        auto account = ContextAccount::attach({}, limits);
        loop_.reset();
        context_ = create_context(std::make_unique<RecordedDevice>(
                                      open_simulated_device("tgl-xe").value(), kernel_),
                                  *std::move(account))
                       .value();
        loop_.emplace(*context_, abandoned_);
        EXPECT_TRUE(context_->adopt_control_buffer(control_));
    }
    const ContextLimits limits_;
};

TEST_F(XeLimited, EnginesAndMemoryAreThoseOfTheBudget) {
    EXPECT_EQ(query(u::kQueryEngines, 0).value, 8u + 4 * 32u);
    EXPECT_EQ(create_queue(vm(), {u::kClassCopy, 0, 0, 0}).ret, EINVAL);
    ASSERT_EQ(query(u::kQueryMemRegions, 96).ret, 0);
    EXPECT_EQ(payload<u::MemRegion>(8).total_size, limits_.context_memory);
}

TEST_F(XeLimited, WhatIsBoundStaysCharged) {  // X15
    const uint32_t id = vm();
    create_buffer(1, 0xc0000);
    ASSERT_EQ(bind(id, {map(1, 0x100000, 0xc0000)}), 0);
    context_->detach_resource(ResourceId(1));
    EXPECT_FALSE(gem(2, 0xc0000)) << "the kernel keeps what is bound";
    w::BindOp unmap{};
    unmap.op = u::kBindUnmap;
    unmap.addr = 0x100000;
    unmap.range = 0xc0000;
    ASSERT_EQ(bind(id, {unmap}), 0);
    EXPECT_TRUE(gem(2, 0xc0000));
}

TEST_F(XeLimited, WhoHasUsedAllUpCanUnmap) {
    const uint32_t id = vm();
    create_buffer(1, 0x80000);
    ASSERT_EQ(bind(id, {map(1, 0x100000, 0x80000)}), 0);
    uint64_t left = limits_.context_memory - context_->account().memory_use().total();
    ASSERT_TRUE(gem(2, left)) << left;
    w::BindOp unmap{};
    unmap.op = u::kBindUnmap;
    unmap.addr = 0x140000;
    unmap.range = 0x10000;
    EXPECT_EQ(bind(id, {unmap}), ENOMEM) << "two pieces need more tables than one";
    unmap.addr = 0x100000;
    unmap.range = 0x80000;
    EXPECT_EQ(bind(id, {unmap}), 0);
}

class XeInFences : public XeContextTest {
  protected:
    ~XeInFences() override { simgpu::set_injection({}); }
    /// A sync file of work that takes a second, on another queue.
    UniqueFd pending() {
        const uint32_t slow = create_queue(vm(u::kVmScratchPage)).value;
        simgpu::set_injection(simgpu::parse_injection("slow:nth=1:ms=1000").value());
        EXPECT_EQ(exec(slow, 0x1000), 0);
        return context_->rings().take_newest(RingIndex(slow + w::kFirstQueueRing));
    }
};

TEST_F(XeInFences, ARefusedSubmissionConsumesThem) {
    const uint32_t queue = create_queue(vm()).value;
    const auto refused = [&](uint32_t id, uint16_t batches, uint32_t rsp_off) {
        EXPECT_TRUE(context_->in_fence().add(pending()));
        w::ExecRequest request{};
        request.hdr = {static_cast<uint32_t>(w::Command::kExec), sizeof(request), 1, rsp_off};
        request.exec_queue_id = id;
        request.num_batch_buffer = batches;
        EXPECT_FALSE(loop_->run(std::as_bytes(std::span(&request, 1))));
        return !context_->in_fence().take();
    };
    EXPECT_TRUE(refused(queue, 2, 0));
    EXPECT_TRUE(refused(99, 1, 0));
    EXPECT_TRUE(refused(queue, 1, 0x10000)) << "no room for the answer";
}

TEST_F(XeInFences, TheRingWaitsForThatOfAnEmptyExec) {
    const uint32_t queue = create_queue(vm(u::kVmScratchPage)).value;
    ASSERT_TRUE(context_->in_fence().add(pending()));
    EXPECT_EQ(exec(queue, 0, 0), 0);
    EXPECT_EQ(exec(queue, 0, 0), 0) << "the queue itself has nothing to do";
    const UniqueFd fence = context_->rings().take_newest(RingIndex(queue + w::kFirstQueueRing));
    ASSERT_TRUE(fence);
    EXPECT_EQ(context_->device().sync_file_state(fence.get())->status, 0) << "not signalled";
}

TEST_F(XeContextTest, UnknownQueues) {  // X18
    const uint32_t queue = create_queue(vm()).value;
    destroy_queue(queue);
    for (const uint32_t bad : {queue, 0u, 63u, 77u, UINT32_MAX}) EXPECT_EQ(exec(bad, 0), ENOENT);
    EXPECT_EQ(kernel_.count(u::kExec), 0u);
}

TEST_F(XeContextTest, AtMostSixtyTwoQueuesAndSixtyFourVms) {  // X20, X28
    const uint32_t id = vm();
    for (uint32_t expected = 1; expected <= 62; ++expected)
        ASSERT_EQ(create_queue(id).value, expected);
    EXPECT_EQ(create_queue(id).ret, ENOSPC);
    destroy_queue(17);
    EXPECT_EQ(create_queue(id).value, 17u);
    for (int i = 1; i < 64; ++i) ASSERT_NE(vm(), 0u);
    EXPECT_EQ(vm(), 0u);
}

class XeHangs : public XeContextTest {
  protected:
    ~XeHangs() override { simgpu::set_injection({}); }
    void inject(const char* text) { simgpu::set_injection(simgpu::parse_injection(text).value()); }
};

TEST_F(XeHangs, ABanShowsAsABitThatGoesWithItsQueue) {  // X19, X21
    const uint32_t id = vm(u::kVmScratchPage);
    const uint32_t other = create_queue(id).value, queue = create_queue(id).value;
    inject("hang:nth=1");
    ASSERT_EQ(exec(queue, 0x1000), 0);
    drain(queue);
    EXPECT_EQ(banned(), uint64_t{1} << queue);
    EXPECT_EQ(exec(queue, 0x1000), ECANCELED);
    EXPECT_EQ(exec(other, 0, 0), 0);
    destroy_queue(queue);
    EXPECT_EQ(banned(), 0u);
    EXPECT_EQ(create_queue(id).value, queue);
    EXPECT_EQ(banned(), 0u) << "a new queue starts well";
}

TEST_F(XeHangs, ManyBansEndInARefusal) {  // X23
    const uint32_t id = vm(u::kVmScratchPage);
    inject("fault:every=1");
    int made = 0;
    for (; made < 100; ++made) {
        const auto queue = create_queue(id);
        if (queue.ret != 0) break;
        ASSERT_EQ(exec(queue.value, 0x1000), 0);
        drain(queue.value);
        destroy_queue(queue.value);
    }
    EXPECT_EQ(made, 16);
}

TEST_F(XeHangs, ALostDeviceIsAnsweredFor) {  // X30
    const uint32_t id = vm();
    const uint32_t queue = create_queue(id).value;
    create_buffer(1);
    kernel_.failure = ECANCELED;
    EXPECT_EQ(bind(id, {map(1, 0x1000)}), ECANCELED);
    EXPECT_EQ(exec(queue, 0x1000), ECANCELED);
    EXPECT_EQ(banned(), uint64_t{1} << queue);
    kernel_.failure = 0;
}

TEST_F(XeHangs, ADestroyedVmIsNoBan) {
    const uint32_t id = vm();
    const uint32_t queue = create_queue(id).value;
    w::VmDestroyRequest destroy{};
    destroy.vm_id = id;
    ASSERT_TRUE(run(w::Command::kVmDestroy, destroy));
    EXPECT_EQ(exec(queue, 0x1000), ECANCELED);
    EXPECT_EQ(banned(), 0u);
}

class XeInterrupted : public XeContextTest {
  protected:
    ~XeInterrupted() override { simgpu::set_injection({}); }
};

TEST_F(XeInterrupted, ASubmissionIsNotRepeatedForEver) {
    const uint32_t queue = create_queue(vm()).value;
    simgpu::set_injection(simgpu::parse_injection("interrupt:error=again").value());
    EXPECT_EQ(exec(queue, 0x1000, 0), EAGAIN);
    simgpu::set_injection({});
    EXPECT_EQ(exec(queue, 0x1000, 0), 0);
}

}  // namespace
}  // namespace viaduct::xe
