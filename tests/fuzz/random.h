// The choices of a mutation. libFuzzer gives a seed for each, so that runs repeat.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

namespace viaduct::fuzz {

class Random {
  public:
    explicit Random(unsigned seed) : engine_(seed) {}

    uint64_t any() { return engine_(); }
    /// 0 … limit - 1; 0 for a limit of 0.
    uint64_t below(uint64_t limit) { return limit == 0 ? 0 : engine_() % limit; }
    /// True once in `times`.
    bool once(uint64_t times) { return below(times) == 0; }
    template <typename T>
    const T& of(std::span<const T> choices) {
        return choices[below(choices.size())];
    }
    /// A small number, rarely a large one: as ids are.
    uint64_t id() { return once(16) ? any() : once(4) ? below(64) : below(4); }
    /// A number at which arithmetic goes wrong: around powers of two, and the ends of types.
    uint64_t edge() {
        const uint64_t power = uint64_t{1} << below(64);
        return once(4) ? power - 1 : once(8) ? 0 - below(16) : power + below(2);
    }
    /// Of `count` rings: often one of the first, and rarely one behind the last.
    uint32_t ring(uint32_t count) {
        return static_cast<uint32_t>(once(8) ? count - 1 + below(3) : id());
    }
    /// A little more or less than `value`.
    uint64_t near(uint64_t value) {
        const uint64_t distance = uint64_t{1} << below(5);
        return once(2) ? value + distance : value - distance;
    }

  private:
    std::mt19937_64 engine_;
};

}  // namespace viaduct::fuzz
