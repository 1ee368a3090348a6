#include "tests/fuzz/program.h"

namespace viaduct::fuzz {

namespace {

struct Head {
    uint16_t kind;
    uint16_t length;  // bytes behind this
};
constexpr size_t kMostBytes = UINT16_MAX;  // of a step

}  // namespace

Program parse_program(std::span<const uint8_t> input) {
    Program program;
    while (input.size() >= sizeof(Head) && program.size() < kMostSteps) {
        Head head;
        std::memcpy(&head, input.data(), sizeof(head));
        input = input.subspan(sizeof(head));
        const auto bytes = std::as_bytes(input.first(std::min<size_t>(head.length, input.size())));
        program.push_back({head.kind, {bytes.begin(), bytes.end()}});
        input = input.subspan(bytes.size());
    }
    return program;
}

std::vector<uint8_t> write_program(const Program& program, size_t most) {
    std::vector<uint8_t> out;
    for (const Step& step : program) {
        const size_t length = std::min(step.bytes.size(), kMostBytes);
        if (out.size() + sizeof(Head) + length > most) break;
        const Head head{step.kind, static_cast<uint16_t>(length)};
        const auto* raw = reinterpret_cast<const uint8_t*>(&head);
        out.insert(out.end(), raw, raw + sizeof(head));
        const auto* bytes = reinterpret_cast<const uint8_t*>(step.bytes.data());
        out.insert(out.end(), bytes, bytes + length);
    }
    return out;
}

}  // namespace viaduct::fuzz
