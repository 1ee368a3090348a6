// The grammar of what a guest does to its context, for any driver.
#include <cerrno>

#include "tests/fuzz/ccmd/calls.h"
#include "tests/fuzz/grammar.h"

namespace viaduct::fuzz {

namespace {

Step make_limits(Random& random) {
    LimitOperands limits{};
    limits.memory_pages = static_cast<uint32_t>(random.below(512));
    limits.buffers = static_cast<uint16_t>(random.below(8));
    limits.mappings = static_cast<uint16_t>(random.below(8));
    limits.regions = static_cast<uint16_t>(random.below(8));
    limits.allowed = static_cast<uint8_t>(random.any());
    limits.priority = static_cast<uint8_t>(random.below(4));
    limits.queues = static_cast<uint8_t>(random.below(4));
    limits.cached = static_cast<uint8_t>(random.below(2));
    return call(Kind::kLimits, limits);
}

Step make_failure(Random& random) {
    constexpr uint32_t kErrors[] = {ENOMEM, EINVAL,    ENOENT, EIO,    EBUSY,   ENOSPC, EACCES,
                                    EPERM,  ECANCELED, ETIME,  ENODEV, ENODATA, EFAULT, EAGAIN};
    return call(Kind::kFailure, FailureOperands{static_cast<uint32_t>(random.below(4)),
                                                random.of(std::span<const uint32_t>(kErrors))});
}

Step make_call(Kind kind, Random& random) {
    const auto id = [&] { return static_cast<uint32_t>(random.id()); };
    switch (kind) {
        case Kind::kCreateBlob:
            return call(kind, BlobOperands{random.id(), any_size(random), id(),
                                           static_cast<uint32_t>(random.below(16))});
        case Kind::kEnd:
            return call(kind, RingOperands{static_cast<uint32_t>(random.below(8)),
                                           static_cast<uint32_t>(random.below(2))});
        case Kind::kFailure:
            return make_failure(random);
        case Kind::kLimits:
            return make_limits(random);
        default:
            return call(kind, ResourceOperands{id(), id()});
    }
}

/// Three buffers, each at an address of its own, and a submission with each.
Program opening(Random& random) {
    const Opening& driver = driver_requests().opening;
    Program program;
    driver.prepare(program, random);
    for (uint32_t id = 1; id <= 3; ++id) {
        const OpeningBuffer buffer{id, 4096 * uint64_t{id}, 0x10'0000 * uint64_t{id}};
        program.push_back(driver.create(buffer, random));
        program.push_back(
            call(Kind::kCreateBlob,
                 BlobOperands{id, buffer.size, id, static_cast<uint32_t>(random.below(4))}));
        if (driver.batch_end != 0) {
            program.push_back(call(Kind::kWrite, ResourceOperands{id, 0}));
            append(program.back().bytes, driver.batch_end);
        }
        if (driver.map) program.push_back(driver.map(buffer));
        if (random.once(4)) program.push_back({static_cast<uint16_t>(Kind::kInFence), {}});
        program.push_back(driver.submit(buffer, random));
        program.push_back(
            call(Kind::kEnd, RingOperands{driver.ring, static_cast<uint32_t>(random.below(2))}));
    }
    if (driver.ask) program.push_back(driver.ask());
    return program;
}

class CommandGrammar final : public Grammar {
  public:
    Program make_program(Random& random) const override {
        Program program = opening(random);
        if (random.once(4)) program.insert(program.begin(), make_limits(random));
        return program;
    }
    Step make_step(Random& random) const override {
        if (!random.once(3)) return {static_cast<uint16_t>(Kind::kCommands), make_requests(random)};
        return make_call(static_cast<Kind>(1 + random.below(kKinds - 1)), random);
    }
    bool change_step(Step& step, Random& random) const override {
        const auto kind = static_cast<Kind>(step.kind);
        if (kind == Kind::kCommands) return change_requests(step.bytes, random);
        if (kind == Kind::kWrite || step.kind >= kKinds) return false;
        step = make_call(kind, random);
        return true;
    }
};

}  // namespace

const Grammar& grammar() {
    static const CommandGrammar the_grammar;
    return the_grammar;
}

}  // namespace viaduct::fuzz
