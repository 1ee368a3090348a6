// A packet processor with a language of its own, to test what is around the real ones.
#pragma once

#include <initializer_list>
#include <memory>
#include <vector>

#include "simgpu/amd/kernel/rings.h"
#include "tests/unit/simgpu/amd/kernel/test_file.h"

namespace simgpu::test {

/// Where tests have their programs and what those write.
inline constexpr uint64_t kProgramVa = 0x10000000;
inline constexpr uint64_t kDataVa = 0x20000000;

// An IB is a row of these, each with its operands.
enum FakeOp : uint32_t {
    kWrite = 1,       // va_lo, va_hi, value
    kSpin = 2,        // until told to stop (kStopped) or the deadline (kHang)
    kUnknown = 3,     // kBadShader
    kAwait = 4,       // va_lo, va_hi, value: polls until the word has it
    kCount = 5,       // va_lo, va_hi: adds one to the word
    kSpinShader = 6,  // as kSpin, in a shader
};

std::unique_ptr<Engine> create_fake_engine(const amdgpu::RingPlace& place);

/// Installs the fake engine as long as it lives.
class UseFakeEngine {
  public:
    UseFakeEngine() { amdgpu::set_engine_factory_for_tests(create_fake_engine); }
    ~UseFakeEngine() { amdgpu::set_engine_factory_for_tests(nullptr); }
};

/// Builds IBs, one behind the other, in a buffer of a file.
class Program {
  public:
    Program(TestFile& file, uint64_t va) : buffer_(file.buffer(va, 1 << 20)) {}
    /// A chunk list with one IB made of `words`.
    Chunks ib(std::initializer_list<uint32_t> words, uint32_t ip = AMDGPU_HW_IP_GFX,
              uint32_t ring = 0);
    static uint32_t lo(uint64_t va) { return static_cast<uint32_t>(va); }
    static uint32_t hi(uint64_t va) { return static_cast<uint32_t>(va >> 32); }

  private:
    TestBuffer buffer_;
    uint32_t used_ = 0;
};

}  // namespace simgpu::test
