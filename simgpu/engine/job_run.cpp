#include "simgpu/engine/job_run.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <ctime>

#include "simgpu/clock.h"

namespace simgpu {

namespace {

constexpr uint64_t kVaMask = (uint64_t{1} << 48) - 1;  // GFX9: 48-bit virtual addresses
constexpr uint64_t kCopyPiece = 1 << 20;               // bytes moved between two polls
constexpr unsigned kPollsPerClockRead = 16;
constexpr unsigned kSpins = 64;  // attempts that only yield; most waits end within them
constexpr long kShortestSleepNs = 2'000;
constexpr long kLongestSleepNs = 1'000'000;

/// `pattern` as it continues `bytes` bytes further on.
uint32_t rotate_by_bytes(uint32_t pattern, uint64_t bytes) {
    const unsigned shift = 8 * static_cast<unsigned>(bytes & 3);
    return shift ? (pattern >> shift) | (pattern << (32 - shift)) : pattern;
}

/// Writes `size` bytes of the repeated pattern to host memory.
void fill_host(std::byte* to, uint32_t pattern, uint64_t size) {
    std::array<uint32_t, 1024> block;
    block.fill(pattern);
    while (size > 0) {
        const uint64_t piece = std::min<uint64_t>(size, sizeof block);
        std::memcpy(to, block.data(), piece);
        to += piece;
        size -= piece;
    }
}

}  // namespace

bool JobRun::end(JobOutcome outcome) {
    if (outcome_.done()) outcome_ = std::move(outcome);
    return false;
}

bool JobRun::fault(uint64_t va, Access access) {
    va &= kVaMask;
    return end({.kind = JobOutcome::Kind::kFault,
                .fault_va = va,
                .fault_access = access,
                .report = fmt::format("VM fault: {} of unmapped or protected address {:#x}",
                                      access == Access::kRead ? "read" : "write", va)});
}

bool JobRun::hang(std::string report) {
    return end({.kind = JobOutcome::Kind::kHang, .report = std::move(report)});
}

bool runs_too_long(const JobEnvironment& environment) {
    return environment.deadline_ns != UINT64_MAX && monotonic_ns() >= environment.deadline_ns &&
           thread_cpu_ns() >= environment.cpu_deadline_ns;
}

bool JobRun::poll() {
    if (stopped()) return false;
    if (++polls_ % kPollsPerClockRead != 0 || !runs_too_long(environment_)) return true;
    return hang("the job is still running at its deadline");
}

bool JobRun::stopped() {
    if (!environment_.stop.load(std::memory_order_acquire)) return false;
    end({.kind = JobOutcome::Kind::kStopped, .report = "stopped on request"});
    return true;
}

bool JobRun::pause(unsigned attempt, const char* what) {
    if (stopped()) return false;
    if (monotonic_ns() >= environment_.deadline_ns)
        return hang(fmt::format("{} is still unsatisfied at the job's deadline", what));
    if (attempt < kSpins) {
        ::sched_yield();
        return true;
    }
    const unsigned doublings = std::min((attempt - kSpins) / 4, 10u);
    timespec sleep{};
    sleep.tv_nsec = std::min(kShortestSleepNs << doublings, kLongestSleepNs);
    ::nanosleep(&sleep, nullptr);
    return true;
}

/// Host address for one atomic access, or null if there is none (fault, odd address, border).
template <typename T>
T* JobRun::aligned(uint64_t va, Access access) {
    const Span span = environment_.memory.resolve(va, access);
    if (!span.data || span.size < sizeof(T)) return nullptr;
    if (reinterpret_cast<uintptr_t>(span.data) % alignof(T) != 0) return nullptr;
    return reinterpret_cast<T*>(span.data);
}

template <typename T>
std::optional<T> JobRun::load(uint64_t va) {
    if (T* host = aligned<T>(va, Access::kRead))
        return std::atomic_ref<T>(*host).load(std::memory_order_acquire);
    T value{};
    if (!read(va, &value, sizeof value)) return std::nullopt;
    return value;
}

template <typename T>
bool JobRun::store(uint64_t va, T value) {
    if (T* host = aligned<T>(va, Access::kWrite)) {
        std::atomic_ref<T>(*host).store(value, std::memory_order_release);
        return true;
    }
    return write(va, &value, sizeof value);
}

template <typename T>
bool JobRun::exchange_if(uint64_t va, T* expected, T desired) {
    if (T* host = aligned<T>(va, Access::kWrite))
        return std::atomic_ref<T>(*host).compare_exchange_strong(*expected, desired);
    return write(va, &desired, sizeof desired);
}

template std::optional<uint32_t> JobRun::load(uint64_t);
template std::optional<uint64_t> JobRun::load(uint64_t);
template bool JobRun::exchange_if(uint64_t, uint32_t*, uint32_t);
template bool JobRun::exchange_if(uint64_t, uint64_t*, uint64_t);

std::optional<uint32_t> JobRun::load32(uint64_t va) {
    return load<uint32_t>(va);
}
std::optional<uint64_t> JobRun::load64(uint64_t va) {
    return load<uint64_t>(va);
}
bool JobRun::store32(uint64_t va, uint32_t value) {
    return store(va, value);
}
bool JobRun::store64(uint64_t va, uint64_t value) {
    return store(va, value);
}

bool JobRun::read(uint64_t va, void* to, uint64_t size) {
    uint64_t where = va;
    return read_gpu(environment_.memory, va, to, size, &where) || fault(where, Access::kRead);
}

bool JobRun::read_dwords(uint64_t va, std::span<uint32_t> to) {
    while (!to.empty()) {
        const Span run = environment_.memory.resolve(va, Access::kRead);
        if (!run.data || run.size == 0) return fault(va, Access::kRead);
        size_t count = std::min<uint64_t>(run.size / sizeof(uint32_t), to.size());
        if (count == 0 || reinterpret_cast<uintptr_t>(run.data) % alignof(uint32_t) != 0) {
            count = 1;  // a dword across a border; page-granular mappings have none
            if (!read(va, to.data(), sizeof(uint32_t))) return false;
        } else {
            auto* host = reinterpret_cast<uint32_t*>(run.data);
            for (size_t i = 0; i < count; i++)
                to[i] = std::atomic_ref(host[i]).load(std::memory_order_relaxed);
        }
        va += count * sizeof(uint32_t);
        to = to.subspan(count);
    }
    return true;
}

bool JobRun::write(uint64_t va, const void* from, uint64_t size) {
    uint64_t where = va;
    return write_gpu(environment_.memory, va, from, size, &where) || fault(where, Access::kWrite);
}

bool JobRun::copy(uint64_t to, uint64_t from, uint64_t size) {
    while (size > 0) {
        const Span source = environment_.memory.resolve(from, Access::kRead);
        if (!source.data || source.size == 0) return fault(from, Access::kRead);
        const Span target = environment_.memory.resolve(to, Access::kWrite);
        if (!target.data || target.size == 0) return fault(to, Access::kWrite);
        const uint64_t piece = std::min({size, source.size, target.size, kCopyPiece});
        std::memmove(target.data, source.data, piece);
        to += piece;
        from += piece;
        size -= piece;
        if (size > 0 && !poll()) return false;
    }
    return true;
}

bool JobRun::fill(uint64_t va, uint32_t pattern, uint64_t size) {
    for (uint64_t done = 0; done < size;) {
        const Span target = environment_.memory.resolve(va + done, Access::kWrite);
        if (!target.data || target.size == 0) return fault(va + done, Access::kWrite);
        const uint64_t piece = std::min({size - done, target.size, kCopyPiece});
        fill_host(target.data, rotate_by_bytes(pattern, done), piece);
        done += piece;
        if (done < size && !poll()) return false;
    }
    return true;
}

}  // namespace simgpu
