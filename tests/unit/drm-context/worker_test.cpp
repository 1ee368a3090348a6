#include "drm-context/worker/worker.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "drm-context/account/vm_account.h"
#include "drm-context/transport/command_ring.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {
namespace {

using namespace std::chrono_literals;
using transport::RecordType;

/// A worker on a simulated GPU, on a thread; the test is its front.
class WorkerTest : public ::testing::Test {
  protected:
    static transport::Deadline deadline() { return std::chrono::steady_clock::now() + 10s; }

    WorkerStart settings() {
        WorkerStart start;
        start.channel = std::move(channel_.worker);
        start.simulated = "renoir";
        start.account = vm_->duplicate_fd();
        start.settings.type = wire::ContextType::kAmdgpu;
        start.settings.slot = slot_.index();
        return start;
    }
    void run(WorkerStart start) {
        thread_ = std::thread(run_worker, std::move(start), nullptr);
        transport::Reply ready{};
        ASSERT_TRUE(transport::receive_message(
            front_.socket.get(), std::as_writable_bytes(std::span(&ready, 1)), deadline()));
        ASSERT_EQ(ready.error, 0) << ready.message;
    }
    bool ends() {
        while (front_.page().exited == 0 &&
               transport::wait_readable(front_.notify.get(), deadline()))
            transport::clear_event(front_.notify.get());
        return front_.page().exited != 0;
    }
    void TearDown() override {
        front_.page().abandoned = 1;
        transport::signal_event(front_.doorbell.get());
        if (thread_.joinable()) thread_.join();
    }

    std::shared_ptr<VmAccount> vm_ = VmAccount::create().value();
    VmSlot slot_{vm_, vm_->take_slot(1, "test").value()};
    transport::Channel channel_ = transport::create_channel(4096).value();
    transport::ChannelEnd& front_ = channel_.front;
    transport::RingProducer ring_{front_.page(), front_.ring_bytes()};
    std::thread thread_;
};

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

INSTANTIATE_TEST_SUITE_P(Percent, WorkerOfAnyShare, ::testing::Values(0u, 50u));

}  // namespace
}  // namespace viaduct
