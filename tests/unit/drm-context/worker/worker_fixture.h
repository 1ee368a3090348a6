// A worker on a thread, for the tests of Worker.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <span>
#include <thread>
#include <utility>

#include "blob/mapping.h"
#include "blob/memfd.h"
#include "drm-context/account/vm_account.h"
#include "drm-context/transport/command_ring.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/worker_host.h"
#include "wire/amdgpu.h"

namespace viaduct::test {

/// A worker on a simulated GPU, on a thread; the test is its front.
class WorkerTest : public ::testing::Test {
  protected:
    static transport::Deadline deadline() {
        return std::chrono::steady_clock::now() + std::chrono::seconds(10);
    }

    WorkerStart settings() {
        WorkerStart start;
        start.channel = std::move(channel_.worker);
        start.simulated = "renoir";
        start.account = vm_->duplicate_fd();
        start.account_view = vm_->duplicate_view();
        start.settings.type = wire::ContextType::kAmdgpu;
        start.settings.slot = slot_.index();
        return start;
    }
    void run(WorkerStart start, Confine confine = nullptr) {
        thread_ = std::thread(run_worker, std::move(start), std::move(confine));
        transport::Reply ready{};
        ASSERT_TRUE(transport::receive_message(
            front_.socket.get(), std::as_writable_bytes(std::span(&ready, 1)), deadline()));
        ASSERT_EQ(ready.error, 0) << ready.message;
    }
    void quit() {
        front_.page().quit = 1;
        transport::signal_event(front_.doorbell.get());
    }
    bool ends() {
        while (front_.page().exited == 0 &&
               transport::wait_readable(front_.notify.get(), deadline()))
            transport::clear_event(front_.notify.get());
        return front_.page().exited != 0;
    }
    void TearDown() override {
        front_.page().abandoned = 1;
        front_.socket.reset();
        transport::signal_event(front_.doorbell.get());
        if (thread_.joinable()) thread_.join();
    }

    std::shared_ptr<VmAccount> vm_ = VmAccount::create().value();
    VmSlot slot_{vm_, vm_->take_slot(ContextId(1), "test").value()};
    transport::Channel channel_ = transport::create_channel(4096).value();
    transport::ChannelEnd& front_ = channel_.front;
    transport::RingProducer ring_{front_.page(), front_.ring_bytes()};
    std::thread thread_;
};

/// A guest with a control buffer.
class WorkerWithAGuest : public WorkerTest {
  protected:
    // In the control buffer.
    static constexpr uint32_t kFinished = sizeof(wire::amdgpu::Shmem) + sizeof(wire::GuestRing);
    static constexpr uint32_t kArea = kFinished + sizeof(wire::FinishedWork);

    void send(transport::RecordType type, std::span<const std::byte> payload) {
        while (!ring_.push(type, payload)) std::this_thread::yield();
        transport::signal_event(front_.doorbell.get());
    }
    void give_control_buffer(size_t bytes = 4096) {
        const transport::DescriptorMessage call{1};
        const UniqueFd memory = create_sealed_memfd("control", bytes).value();
        control_ = Mapping::map_shared(memory.get(), 0, bytes).value();
        ASSERT_TRUE(transport::send_message(front_.socket.get(), std::as_bytes(std::span(&call, 1)),
                                            memory.get()));
        send(transport::RecordType::kControlBuffer, std::as_bytes(std::span(&call, 1)));
    }

    Mapping control_;
};

}  // namespace viaduct::test
