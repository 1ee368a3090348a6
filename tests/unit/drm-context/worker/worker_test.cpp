#include <amdgpu_drm.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "drm-context/device/device_decorator.h"
#include "drm-context/native_context.h"
#include "simgpu/inject.h"
#include "tests/support/guest_ring_writer.h"
#include "tests/unit/drm-context/worker/worker_with_jobs.h"
#include "wire/amdgpu.h"

namespace viaduct {
namespace {

using namespace std::chrono_literals;
namespace w = wire::amdgpu;
using test::WorkerTest;
using test::WorkerWithAGuest;
using test::WorkerWithJobs;
using transport::RecordType;

TEST_F(WorkerTest, AThrowIsItsEndAndNobodyElses) {
    EXPECT_NO_THROW(run_worker(
        settings(), [](auto) -> Result<std::unique_ptr<Device>> { throw std::bad_alloc(); }));
    EXPECT_TRUE(ends());
}

class WorkerOfAnyShare : public WorkerTest, public ::testing::WithParamInterface<uint32_t> {};

TEST_P(WorkerOfAnyShare, EndsWhenASubmissionIsLost) {
    auto start = settings();
    start.settings.limits.gpu_share = GetParam();
    run(std::move(start));
    const transport::SubmitMemory call{1, 1 << 20};
    const transport::DescriptorMessage message{call.cookie};
    // The kernel drops a descriptor that the receiver has no room for.
    ASSERT_TRUE(
        transport::send_message(front_.socket.get(), std::as_bytes(std::span(&message, 1)), -1));
    ASSERT_TRUE(ring_.push(RecordType::kSubmitMemory, std::as_bytes(std::span(&call, 1))));
    transport::signal_event(front_.doorbell.get());
    EXPECT_TRUE(ends()) << "its guest would wait for the submission for ever";
}

TEST_P(WorkerOfAnyShare, EndsWhenASubmissionIsLongerThanItsMemory) {
    auto start = settings();
    start.settings.limits.gpu_share = GetParam();
    run(std::move(start));
    const auto memory = create_sealed_memfd("short", 4096).value();
    const transport::SubmitMemory call{1, 1 << 20};
    const transport::DescriptorMessage message{call.cookie};
    ASSERT_TRUE(transport::send_message(front_.socket.get(), std::as_bytes(std::span(&message, 1)),
                                        memory.get()));
    ASSERT_TRUE(ring_.push(RecordType::kSubmitMemory, std::as_bytes(std::span(&call, 1))));
    transport::signal_event(front_.doorbell.get());
    EXPECT_TRUE(ends()) << "reading beyond it would be a SIGBUS";
}

/// Its buffers come with descriptors that cannot be sent.
class UnsendableBuffers final : public DeviceDecorator {
  public:
    using DeviceDecorator::DeviceDecorator;
    Result<MapSource> map_source(uint64_t offset) override {
        constexpr int kNone = 1 << 20;
        return MapSource{UniqueFd(kNone), offset};
    }
};

TEST_F(WorkerTest, AnswersWithAnErrorWhereADescriptorCannotBeSent) {
    run(settings(), [](std::unique_ptr<Device> device) {
        return Result<std::unique_ptr<Device>>(
            std::make_unique<UnsendableBuffers>(std::move(device)));
    });
    w::GemNewRequest request{};
    request.hdr = {static_cast<uint32_t>(w::Command::kGemNew), sizeof(request), 1, 0};
    request.blob_id = 1;
    request.alloc_size = 4096;
    request.preferred_heap = AMDGPU_GEM_DOMAIN_GTT;
    const transport::CreateBlob blob{1, request.blob_id, request.alloc_size, 7, 1};
    const transport::ResourceCall map{2, blob.res_id, 0};
    for (const auto& [type, payload] :
         {std::pair(RecordType::kSubmit, std::as_bytes(std::span(&request, 1))),
          std::pair(RecordType::kCreateBlob, std::as_bytes(std::span(&blob, 1))),
          std::pair(RecordType::kMapSource, std::as_bytes(std::span(&map, 1)))})
        ASSERT_TRUE(ring_.push(type, payload));
    transport::signal_event(front_.doorbell.get());
    transport::Reply answer{};
    while (answer.cookie != map.cookie)
        ASSERT_TRUE(transport::receive_message(
            front_.socket.get(), std::as_writable_bytes(std::span(&answer, 1)), deadline()))
            << "the VMM would wait in vain";
    EXPECT_EQ(answer.error, EBADF) << answer.message;
}

/// Jobs take 20 ms each, and no fence is asked for.
class WorkerWithSlowJobs : public WorkerWithJobs {
  protected:
    WorkerWithSlowJobs() : WorkerWithJobs("slow") {}
};

class WorkerWithQuickJobs : public WorkerWithJobs {
  protected:
    WorkerWithQuickJobs() : WorkerWithJobs("quick") {}
};

// The kernel would run what is queued if the process ended in any other way.
TEST_F(WorkerWithSlowJobs, AskToBeKilledInsteadOfClosingTheDeviceOnUnfinishedWork) {
    for (int i = 0; i < 200; ++i) submit_job();  // 4 s
    quit();
    while (front_.page().asks_for_kill == 0 && front_.page().exited == 0 &&
           transport::wait_readable(front_.notify.get(), deadline()))
        transport::clear_event(front_.notify.get());
    ASSERT_EQ(front_.page().asks_for_kill, 1u);
    transport::Reply message{};
    const auto work = transport::receive_message(
        front_.socket.get(), std::as_writable_bytes(std::span(&message, 1)), deadline());
    ASSERT_TRUE(work);
    EXPECT_EQ(message.cookie, transport::kPendingWorkCookie);
    pollfd entry{work->get(), POLLIN, 0};
    EXPECT_EQ(::poll(&entry, 1, 0), 0) << "jobs run still";
    EXPECT_EQ(::poll(&entry, 1, 10'000), 1) << "and end some time";
    EXPECT_EQ(front_.page().exited, 0u);
    front_.socket.reset();  // in the kill's stead
}

TEST_F(WorkerWithSlowJobs, FinishWhatIsHeldIfThereIsTime) {
    for (int i = 0; i < 50; ++i) submit_job();
    quit();
    EXPECT_TRUE(ends());
    EXPECT_EQ(front_.page().asks_for_kill, 0u);
    EXPECT_EQ(ring_counters().completed, 50u);
}

// amdgpu_cs_p1_user_fence() takes a buffer of one page, and guests with larger pages have none. A
// program that looks at the memory need not ask for a fence besides.
TEST_F(WorkerWithQuickJobs, WriteUserFencesThatTheKernelDoesNotWrite) {
    constexpr uint32_t kOffset = 0xa008;
    const Mapping buffer = create_buffer(9, 0x10000);
    ASSERT_TRUE(buffer.valid());
    const auto value = [&] {
        return __atomic_load_n(reinterpret_cast<const uint64_t*>(buffer.data() + kOffset),
                               __ATOMIC_ACQUIRE);
    };
    for (uint64_t job = 1; job <= 3; ++job) {
        submit_job({9, kOffset});
        while (value() < job && std::chrono::steady_clock::now() < end_)
            std::this_thread::sleep_for(1ms);
        ASSERT_EQ(value(), job) << "what WAIT_CS knows it by";
    }
    for (size_t i = 0; i < buffer.size(); ++i)
        ASSERT_TRUE(i / 8 == kOffset / 8 || buffer.data()[i] == std::byte{}) << i;
}

// Before the front hears of the fence.
TEST_F(WorkerWithSlowJobs, ShowTheGuestWhatHasEnded) {
    submit_job();
    ASSERT_TRUE(wait_for_submissions(1));
    const uint32_t shown = shown_finished();
    if (under_way() != 0) {
        EXPECT_EQ(shown, 0u);
    }
    wait_for_fence(1);
    EXPECT_EQ(shown_finished(), kSubmission);
}

// A guest that looks by itself needs no fence soon: the VMM hears of several at once.
TEST_F(WorkerWithQuickJobs, ReportFencesLateWhereTheGuestLooksForTheEnd) {
    constexpr uint64_t kJobs = 200;
    look_for(kSubmission);
    uint64_t reports = 0;
    for (uint64_t i = 1; i <= kJobs; ++i) {
        submit_job();
        send_fence(i);
        while (front_.page().retired[kRing] < i && std::chrono::steady_clock::now() < end_)
            std::this_thread::yield();
        pollfd notify{front_.notify.get(), POLLIN, 0};
        if (::poll(&notify, 1, 0) == 1) {
            transport::clear_event(front_.notify.get());
            ++reports;
        }
    }
    EXPECT_EQ(front_.page().retired[kRing], kJobs);
    EXPECT_EQ(shown_finished(), kSubmission);
    EXPECT_LT(reports, kJobs);
    // The last ones are reported without anything else to do.
    submit_job();
    send_fence(kJobs + 1);
    while (front_.page().retired[kRing] <= kJobs && std::chrono::steady_clock::now() < end_)
        std::this_thread::yield();
    EXPECT_TRUE(transport::wait_readable(front_.notify.get(), deadline()));
}

// fdinfo locks the root of the page tables; the state is an ioctl per GPU context.
TEST_F(WorkerWithQuickJobs, AskTheKernelSeldomWhereNothingHangsOnIt) {
    constexpr int kJobs = 200;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 1; i <= kJobs; ++i) {
        submit_job();
        wait_for_fence(static_cast<uint64_t>(i));
    }
    ASSERT_EQ(front_.page().retired[kRing], static_cast<uint64_t>(kJobs));
    const auto time = std::chrono::steady_clock::now() - start;
    EXPECT_LE(questions_.state, 2 + time / 100ms);
    EXPECT_LE(questions_.fdinfo, 2 + time / 250ms);
}

// amdgpu_ctx_wait_prev_fence() sleeps at the 33rd.
TEST_F(WorkerWithSlowJobs, NeverHaveMoreUnderWayThanTheKernelTakesWithoutBlocking) {
    constexpr uint64_t kJobs = 60, kKernelBlocks = 32;
    for (uint64_t i = 0; i < kJobs; ++i) submit_job();
    uint64_t most = 0;
    while (ring_counters().submissions < kJobs && std::chrono::steady_clock::now() < end_) {
        most = std::max(most, under_way());
        std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(ring_counters().submissions, kJobs) << "no fence was asked for: the worker sees none";
    EXPECT_LT(most, kKernelBlocks);
    EXPECT_GT(most, 16u) << "the GPU is kept busy";
}

TEST_F(WorkerWithSlowJobs, DoNotDelayTheCallsThatTheVmmWaitsFor) {
    for (int i = 0; i < 100; ++i) submit_job();
    ASSERT_TRUE(wait_for_submissions(20));
    EXPECT_NE(ask_for_a_blob(), ETIMEDOUT);
    EXPECT_LT(ring_counters().submissions, 80u) << "it waited for 60 jobs";
}

/// How far a buffer of queries has come. Each waits for a moment for the answer that the test waits
/// for.
class QueryGate {
  public:
    void pass() {
        std::unique_lock lock(mutex_);
        ++passed_;
        opened_.wait_for(lock, 5ms, [this] { return open_; });
    }
    /// The queries that have begun so far; no more of them wait.
    int open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        opened_.notify_all();
        return passed_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable opened_;
    bool open_ = false;
    int passed_ = 0;
};

class GatedDevice final : public DeviceDecorator {
  public:
    GatedDevice(std::unique_ptr<Device> device, QueryGate& gate)
        : DeviceDecorator(std::move(device)), gate_(gate) {}
    int ioctl(unsigned long request, void* argument) override {
        if (request == DRM_IOCTL_AMDGPU_INFO &&
            static_cast<drm_amdgpu_info*>(argument)->query == AMDGPU_INFO_TIMESTAMP)
            gate_.pass();
        return DeviceDecorator::ioctl(request, argument);
    }

  private:
    QueryGate& gate_;
};

/// A guest whose buffers of commands take their time, and a VMM that waits for its calls.
class WorkerWithALongBuffer : public WorkerWithAGuest {
  protected:
    static constexpr int kQueries = 40;
    static constexpr uint64_t kBytes = 4096;

    WorkerWithALongBuffer() {
        run(settings(), [this](std::unique_ptr<Device> device) {
            return Result<std::unique_ptr<Device>>(
                std::make_unique<GatedDevice>(std::move(device), gate_));
        });
        give_control_buffer(2 * wire::GuestRing::kBytes);
    }

    static std::vector<std::byte> new_buffer(uint64_t blob_id) {
        w::GemNewRequest request{};
        request.hdr = {static_cast<uint32_t>(w::Command::kGemNew), sizeof(request), 1, 0};
        request.blob_id = blob_id;
        request.alloc_size = kBytes;
        request.phys_alignment = kBytes;
        request.preferred_heap = AMDGPU_GEM_DOMAIN_GTT;
        const auto bytes = std::as_bytes(std::span(&request, 1));
        return {bytes.begin(), bytes.end()};
    }
    static std::vector<std::byte> queries() {
        std::vector<w::QueryInfoRequest> requests(kQueries);
        for (w::QueryInfoRequest& request : requests) {
            request.hdr = {static_cast<uint32_t>(w::Command::kQueryInfo), sizeof(request), 1, 0};
            request.query = AMDGPU_INFO_TIMESTAMP;
            request.return_size = sizeof(uint64_t);
        }
        const auto bytes = std::as_bytes(std::span(requests));
        return {bytes.begin(), bytes.end()};
    }
    void submit(std::initializer_list<std::vector<std::byte>> parts) {
        std::vector<std::byte> bytes;
        for (const auto& part : parts) bytes.insert(bytes.end(), part.begin(), part.end());
        send(RecordType::kSubmit, bytes);
    }
    void create_blob(uint64_t cookie, uint64_t blob_id, uint32_t res_id) {
        const transport::CreateBlob call{cookie, blob_id, kBytes, res_id, kBlobMappable};
        send(RecordType::kCreateBlob, std::as_bytes(std::span(&call, 1)));
    }
    void call(RecordType type, uint64_t cookie, uint32_t res_id) {
        const transport::ResourceCall call{cookie, res_id, 0};
        send(type, std::as_bytes(std::span(&call, 1)));
    }
    /// The next answer has this cookie, and is not an error.
    void expect_answer(uint64_t cookie) {
        transport::Reply answer{};
        do {
            ASSERT_TRUE(transport::receive_message(
                front_.socket.get(), std::as_writable_bytes(std::span(&answer, 1)), deadline()));
        } while (answer.cookie == transport::kAnnouncementCookie);
        EXPECT_EQ(answer.cookie, cookie);
        EXPECT_EQ(answer.error, 0) << answer.message;
    }

    QueryGate gate_;
};

TEST_F(WorkerWithALongBuffer, AnswersBetweenItsCommands) {
    submit({new_buffer(1), queries()});
    create_blob(1, 1, 7);
    expect_answer(1);
    call(RecordType::kMapSource, 2, 7);
    expect_answer(2);
    call(RecordType::kExportBlob, 3, 7);
    expect_answer(3);
    EXPECT_LT(gate_.open(), kQueries);
    call(RecordType::kMapSource, 4, 7);
    expect_answer(4);  // and nothing was answered twice
}

TEST_F(WorkerWithALongBuffer, AnswersBetweenTheCommandsOfTheGuestsRing) {
    submit({new_buffer(1)});
    create_blob(1, 1, 7);
    expect_answer(1);
    const test::GuestRingWriter guest(control_.bytes(), kArea);
    while (guest.host_is_awake()) std::this_thread::sleep_for(1ms);
    guest.write(queries());
    call(RecordType::kMapSource, 2, 7);  // wakes the worker, and is behind the ring
    expect_answer(2);
    EXPECT_LT(gate_.open(), kQueries);
}

TEST_F(WorkerWithALongBuffer, MayMakeTheObjectAtItsEnd) {
    submit({queries(), new_buffer(1)});
    create_blob(1, 1, 7);
    call(RecordType::kMapSource, 2, 7);
    expect_answer(1);
    expect_answer(2);
    EXPECT_EQ(gate_.open(), kQueries);
}

// A guest's kernel gives a number to another resource as soon as it has let go of the first.
TEST_F(WorkerWithALongBuffer, LetsNoCallOvertakeTheEndOfAnotherResourceOfThatNumber) {
    submit({new_buffer(1)});
    create_blob(1, 1, 7);
    expect_answer(1);
    submit({new_buffer(2), queries()});
    call(RecordType::kDetach, 2, 7);
    create_blob(3, 2, 7);
    call(RecordType::kMapSource, 4, 7);
    expect_answer(3);
    expect_answer(4);
    EXPECT_EQ(gate_.open(), kQueries);
}

INSTANTIATE_TEST_SUITE_P(Percent, WorkerOfAnyShare, ::testing::Values(0u, 50u));

}  // namespace
}  // namespace viaduct
