// One run of a job: checked memory access, waits that end, and how the job ended.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "simgpu/engine/engine.h"

namespace simgpu {

enum class Probe { kSatisfied, kPending, kFailed };

/// The packet processors' view of a job. Every function that can end the job returns false (or
/// nothing) once it has; the first cause is kept in `outcome()`. One thread at a time.
///
/// Memory that several rings and the CPU use to talk to each other (fences, wait values, atomics)
/// goes through the typed functions: aligned, they are single atomic accesses with
/// release/acquire order.
class JobRun {
  public:
    explicit JobRun(JobEnvironment& environment) : environment_(environment) {}

    JobEnvironment& environment() { return environment_; }
    JobOutcome& outcome() { return outcome_; }

    /// Ends the job. Always false, so that a handler can `return job.end(...)`.
    bool end(JobOutcome outcome);
    bool fault(uint64_t va, Access access);
    bool hang(std::string report);

    /// False if the job was asked to stop or has run past its deadline. Cheap: call it in loops.
    bool poll();
    /// Polls `probe` with growing pauses until it is satisfied. `what` names the wait in the
    /// report of a hang.
    template <typename Function>
    bool wait(const char* what, Function probe) {
        for (unsigned attempt = 0;; attempt++) {
            const Probe answer = probe();
            if (answer == Probe::kSatisfied) return true;
            if (answer == Probe::kFailed || !pause(attempt, what)) return false;
        }
    }

    std::optional<uint32_t> load32(uint64_t va);
    std::optional<uint64_t> load64(uint64_t va);
    bool store32(uint64_t va, uint32_t value);
    bool store64(uint64_t va, uint64_t value);

    /// Replaces the value at `va` by `change(value)` in one atomic step; the old value.
    template <typename T, typename Function>
    std::optional<T> modify(uint64_t va, Function change);

    bool read(uint64_t va, void* to, uint64_t size);
    /// Reads commands, each dword in one access: whoever patches a command stream while it runs
    /// decides which value is seen, never a mixture.
    bool read_dwords(uint64_t va, std::span<uint32_t> to);
    bool write(uint64_t va, const void* from, uint64_t size);
    /// Copies ascending, in pieces, so that stopping does not wait for a huge copy. Ranges may
    /// overlap: each piece is moved as a whole.
    bool copy(uint64_t to, uint64_t from, uint64_t size);
    /// Repeats the bytes of `pattern` (little-endian) from `va` on.
    bool fill(uint64_t va, uint32_t pattern, uint64_t size);

  private:
    bool stopped();
    bool pause(unsigned attempt, const char* what);
    template <typename T>
    T* aligned(uint64_t va, Access access);
    template <typename T>
    std::optional<T> load(uint64_t va);
    template <typename T>
    bool store(uint64_t va, T value);
    template <typename T>
    bool exchange_if(uint64_t va, T* expected, T desired);

    JobEnvironment& environment_;
    JobOutcome outcome_;
    unsigned polls_ = 0;
};

template <typename T, typename Function>
std::optional<T> JobRun::modify(uint64_t va, Function change) {
    std::optional<T> old = load<T>(va);
    while (old && !exchange_if<T>(va, &*old, change(*old))) {
        if (!outcome_.done() || !poll()) return std::nullopt;
    }
    return old;
}

}  // namespace simgpu
