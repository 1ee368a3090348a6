// The requests of a driver as data, from which programs are made: docs/drivers.md's tables, with
// the values that each field of the wire has uses for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/fuzz/program.h"
#include "tests/fuzz/random.h"
#include "wire/capset.h"
#include "wire/ccmd.h"

namespace viaduct::fuzz {

enum class Value : uint8_t {
    kAny,
    kId,       // of a resource, a context, a queue
    kSize,     // bytes
    kAddress,  // of the GPU
    kFlags,    // bits of choices[0]
    kChoice,
};

/// One field of a request.
struct Field {
    size_t at;     // bytes from the request's beginning
    size_t width;  // bytes
    Value value;
    std::span<const uint64_t> choices = {};
};

#define VIADUCT_FIELD(Request, member, ...)                             \
    ::viaduct::fuzz::Field {                                            \
        offsetof(Request, member), sizeof(Request::member), __VA_ARGS__ \
    }

using Bytes = std::vector<std::byte>;

/// One command of a driver.
struct RequestRule {
    uint32_t command;
    size_t size;  // bytes, without a tail
    std::span<const Field> fields;
    /// Puts what follows the fixed part behind it, and the fields that count it; null: nothing.
    void (*tail)(Random& random, Bytes& request) = nullptr;
};

template <typename Request, typename Command>
constexpr RequestRule rule(Command command, std::span<const Field> fields,
                           void (*tail)(Random&, Bytes&) = nullptr) {
    return {static_cast<uint32_t>(command), sizeof(Request), fields, tail};
}

/// A buffer of an opening; `id` is its blob's and its resource's.
struct OpeningBuffer {
    uint32_t id;
    uint64_t size;  // bytes
    uint64_t va;
};

/// How programs begin (opening() in grammar.cpp), by driver.
struct Opening {
    /// Contexts, address spaces and queues.
    void (*prepare)(Program& program, Random& random);
    Step (*create)(const OpeningBuffer& buffer, Random& random);
    Step (*map)(const OpeningBuffer& buffer);  // null: submissions place their buffers
    Step (*submit)(const OpeningBuffer& buffer, Random& random);
    uint32_t ring;            // of these submissions
    uint32_t batch_end = 0;   // the dword that ends a batch; 0: its length does
    Step (*ask)() = nullptr;  // about what was submitted; null: not
};

/// A driver's requests, one for each row of its table.
struct DriverRequests {
    wire::ContextType type;
    std::string_view chip;  // that is simulated
    std::span<const RequestRule> rules;
    Opening opening;
};

/// The driver of this program.
const DriverRequests& driver_requests();

/// Behind `request`.
template <typename T>
void append(Bytes& request, const T& value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    request.insert(request.end(), bytes.begin(), bytes.end());
}
template <typename T>
T head_of(const Bytes& request) {
    T value{};
    std::memcpy(&value, request.data(), std::min(sizeof(T), request.size()));
    return value;
}
template <typename T>
void set_head(Bytes& request, const T& value) {
    std::memcpy(request.data(), &value, std::min(sizeof(T), request.size()));
}

/// A value for a field of this kind.
uint64_t pick(const Field& field, Random& random);
/// Pages somewhere in the part of the address space that programs use.
uint64_t any_address(Random& random);
uint64_t any_size(Random& random);

/// Finishes a request: the header's command and length are set here.
Bytes finish(uint32_t command, Bytes request);
/// One request, or a few.
Bytes make_requests(Random& random);
/// Changes the first request of a buffer, which most buffers have alone. False: it has no rule.
bool change_requests(Bytes& requests, Random& random);
}  // namespace viaduct::fuzz
