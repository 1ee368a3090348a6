#include "tests/fuzz/simgpu/space.h"

#include <algorithm>

namespace viaduct::fuzz {

Space::Space(const Program& program, const Dwords& ending) {
    memory_.map(kData, kDataBytes);
    memory_.map(kReadOnly, kReadOnlyBytes, simgpu::Mode::kReadOnly);
    Dwords code;
    for (const Step& step : program) {
        const Dwords dwords = dwords_of(step);
        if (step.kind == static_cast<uint16_t>(Kind::kCode))
            code.insert(code.end(), dwords.begin(), dwords.end());
        if (step.kind == static_cast<uint16_t>(Kind::kState))
            state_.insert(state_.end(), dwords.begin(), dwords.end());
        if (step.kind != static_cast<uint16_t>(Kind::kMemory)) continue;
        const uint32_t offset = step.as<MemoryOperands>().offset % kDataBytes;
        if (step.bytes.size() <= sizeof(MemoryOperands)) continue;
        const auto bytes = std::span(step.bytes).subspan(sizeof(MemoryOperands));
        std::memcpy(memory_.bytes(kData + offset), bytes.data(),
                    std::min<size_t>(bytes.size(), kDataBytes - offset));
    }
    code.insert(code.end(), ending.begin(), ending.end());
    if (code.empty()) code.push_back(0);
    code_bytes_ = static_cast<uint32_t>(code.size() * sizeof(uint32_t));
    memory_.map(kCode, code_bytes_);
    std::memcpy(memory_.bytes(kCode), code.data(), code_bytes_);
}

Dwords dwords_of(const Step& step) {
    Dwords dwords(step.bytes.size() / sizeof(uint32_t));
    if (!dwords.empty())
        std::memcpy(dwords.data(), step.bytes.data(), dwords.size() * sizeof(uint32_t));
    return dwords;
}

Step step_of(Kind kind, const Dwords& dwords) {
    const auto bytes = std::as_bytes(std::span(dwords));
    return {static_cast<uint16_t>(kind), {bytes.begin(), bytes.end()}};
}

Program CodeGrammar::make_program(Random& random) const {
    Program program{step_of(Kind::kState, make_state(random))};
    const uint64_t count = 1 + random.below(12);
    for (uint64_t i = 0; i < count; ++i) program.push_back(step_of(Kind::kCode, make_code(random)));
    return program;
}

Step CodeGrammar::make_step(Random& random) const {
    if (random.once(16)) return step_of(Kind::kState, make_state(random));
    if (!random.once(4)) return step_of(Kind::kCode, make_code(random));
    Dwords dwords{static_cast<uint32_t>(4 * random.below(kDataBytes / 4))};
    for (uint64_t left = 1 + random.below(16); left > 0; --left)
        dwords.push_back(static_cast<uint32_t>(any_place(random)));
    return step_of(Kind::kMemory, dwords);
}

bool CodeGrammar::change_step(Step& step, Random& random) const {
    Dwords dwords = dwords_of(step);
    if (step.kind >= kKinds || dwords.empty()) return false;
    const auto kind = static_cast<Kind>(step.kind);
    if (kind == Kind::kCode)
        change_code(dwords, random);
    else
        dwords[random.below(dwords.size())] = static_cast<uint32_t>(any_place(random));
    step = step_of(kind, dwords);
    return true;
}

void CodeGrammar::change_code(Dwords& code, Random& random) const {
    uint32_t& dword = code[code.size() == 1 ? 0 : 1 + random.below(code.size() - 1)];
    if (random.once(2))
        dword ^= 1u << random.below(32);
    else
        dword = static_cast<uint32_t>(any_place(random) >> (random.once(4) ? 32 : 0));
}

uint64_t any_place(Random& random) {
    if (random.once(4)) return random.id();
    if (random.once(8)) return random.edge();
    constexpr uint64_t kPlaces[] = {kData, kData, kData, kReadOnly, kCode, kData + kDataBytes - 16};
    return random.of(std::span<const uint64_t>(kPlaces)) + 4 * random.below(64);
}

}  // namespace viaduct::fuzz
