#include "tools/measure-program/floor.h"

#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <thread>

#include "base/unique_fd.h"

namespace viaduct::measure {
namespace {

/// About the size of radv's smallest submission when it reaches the host.
constexpr size_t kSubmissionBytes = 256;
/// Crossings that can be under way.
constexpr uint32_t kSlots = 1024;

/// A count that one thread raises and another waits for. Each raise is a futex call only if the
/// other thread sleeps.
class Count {
  public:
    uint32_t get() const { return value_.load(); }
    void raise(uint32_t value) {
        value_.store(value);
        if (sleeping_.exchange(0) != 0) futex(FUTEX_WAKE_PRIVATE);
    }
    /// Waits until it is above `seen`.
    uint32_t wait(uint32_t seen) {
        for (;;) {
            const uint32_t now = value_.load();
            if (now > seen) return now;
            sleeping_.store(1);
            if (value_.load() == now) futex(FUTEX_WAIT_PRIVATE);
        }
    }

  private:
    // On the flag, not on the value: a raise that came before the value was looked at may clear the
    // flag after that, and the next one would wake nobody.
    void futex(int operation) {
        ::syscall(SYS_futex, &sleeping_, operation, 1, nullptr, nullptr, 0);
    }
    std::atomic<uint32_t> value_{0};
    std::atomic<uint32_t> sleeping_{0};
};

class Crossings {
  public:
    void send(uint32_t number) {
        if (number > kSlots) done_.wait(number - kSlots - 1);
        std::memcpy(slot(number).data(), bytes_.data(), kSubmissionBytes);
        sent_.raise(number);
    }
    void wait_done(uint32_t number) { done_.wait(number - 1); }
    /// The other thread's part: `count` crossings.
    void serve(uint32_t count) {
        std::array<std::byte, kSubmissionBytes> copy{};
        for (uint32_t done = 0; done < count;) {
            const uint32_t sent = sent_.wait(done);
            while (done < sent) {
                std::memcpy(copy.data(), slot(done + 1).data(), kSubmissionBytes);
                int readable = 0;
                ::ioctl(event_.get(), FIONREAD, &readable);
                done_.raise(++done);
            }
        }
    }

  private:
    using Bytes = std::array<std::byte, kSubmissionBytes>;
    Bytes& slot(uint32_t number) { return slots_[number % kSlots]; }

    const UniqueFd event_{::eventfd(0, EFD_CLOEXEC)};
    Bytes bytes_{};
    std::array<Bytes, kSlots> slots_{};
    Count sent_, done_;
};

}  // namespace

std::chrono::nanoseconds floor_time(uint32_t count, bool wait) {
    using Clock = std::chrono::steady_clock;
    Crossings crossings;
    std::thread other([&] { crossings.serve(count); });
    const auto start = Clock::now();
    for (uint32_t number = 1; number <= count; ++number) {
        crossings.send(number);
        if (wait) crossings.wait_done(number);
    }
    crossings.wait_done(count);
    const auto time = Clock::now() - start;
    other.join();
    return time;
}

}  // namespace viaduct::measure
