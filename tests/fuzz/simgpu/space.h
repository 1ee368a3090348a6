// The address space that engines and shaders get: separate heap blocks, and the grammar of programs
// that are code and memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

#include "simgpu/clock.h"
#include "simgpu/engine/engine.h"
#include "tests/fuzz/grammar.h"
#include "tests/unit/simgpu/engine/fake_gpu_memory.h"

namespace viaduct::fuzz {

/// The steps of a program.
enum class Kind : uint16_t {
    kCode,    // dwords that are executed, behind those of the steps before
    kMemory,  // MemoryOperands, and the bytes that lie there
    kState,   // dwords that the engine begins with: what they mean is the target's
};
inline constexpr uint16_t kKinds = 3;

struct MemoryOperands {
    uint32_t offset;  // bytes into the data
};

using Dwords = std::vector<uint32_t>;

inline constexpr uint64_t kCode = 0x10'0000;
inline constexpr uint64_t kData = 0x1000'0000;
inline constexpr uint64_t kReadOnly = 0x2000'0000;
inline constexpr uint32_t kDataBytes = 64 << 10;
inline constexpr uint32_t kReadOnlyBytes = 4096;

/// The memory of one program.
class Space {
  public:
    /// `ending`: dwords behind the program's code.
    explicit Space(const Program& program, const Dwords& ending = {});

    simgpu::GpuMemory& memory() { return memory_; }
    uint32_t code_bytes() const { return code_bytes_; }
    const Dwords& state() const { return state_; }
    uint32_t state(size_t index) const { return index < state_.size() ? state_[index] : 0; }
    /// Of a job that has 2 ms.
    simgpu::JobEnvironment environment() {
        constexpr uint64_t kPatience = 2'000'000;  // ns
        return {memory_, stop_, simgpu::monotonic_ns() + kPatience, 0};
    }

  private:
    simgpu::FakeGpuMemory memory_;
    std::atomic<bool> stop_ = false;
    uint32_t code_bytes_ = 0;
    Dwords state_;
};

Dwords dwords_of(const Step& step);
Step step_of(Kind kind, const Dwords& dwords);

/// A grammar whose code is made by `make_code`, one packet or instruction each.
class CodeGrammar : public Grammar {
  public:
    Program make_program(Random& random) const override;
    Step make_step(Random& random) const override;
    bool change_step(Step& step, Random& random) const override;

  protected:
    virtual Dwords make_code(Random& random) const = 0;
    virtual Dwords make_state(Random& random) const = 0;
    /// Changes one of the code's dwords, or more; the default: any bits of any but the first.
    virtual void change_code(Dwords& code, Random& random) const;
};

/// Often an address that is mapped, or a small number.
uint64_t any_place(Random& random);

}  // namespace viaduct::fuzz
