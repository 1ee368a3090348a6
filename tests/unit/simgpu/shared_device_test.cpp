#include "simgpu/shared/device.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include "test_file.h"

namespace simgpu::shared {
namespace {

constexpr std::array<uint64_t, kHeaps> kLimits{1000, 2000};

std::string unique_name() {
    return "viaduct-simgpu-unit-" + test::unique_instance();
}

std::shared_ptr<SharedDevice> attach(const std::string& name) {
    return SharedDevice::attach(name, kLimits).value();
}

bool segment_exists(const std::string& name) {
    return ::access(("/dev/shm/" + name + "-v1").c_str(), F_OK) == 0;
}

/// A child process that attaches, does `body`, says so, and lives until it is killed.
class OtherProcess {
  public:
    explicit OtherProcess(const std::function<void()>& body) {
        int ends[2];
        if (::pipe(ends) != 0) ::abort();
        pid_ = ::fork();
        if (pid_ == 0) {
            body();
            (void)!::write(ends[1], "r", 1);
            for (;;) ::pause();
        }
        ::close(ends[1]);
        char ready = 0;
        EXPECT_EQ(::read(ends[0], &ready, 1), 1);
        ::close(ends[0]);
    }
    void kill() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    ~OtherProcess() { kill(); }

  private:
    pid_t pid_ = -1;
};

TEST(SharedDevice, IsOnePerProcessAndNameAndLeavesNothing) {
    const std::string name = unique_name();
    auto a = attach(name);
    EXPECT_EQ(attach(name), a);
    EXPECT_NE(attach(unique_name()), a);
    EXPECT_TRUE(segment_exists(name));
    a.reset();
    EXPECT_FALSE(segment_exists(name));
    EXPECT_EQ(attach(name)->next_client_id(), 1u) << "afresh";
}

TEST(SharedDevice, AProcessThatExitsWithItOpenLeavesNothingEither) {
    const std::string name = unique_name();
    const pid_t child = ::fork();
    if (child == 0) {
        new auto(attach(name));
        std::exit(segment_exists(name) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_FALSE(segment_exists(name));
}

TEST(SharedDevice, BooksMemoryUpToTheLimit) {
    const auto device = attach(unique_name());
    EXPECT_TRUE(device->charge(Heap::kVram, 600));
    EXPECT_FALSE(device->charge(Heap::kVram, 401));
    EXPECT_FALSE(device->charge(Heap::kVram, UINT64_MAX));
    EXPECT_TRUE(device->charge(Heap::kVram, 400));
    EXPECT_EQ(device->used(Heap::kVram), 1000u);
    EXPECT_EQ(device->used(Heap::kGtt), 0u);
    device->release(Heap::kVram, 600);
    EXPECT_EQ(device->used(Heap::kVram), 400u);
    EXPECT_EQ(device->limit(Heap::kGtt), 2000u);
}

TEST(SharedDevice, ADeadProcessGivesItsMemoryBack) {
    const std::string name = unique_name();
    const auto device = attach(name);
    OtherProcess other([&] { (new auto(attach(name)))->get()->charge(Heap::kVram, 900); });
    EXPECT_EQ(device->used(Heap::kVram), 900u);
    EXPECT_FALSE(device->charge(Heap::kVram, 200));
    other.kill();
    EXPECT_EQ(device->used(Heap::kVram), 0u);
    EXPECT_TRUE(device->charge(Heap::kVram, 200));
    EXPECT_EQ(device->used(Heap::kVram), 200u);
}

TEST(SharedDevice, ADeadProcessFreesTheRing) {
    const std::string name = unique_name();
    const auto device = attach(name);
    const std::atomic<bool> go_on = false;
    OtherProcess other([&] {
        static const std::atomic<bool> never = false;
        auto* theirs = new auto(attach(name));
        new auto((*theirs)->wait_turn(3, 0, never));
    });
    std::atomic<bool> stop = false;
    std::thread stopper([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        stop = true;
        device->wake_rings();
    });
    EXPECT_FALSE(device->wait_turn(3, 1023, stop)) << "the ring is theirs";
    stopper.join();
    EXPECT_TRUE(device->wait_turn(4, 0, go_on)) << "others are free";
    other.kill();
    EXPECT_TRUE(device->wait_turn(3, 0, go_on));
}

TEST(SharedDevice, TurnsGoByPriorityThenByAge) {
    const auto device = attach(unique_name());
    const std::atomic<bool> go_on = false;
    auto holder = device->wait_turn(0, 0, go_on);
    ASSERT_TRUE(holder);
    std::mutex mutex;
    std::vector<int> order;
    std::vector<std::thread> threads;
    const std::vector<std::pair<int, int32_t>> waiters = {
        {1, 0}, {2, -512}, {3, 512}, {4, 0}, {5, 512}};
    for (const auto& [label, priority] : waiters) {
        threads.emplace_back([&, label = label, priority = priority] {
            const auto turn = device->wait_turn(0, priority, go_on);
            const std::lock_guard lock(mutex);
            order.push_back(label);
        });
        while (device->waiting(0) < threads.size()) std::this_thread::yield();
    }
    holder.reset();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(order, (std::vector<int>{3, 5, 1, 4, 2}));
}

TEST(SharedDevice, AForkedChildTakesASeatOfItsOwn) {
    const std::string name = unique_name();
    const auto device = attach(name);
    ASSERT_TRUE(device->charge(Heap::kVram, 500));
    OtherProcess other([&] { (new auto(attach(name)))->get()->charge(Heap::kVram, 300); });
    EXPECT_EQ(device->used(Heap::kVram), 800u);
    other.kill();
    EXPECT_FALSE(device->charge(Heap::kVram, 501)) << "ours is still booked";
    EXPECT_TRUE(device->charge(Heap::kVram, 500));
}

TEST(SharedDevice, RecordsOfBuffersCrossProcessesUntilForgotten) {
    const std::string name = unique_name();
    const auto device = attach(name);
    OtherProcess other([&] {
        BufferRecord record;
        record.tiling_info = 42;
        (new auto(attach(name)))->get()->publish_buffer(1, 2, record);
    });
    ASSERT_TRUE(device->find_buffer(1, 2));
    EXPECT_EQ(device->find_buffer(1, 2)->tiling_info, 42u);
    EXPECT_FALSE(device->find_buffer(1, 3));
    device->publish_buffer(1, 3, {});
    EXPECT_TRUE(device->find_buffer(1, 3));
    device->forget_buffer(1, 3);
    EXPECT_FALSE(device->find_buffer(1, 3));
}

TEST(SharedDevice, CountsResetsForAll) {
    const std::string name = unique_name();
    const auto device = attach(name);
    OtherProcess other([&] { (new auto(attach(name)))->get()->count_reset(); });
    EXPECT_EQ(device->reset_count(), 1u);
}

}  // namespace
}  // namespace simgpu::shared
