// The guest layer below an ordinary driver, with a host that answers what it likes.
#include <cerrno>
#include <cstring>

#include "tests/fuzz/grammar.h"
#include "tests/fuzz/layer/app.h"
#include "tests/fuzz/layer/hostile_host.h"
#include "tests/fuzz/target.h"
#include "wire/capset.h"

namespace viaduct::fuzz {

namespace {

enum class Kind : uint16_t {
    kCapset,   // of the first step only: the capability set's bytes
    kCall,     // CallOperands
    kAnswer,   // the length, and the bytes behind it, of all answers from now on
    kControl,  // ControlOperands, and the bytes
    kSeqno,    // a number: the skew
    kFailure,  // a number: an errno, or 0
    kNode,     // two numbers: BLOB_ALIGNMENT, and where responses begin. Before the first call
};
constexpr uint16_t kKinds = 7;

struct CallOperands {
    uint32_t which;
    uint32_t pad;
    Numbers numbers;
};
struct ControlOperands {
    uint32_t offset;
};
struct NodeOperands {
    uint32_t alignment;
    uint32_t area;
};

struct Driver {
    wire::ContextType type;
    std::span<const AppCall> (*calls)();
};
constexpr Driver kDrivers[] = {{wire::ContextType::kAmdgpu, amdgpu_calls},
                               {wire::ContextType::kI915, i915_calls},
                               {wire::ContextType::kXe, xe_calls}};

wire::CapsetDrm any_capset(Random& random) {
    wire::CapsetDrm capset{};
    capset.context_type = kDrivers[random.below(std::size(kDrivers))].type;
    capset.wire_format_version = 1;
    capset.version_major = 3;
    capset.version_minor = 57;
    if (random.once(4))
        for (std::byte& byte : capset.driver) byte = static_cast<std::byte>(random.any());
    return capset;
}

Step any_answer(Random& random) {
    Step step{static_cast<uint16_t>(Kind::kAnswer), {}};
    // The length, the result (in either place that drivers have it), and small or odd numbers.
    const size_t words = 2 + random.below(64);
    step.bytes.resize(words * sizeof(uint32_t));
    for (size_t i = 0; i < words; ++i) {
        const uint64_t value = i == 0                      ? random.below(512)
                               : i <= 2 && !random.once(8) ? 0
                               : random.once(3)            ? random.edge()
                                                           : random.id();
        std::memcpy(step.bytes.data() + i * sizeof(uint32_t), &value, sizeof(uint32_t));
    }
    return step;
}

Step any_step(Kind kind, Random& random) {
    const auto number = static_cast<uint16_t>(kind);
    switch (kind) {
        case Kind::kCapset:
            return make_step(number, any_capset(random));
        case Kind::kCall: {
            CallOperands call{};
            call.which = static_cast<uint32_t>(random.below(32));
            call.numbers.id = static_cast<uint32_t>(random.id());
            call.numbers.what = static_cast<uint32_t>(random.any());
            call.numbers.size = random.once(4) ? random.edge() : 4096 * (1 + random.below(4));
            call.numbers.address = 0x10'0000 + 4096 * random.below(16);
            return make_step(number, call);
        }
        case Kind::kAnswer:
            return any_answer(random);
        case Kind::kControl: {
            Step step = make_step(number, ControlOperands{static_cast<uint32_t>(
                                              random.once(2) ? random.below(88) : random.any())});
            step.bytes.resize(step.bytes.size() + 4 * random.below(8), std::byte{0xff});
            return step;
        }
        case Kind::kSeqno:
            return make_step(number, static_cast<uint32_t>(random.once(2) ? 0 : random.edge()));
        case Kind::kFailure:
            return make_step(number, static_cast<uint32_t>(random.once(2) ? 0 : random.below(64)));
        case Kind::kNode:
            break;
    }
    return make_step(number,
                     NodeOperands{static_cast<uint32_t>(random.once(2) ? 0 : random.edge()),
                                  static_cast<uint32_t>(random.once(2) ? 88 : random.edge())});
}

class HostGrammar final : public KindGrammar<Kind> {
  public:
    HostGrammar() : KindGrammar(kKinds, any_step) {}
    Program make_program(Random& random) const override {
        Program program{any_step(Kind::kCapset, random)};
        if (random.once(4)) program.push_back(any_step(Kind::kNode, random));
        for (uint64_t left = 4 + random.below(16); left > 0; --left)
            program.push_back(make_step(random));
        return program;
    }

  protected:
    Kind any_kind(Random& random) const override {
        if (random.once(2)) return Kind::kCall;
        if (random.once(2)) return Kind::kAnswer;
        return static_cast<Kind>(1 + random.below(kKinds - 1));  // the capset comes first
    }
};

/// The row for the capset, whose type may be any.
const Driver& driver_of(const wire::CapsetDrm& capset) {
    for (const Driver& driver : kDrivers)
        if (driver.type == capset.context_type) return driver;
    return kDrivers[0];
}

class Guest {
  public:
    explicit Guest(const wire::CapsetDrm& capset)
        : driver_(driver_of(capset)), node_(capset, *guest::find_driver(driver_.type)) {}

    void run(const Step& step) {
        switch (static_cast<Kind>(step.kind)) {
            case Kind::kCall: {
                const auto call = step.as<CallOperands>();
                const auto calls = driver_.calls();
                calls[call.which % calls.size()]({node_, channel_}, call.numbers);
                break;
            }
            case Kind::kAnswer: {
                const auto length = step.as<uint32_t>();
                const size_t behind = std::min(sizeof(length), step.bytes.size());
                host_.answer_with(length, {step.bytes.begin() + static_cast<std::ptrdiff_t>(behind),
                                           step.bytes.end()});
                break;
            }
            case Kind::kControl: {
                const std::span bytes(step.bytes);
                host_.write_control(step.as<ControlOperands>().offset,
                                    bytes.subspan(std::min(sizeof(ControlOperands), bytes.size())));
                break;
            }
            case Kind::kSeqno:
                host_.skew_seqno(step.as<uint32_t>());
                break;
            case Kind::kFailure:
                host_.fail_with(static_cast<int>(step.as<uint32_t>() % 134));
                break;
            case Kind::kNode:
                host_.set_blob_alignment(step.as<NodeOperands>().alignment);
                host_.set_area(step.as<NodeOperands>().area);
                break;
            case Kind::kCapset:
                break;
        }
    }

  private:
    const Driver& driver_;
    HostileHost host_;
    const guest::Channel channel_{host_, 7};
    guest::OpenNode node_;
};

}  // namespace

const Grammar& grammar() {
    static const HostGrammar the_grammar;
    return the_grammar;
}

void start() {}

void run(std::span<const uint8_t> input) {
    const Program program = parse_program(input);
    if (program.empty()) return;
    Guest guest(program[0].as<wire::CapsetDrm>());
    for (const Step& step : program) guest.run(step);
}

}  // namespace viaduct::fuzz
