#include "tests/unit/simgpu/amd/kernel/fake_engine.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace simgpu::test {

namespace {

class FakeEngine final : public Engine {
  public:
    JobOutcome execute(const IndirectBuffer& ib, JobEnvironment& environment) override {
        environment_ = &environment;
        uint64_t at = ib.va;
        const uint64_t end = ib.va + ib.size_bytes;
        while (at < end) {
            const uint32_t op = word(&at);
            if (!outcome_.done()) return take();
            switch (op) {
                case kWrite: {
                    const uint64_t va = address(&at);
                    store(va, word(&at));
                    break;
                }
                case kCount: {
                    const uint64_t va = address(&at);
                    store(va, load(va) + 1);
                    break;
                }
                case kSpin:
                    wait([] { return false; });
                    break;
                case kSpinShader:
                    wait([] { return false; });
                    outcome_.in_shader = true;
                    break;
                case kAwait: {
                    const uint64_t va = address(&at);
                    const uint32_t value = word(&at);
                    wait([&] { return load(va) == value; });
                    break;
                }
                default:
                    outcome_.kind = JobOutcome::Kind::kBadShader;
                    outcome_.report = "no such word";
            }
            if (!outcome_.done()) return take();
        }
        return {};
    }
    const EngineCounters& counters() const override { return counters_; }

  private:
    JobOutcome take() { return std::exchange(outcome_, {}); }
    uint32_t word(uint64_t* at) {
        const uint32_t value = load(*at);
        *at += 4;
        return value;
    }
    uint64_t address(uint64_t* at) {
        const uint64_t low = word(at);
        return low | uint64_t{word(at)} << 32;
    }
    uint32_t* reach(uint64_t va, Access access) {
        const Span span = environment_->memory.resolve(va, access);
        if (span.data && span.size >= 4) return reinterpret_cast<uint32_t*>(span.data);
        outcome_.kind = JobOutcome::Kind::kFault;
        outcome_.fault_va = va;
        outcome_.fault_access = access;
        return nullptr;
    }
    uint32_t load(uint64_t va) {
        const uint32_t* at = reach(va, Access::kRead);
        return at ? __atomic_load_n(at, __ATOMIC_ACQUIRE) : 0;
    }
    void store(uint64_t va, uint32_t value) {
        if (uint32_t* at = reach(va, Access::kWrite)) __atomic_store_n(at, value, __ATOMIC_RELEASE);
    }
    template <typename Condition>
    void wait(Condition met) {
        while (outcome_.done() && !met()) {
            if (environment_->stop) {
                outcome_.kind = JobOutcome::Kind::kStopped;
            } else if (in_ms(0) >= environment_->deadline_ns) {
                outcome_.kind = JobOutcome::Kind::kHang;
                outcome_.report = "waited in vain";
            } else {
                std::this_thread::sleep_for(std::chrono::microseconds(50));
            }
        }
    }

    JobEnvironment* environment_ = nullptr;
    JobOutcome outcome_;
    EngineCounters counters_;
};

}  // namespace

std::unique_ptr<Engine> create_fake_engine(const amdgpu::RingPlace&) {
    return std::make_unique<FakeEngine>();
}

Chunks Program::ib(std::initializer_list<uint32_t> words, uint32_t ip, uint32_t ring) {
    std::ranges::copy(words, buffer_.words() + used_);
    Chunks chunks;
    chunks.ib(buffer_.va + used_ * 4, static_cast<uint32_t>(words.size() * 4), ip, ring);
    used_ += static_cast<uint32_t>(words.size());
    return chunks;
}

}  // namespace simgpu::test
