// libFuzzer's hooks for targets with a grammar: mutations step by step.
#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/fuzz/grammar.h"

// libFuzzer's own mutation of any bytes (FuzzerInterface.h).
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace viaduct::fuzz {

namespace {

void change_any_bytes(Step& step, Random& random) {
    constexpr size_t kGrowth = 64;
    const size_t size = step.bytes.size();
    const size_t width = random.once(2) ? sizeof(uint32_t) : sizeof(uint64_t);
    if (size >= width && random.once(2)) {
        std::byte* const at = step.bytes.data() + random.below(size / width) * width;
        uint64_t value = 0;
        std::memcpy(&value, at, width);
        // Off by a little: the limits that another operand sets are there.
        value = random.once(3) ? random.near(value) : random.once(2) ? random.edge() : random.id();
        std::memcpy(at, &value, width);
        return;
    }
    if (random.once(4)) {  // what follows the operands is a little too short, or too long
        step.bytes.resize(std::min<uint64_t>(random.near(size), size + kGrowth));
        return;
    }
    step.bytes.resize(size + kGrowth);
    auto* raw = reinterpret_cast<uint8_t*>(step.bytes.data());
    step.bytes.resize(LLVMFuzzerMutate(raw, size, size + kGrowth));
}

size_t place(const Program& program, Random& random) {
    return random.below(program.size());
}

void change_one(Program& program, Random& random) {
    Step& step = program[place(program, random)];
    constexpr uint64_t kRarely = 8;  // what the grammar would not make
    if (random.once(kRarely) || !grammar().change_step(step, random))
        change_any_bytes(step, random);
}

void insert_one(Program& program, Random& random) {
    const auto at = static_cast<std::ptrdiff_t>(random.below(program.size() + 1));
    program.insert(program.begin() + at, grammar().make_step(random));
}

void remove_one(Program& program, Random& random) {
    program.erase(program.begin() + static_cast<std::ptrdiff_t>(place(program, random)));
}

void repeat_one(Program& program, Random& random) {
    Step copy = program[place(program, random)];
    const auto at = static_cast<std::ptrdiff_t>(random.below(program.size() + 1));
    program.insert(program.begin() + at, std::move(copy));
}

void swap_two(Program& program, Random& random) {
    std::swap(program[place(program, random)], program[place(program, random)]);
}

void append_program(Program& program, Random& random) {
    const Program more = grammar().make_program(random);
    program.insert(program.end(), more.begin(), more.end());
}

void mutate(Program& program, Random& random) {
    using Mutation = void (*)(Program&, Random&);
    constexpr Mutation kMutations[] = {change_one, change_one,    change_one, change_one,
                                       insert_one, insert_one,    remove_one, repeat_one,
                                       swap_two,   append_program};
    const uint64_t times = 1 + random.below(3);
    for (uint64_t i = 0; i < times; ++i) {
        if (program.empty()) program = grammar().make_program(random);
        random.of(std::span<const Mutation>(kMutations))(program, random);
    }
    if (program.size() > kMostSteps) program.resize(kMostSteps);
}

size_t put(const std::vector<uint8_t>& bytes, uint8_t* out) {
    std::ranges::copy(bytes, out);
    return bytes.size();
}

}  // namespace

}  // namespace viaduct::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
    using namespace viaduct::fuzz;
    Random random(seed);
    Program program = parse_program({data, size});
    mutate(program, random);
    return put(write_program(program, max_size), data);
}

/// The beginning of one program and the end of another.
extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1,
                                            const uint8_t* data2, size_t size2, uint8_t* out,
                                            size_t max_out_size, unsigned int seed) {
    using namespace viaduct::fuzz;
    Random random(seed);
    Program program = parse_program({data1, size1});
    const Program other = parse_program({data2, size2});
    program.resize(random.below(program.size() + 1));
    const size_t from = random.below(other.size() + 1);
    program.insert(program.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
    if (program.size() > kMostSteps) program.resize(kMostSteps);
    return put(write_program(program, max_out_size), out);
}
