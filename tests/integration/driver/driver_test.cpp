// A driver that is a wire header, a folder and a row: from the front through the worker, its jail
// and its command loop to a kernel, and back.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "blob/mapping.h"
#include "drm-context/driver/table.h"
#include "drm-context/driver/traits.h"
#include "drm-context/jail/jail.h"
#include "drm-context/jail/rules.h"
#include "drm-context/native_context.h"
#include "tests/integration/driver/toy/wire.h"
#include "tests/integration/driver/toy_kernel.h"

namespace viaduct::test {
namespace {

namespace w = wire::toy;

bool workers_are_processes() {
    const char* isolation = std::getenv("VIADUCT_ISOLATION");
    return isolation && std::string(isolation) == "process";
}

/// The fences that the host has reported.
class Fences {
  public:
    void report(FenceId id) {
        const std::lock_guard lock(mutex_);
        retired_.insert(id);
        changed_.notify_all();
    }
    bool have(FenceId id) {
        const std::lock_guard lock(mutex_);
        return retired_.contains(id);
    }
    bool wait(FenceId id) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(30),
                                 [&] { return retired_.contains(id); });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::set<FenceId> retired_;
};

/// A VMM with one guest.
class Driver : public ::testing::Test {
  protected:
    static constexpr uint32_t kCommandRing = 63;  // without GPU work: retires in command order
    static constexpr size_t kControlBytes = 0x4000;

    void SetUp() override {
        auto host = NativeContextHost::create(
            [] {
                return DeviceSource{UniqueFd(), "toy"};
            },
            [this](ContextId, RingIndex, FenceId id) { fences_.report(id); });
        ASSERT_TRUE(host) << host.error().message;
        host_ = *std::move(host);
        auto context = host_->create_context(ContextId(1), "toy-guest");
        ASSERT_TRUE(context) << context.error().message;
        context_ = *std::move(context);
        auto control = context_->create_blob({ResourceId(1), kBlobMappable, 0, kControlBytes});
        ASSERT_TRUE(control) << control.error().message;
        control_ = Mapping::map_shared(control->fd.get(), 0, kControlBytes).value();
    }
    void TearDown() override {
        toy::release_jobs();
        context_.reset();
        host_.reset();
    }

    template <typename Request>
    void send(w::Command command, Request request, std::span<const std::byte> payload = {}) {
        const auto size = static_cast<uint32_t>(sizeof(request) + payload.size());
        request.hdr = {static_cast<uint32_t>(command), size, ++seqno_, 0};
        std::vector<std::byte> bytes(size);
        std::memcpy(bytes.data(), &request, sizeof(request));
        std::ranges::copy(payload, bytes.begin() + sizeof(request));
        EXPECT_TRUE(context_->submit(bytes));
    }
    FenceId fence_on(uint32_t ring) {
        const FenceId fence(++last_fence_);
        context_->create_fence(RingIndex(ring), fence);
        return fence;
    }
    /// All that was sent has been executed.
    void finish() { ASSERT_TRUE(fences_.wait(fence_on(kCommandRing))); }

    /// The answer to a request: `Response`, and what follows it.
    template <typename Response>
    struct Answer {
        Response head;
        std::array<std::byte, 128> rest;
    };
    template <typename Response, typename Request>
    Answer<Response> ask(w::Command command, Request request,
                         std::span<const std::byte> payload = {}) {
        constexpr uint32_t kRoom = sizeof(Response) + 128;
        std::memset(area(), 0xee, kRoom);
        std::memcpy(area(), &kRoom, sizeof(kRoom));
        send(command, request, payload);
        finish();
        EXPECT_EQ(shmem().base.seqno, seqno_);
        Answer<Response> answer;
        std::memcpy(&answer.head, area(), sizeof(answer.head));
        std::memcpy(answer.rest.data(), area() + sizeof(answer.head), answer.rest.size());
        return answer;
    }
    template <typename T>
    Answer<w::Response> simple(uint32_t ioctl, const T& argument) {
        w::SimpleRequest request{};
        request.ioctl = ioctl;
        return ask<w::Response>(w::Command::kIoctlSimple, request,
                                std::as_bytes(std::span(&argument, 1)));
    }
    w::ValueResponse get_param(uint32_t param) {
        w::GetParamRequest request{};
        request.param = param;
        return ask<w::ValueResponse>(w::Command::kGetParam, request).head;
    }
    uint32_t create_gpu_context() {
        return ask<w::ValueResponse>(w::Command::kContextCreate, w::CreateRequest{}).head.value;
    }
    uint32_t create_queue(uint32_t engine) {
        const auto answer = simple(toy::kQueueNew, toy::Pair{engine, 0});
        return static_cast<uint32_t>(reinterpret_cast<const toy::Pair*>(answer.rest.data())->out);
    }
    static w::ExecRequest job(uint32_t gpu_context, uint32_t ring, uint64_t flags = 0) {
        w::ExecRequest request{};
        request.flags = (ring - 1) | flags;
        request.context_id = gpu_context;
        return request;
    }
    int32_t exec(const w::ExecRequest& request) {
        return ask<w::Response>(w::Command::kExecbuffer, request).head.ret;
    }
    void create_object(w::Command command, uint32_t blob_id) {
        w::CreateRequest request{};
        request.size = 4096;
        request.blob_id = blob_id;
        send(command, request);
    }

    std::byte* area() {
        uint32_t offset = 0;
        std::memcpy(&offset, control_.data() + offsetof(wire::ShmemHeader, rsp_mem_offset),
                    sizeof(offset));
        return control_.data() + offset;
    }
    w::Shmem shmem() const {
        w::Shmem value;
        std::memcpy(&value, control_.data(), sizeof(value));
        return value;
    }

    Fences fences_;
    std::unique_ptr<NativeContextHost> host_;
    std::unique_ptr<NativeContext> context_;
    Mapping control_;
    uint32_t seqno_ = 0;
    uint64_t last_fence_ = 0;
};

TEST_F(Driver, OffersItsTypeAndVersion) {
    EXPECT_EQ(static_cast<uint32_t>(host_->capset().context_type), 99u);
    EXPECT_EQ(host_->capset().version_major, 1u);
    EXPECT_EQ(host_->capset().wire_format_version, 1u);
    EXPECT_EQ(host_->capset().member<w::Capset>().engines, w::kEngines);
}

TEST_F(Driver, AnswersAtTheOffsetAndWithTheSignOfEachRow) {
    const auto known = get_param(toy::kParamAnswer);
    EXPECT_EQ(known.hdr.len, sizeof(w::ValueResponse));
    EXPECT_EQ(known.ret, 0);
    EXPECT_EQ(known.value, toy::kAnswer);

    const auto unknown = get_param(77);
    EXPECT_EQ(unknown.pad, 0u) << "not where other rows have their result";
    EXPECT_EQ(unknown.ret, EINVAL) << "positive";

    EXPECT_EQ(exec(job(1234, 1)), ENOENT);

    w::MadviseRequest of_nothing{};
    of_nothing.res_id = 55;
    const auto advice = ask<w::ValueResponse>(w::Command::kMadvise, of_nothing).head;
    EXPECT_EQ(advice.pad, 0u);
    EXPECT_EQ(advice.ret, -1) << "whatever the error";
}

TEST_F(Driver, PassesTwelveIoctlsThroughOneCommand) {
    for (const uint32_t ioctl :
         {toy::kTwice0, toy::kTwice1, toy::kTwice2, toy::kTwice3, toy::kTwice4}) {
        const auto answer = simple(ioctl, toy::Pair{21, 0});
        EXPECT_EQ(answer.head.hdr.len, sizeof(w::Response) + sizeof(toy::Pair));
        EXPECT_EQ(answer.head.ret, 0) << std::hex << ioctl;
        EXPECT_EQ(reinterpret_cast<const toy::Pair*>(answer.rest.data())->out, 42u);
    }
    for (const uint32_t ioctl : {toy::kTaken0, toy::kTaken1, toy::kTaken2, toy::kTaken3}) {
        const auto answer = simple(ioctl, toy::One{5});
        EXPECT_EQ(answer.head.hdr.len, sizeof(w::Response)) << "nothing comes back";
        EXPECT_EQ(answer.head.ret, 0) << std::hex << ioctl;
    }
    EXPECT_EQ(get_param(toy::kParamTaken).value, 4u);
    const uint32_t queue = create_queue(0);
    EXPECT_EQ(simple(toy::kQueueClose, toy::One{queue}).head.ret, 0);
    EXPECT_EQ(simple(toy::kQueueClose, toy::One{queue}).head.ret, ENOENT);
    EXPECT_EQ(simple(toy::kContextDestroy, toy::One{1}).head.ret, 0);
}

TEST_F(Driver, RefusesIoctlsThatTheRowDoesNotHave) {
    EXPECT_EQ(simple(toy::kExec, toy::Exec{}).head.ret, EINVAL) << "another row's";
    EXPECT_EQ(simple(toy::returns(8), toy::Pair{}).head.ret, EINVAL) << "taking ioctl 8, forged";
    EXPECT_EQ(simple(toy::kTwice0, toy::One{}).head.ret, EINVAL) << "too short";
    EXPECT_EQ(simple(DRM_IOCTL_SYNCOBJ_CREATE, drm_syncobj_create{}).head.ret, EINVAL);
    EXPECT_EQ(simple(0xffff'ffff, toy::Pair{}).head.hdr.len, sizeof(w::Response))
        << "an argument of 16 KiB: room for the error alone";
}

TEST_F(Driver, RunsACommandWithoutIoctls) {
    send(w::Command::kNop, w::GetParamRequest{});
    finish();
    EXPECT_EQ(shmem().base.seqno, seqno_);
}

TEST_F(Driver, HasTwoCommandsThatCreate) {
    create_object(w::Command::kGemCreate, 1);
    create_object(w::Command::kGemCreateExt, 2);
    for (const uint32_t id : {1u, 2u}) {
        const auto blob =
            context_->create_blob({ResourceId(10 + id), kBlobMappable | kBlobShareable, id, 4096});
        ASSERT_TRUE(blob) << blob.error().message;
        // On a busy host the answer comes late.
        EXPECT_EQ(blob->late ? blob->late->settle().value() : blob->cache,
                  MapCache::kWriteCombined);
    }
    w::MadviseRequest request{};
    request.res_id = 11;
    const auto advice = ask<w::ValueResponse>(w::Command::kMadvise, request).head;
    EXPECT_EQ(advice.ret, 0);
    EXPECT_EQ(advice.value, 1u);
}

TEST_F(Driver, RetiresFencesWithoutJobs) {
    for (const uint32_t ring : {0u, 1u, 4u, 5u, 63u}) EXPECT_TRUE(fences_.wait(fence_on(ring)));
}

TEST_F(Driver, MarksALostGpuContextInItsMaskUntilItGoes) {
    const uint32_t first = create_gpu_context(), second = create_gpu_context();
    EXPECT_EQ(exec(job(second, 1)), 0);
    EXPECT_EQ(shmem().banned, 0u);
    EXPECT_EQ(exec(job(second, 1, w::kHangs)), EIO);
    EXPECT_EQ(shmem().banned, uint64_t{1} << second);
    EXPECT_EQ(exec(job(second, 1)), EIO);
    EXPECT_EQ(exec(job(first, 2)), 0) << "the other one lives";
    EXPECT_EQ(simple(toy::kContextDestroy, toy::One{second}).head.ret, 0);
    EXPECT_EQ(shmem().banned, 0u);
}

TEST_F(Driver, SetsEveryBitOfTheMaskWhenTheWorkerDies) {
    if (!workers_are_processes()) GTEST_SKIP() << "the worker is this process";
    send(w::Command::kCrash, w::GetParamRequest{});
    EXPECT_TRUE(fences_.wait(fence_on(1)));
    EXPECT_EQ(shmem().banned, UINT64_MAX);
    EXPECT_GT(static_cast<int32_t>(shmem().base.seqno - seqno_), 1 << 29) << "no waiter is left";
}

// Jobs are held in this process.
class DriverWithHeldJobs : public Driver {
  protected:
    void SetUp() override {
        if (workers_are_processes()) GTEST_SKIP() << "the kernel is in another process";
        Driver::SetUp();
        if (HasFatalFailure()) return;
        gpu_context_ = create_gpu_context();
        toy::hold_jobs();
    }
    uint32_t gpu_context_ = 0;
};

TEST_F(DriverWithHeldJobs, AFenceWaitsForTheJobsOfItsRing) {
    EXPECT_EQ(exec(job(gpu_context_, 3)), 0);
    const FenceId behind = fence_on(3);
    EXPECT_TRUE(fences_.wait(fence_on(2))) << "the ring is in the low bits of a word";
    EXPECT_FALSE(fences_.have(behind));
    toy::release_jobs();
    EXPECT_TRUE(fences_.wait(behind));
}

TEST_F(DriverWithHeldJobs, AFenceWaitsForTheJobsOfTheQueuesOfItsRing) {
    w::SubmitRequest request{};
    request.queue = create_queue(1);
    EXPECT_NE(request.queue, 2u) << "its id is not its ring";
    send(w::Command::kQueueSubmit, request);
    const FenceId behind = fence_on(2);
    EXPECT_TRUE(fences_.wait(fence_on(request.queue)));
    EXPECT_FALSE(fences_.have(behind));
    toy::release_jobs();
    EXPECT_TRUE(fences_.wait(behind));
}

TEST_F(DriverWithHeldJobs, RingZeroMayHaveJobsToo) {
    send(w::Command::kCpuRingSubmit, w::SubmitRequest{});
    const FenceId behind = fence_on(0);
    finish();
    send(w::Command::kNop, w::GetParamRequest{});
    const FenceId further = fence_on(0);
    finish();
    EXPECT_FALSE(fences_.have(behind));
    EXPECT_FALSE(fences_.have(further)) << "in order, although it brought no work";
    toy::release_jobs();
    EXPECT_TRUE(fences_.wait(behind));
    EXPECT_TRUE(fences_.wait(further));
}

/// The rows that submit.
class DriverWithAFullRing : public DriverWithHeldJobs,
                            public ::testing::WithParamInterface<w::Command> {
  protected:
    static constexpr uint32_t kJobs = 40;  // more than the worker gives to a ring at a time

    void fill_ring() {
        w::SubmitRequest request{};
        request.queue = create_queue(0);
        for (uint32_t i = 0; i < kJobs; ++i) {
            if (GetParam() == w::Command::kExecbuffer)
                send(GetParam(), job(gpu_context_, 1));
            else
                send(GetParam(), request);
        }
    }
};

TEST_P(DriverWithAFullRing, SubmissionsAreHeldBackAndBuffersAreMade) {
    fill_ring();
    const FenceId held_back = fence_on(kCommandRing);
    for (const auto command : {w::Command::kGemCreate, w::Command::kGemCreateExt}) {
        const auto id = static_cast<uint32_t>(command);
        create_object(command, id);
        const auto blob =
            context_->create_blob({ResourceId(70 + id), kBlobMappable | kBlobShareable, id, 4096});
        ASSERT_TRUE(blob) << blob.error().message;
        EXPECT_TRUE(!blob->late || blob->late->settle());
    }
    while (toy::jobs_begun() <= kJobs / 4) std::this_thread::yield();  // the GPU is kept busy
    EXPECT_LT(toy::jobs_begun(), kJobs);
    EXPECT_FALSE(fences_.have(held_back));
    toy::release_jobs();
    EXPECT_TRUE(fences_.wait(held_back));
    EXPECT_EQ(toy::jobs_begun(), kJobs);
}

INSTANTIATE_TEST_SUITE_P(, DriverWithAFullRing,
                         ::testing::Values(w::Command::kExecbuffer, w::Command::kQueueSubmit,
                                           w::Command::kCpuRingSubmit),
                         [](const auto& info) {
                             const auto row = static_cast<size_t>(info.param);
                             return std::string(
                                 context_types().front().traits().commands[row].name);
                         });

TEST(DriverJail, LetsThroughWhatTheRowsAndAllDriversHave) {
    const ContextTypeInfo& type = context_types().front();
    const auto requests = jail::ioctl_requests(type);
    std::set<uint32_t> own;
    for (const uint32_t request : requests)
        if (_IOC_NR(request) >= DRM_COMMAND_BASE && _IOC_NR(request) < DRM_COMMAND_END)
            own.insert(request);
    std::set<uint32_t> expected = {toy::kTwice0,   toy::kTwice1,     toy::kTwice2,
                                   toy::kTwice3,   toy::kTwice4,     toy::kTaken0,
                                   toy::kTaken1,   toy::kTaken2,     toy::kTaken3,
                                   toy::kQueueNew, toy::kQueueClose, toy::kContextDestroy,
                                   toy::kGetParam, toy::kGemCreate,  toy::kContextCreate,
                                   toy::kExec,     toy::kMadvise,    toy::kMmapOffset};
    EXPECT_EQ(own, expected);
}

TEST(DriverJail, KeepsTheRestFromTheKernel) {
    const auto cell = jail::prepare(context_types().front(), jail::Gpu::kSimulated);
    ASSERT_TRUE(cell) << cell.error().message;
    auto device = jail::check_ioctls(open_device({}).value(), *cell);
    ASSERT_TRUE(device) << device.error().message;
    toy::Pair pair{21, 0};
    EXPECT_EQ((*device)->ioctl(toy::kTwice0, &pair), 0);
    EXPECT_EQ(pair.out, 42u);
    EXPECT_EQ((*device)->ioctl(toy::returns(8), &pair), -EPERM);
}

}  // namespace
}  // namespace viaduct::test
