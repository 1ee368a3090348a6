// The steps of a program against one context: commands, and the calls of its front.
#pragma once

#include <cstdint>
#include <utility>

#include "tests/fuzz/ccmd/requests.h"
#include "tests/fuzz/program.h"

namespace viaduct::fuzz {

/// The steps of a program against one context.
enum class Kind : uint16_t {
    kCommands,    // the bytes of a submission
    kCreateBlob,  // BlobOperands
    kMapSource,   // ResourceOperands
    kExport,      // ResourceOperands
    kAttach,      // ResourceOperands: `value` is the resource whose dma-buf comes back
    kDetach,      // ResourceOperands
    kInFence,     // nothing
    kWrite,       // ResourceOperands, and the bytes that a guest's CPU writes to it
    kEnd,         // RingOperands: work is done
    kFailure,     // FailureOperands
    kLimits,      // LimitOperands; of the first step only
};
inline constexpr uint16_t kKinds = 11;

struct BlobOperands {
    uint64_t blob_id;
    uint64_t size;
    uint32_t res_id;
    uint32_t flags;
};
struct ResourceOperands {
    uint32_t res_id;
    uint32_t value;
};
struct RingOperands {
    uint32_t ring;
    uint32_t failed;
};
/// The kernel fails the ioctl that follows `after` others.
struct FailureOperands {
    uint32_t after;
    uint32_t error;  // errno
};
struct LimitOperands {
    uint32_t memory_pages;
    uint16_t buffers;
    uint16_t mappings;
    uint16_t regions;
    uint8_t allowed;
    uint8_t priority;
    uint8_t queues;
    uint8_t cached;
};

template <typename Operands>
Step call(Kind kind, const Operands& operands) {
    return make_step(static_cast<uint16_t>(kind), operands);
}

inline Step commands(uint32_t command, Bytes request) {
    return {static_cast<uint16_t>(Kind::kCommands), finish(command, std::move(request))};
}
template <typename Command, typename Request>
Step command(Command number, const Request& request, const Bytes& tail = {}) {
    Bytes bytes;
    append(bytes, request);
    bytes.insert(bytes.end(), tail.begin(), tail.end());
    return commands(static_cast<uint32_t>(number), std::move(bytes));
}

}  // namespace viaduct::fuzz
