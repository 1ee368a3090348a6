// Programs: what most targets take as their input. A program is a list of steps, each of a kind
// with its operands, so that a mutation can change, add or drop a whole call.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace viaduct::fuzz {

/// One call of the code under test. The target gives kinds and bytes their meaning.
struct Step {
    uint16_t kind = 0;
    std::vector<std::byte> bytes;

    /// The operands as a T; what is missing reads as zero.
    template <typename T>
    T as() const {
        static_assert(std::is_trivially_copyable_v<T>);
        T value{};
        if (!bytes.empty()) std::memcpy(&value, bytes.data(), std::min(sizeof(T), bytes.size()));
        return value;
    }
};

template <typename T>
Step make_step(uint16_t kind, const T& operands) {
    const auto bytes = std::as_bytes(std::span(&operands, 1));
    return {kind, {bytes.begin(), bytes.end()}};
}

using Program = std::vector<Step>;

/// More steps are not read: an input has to end soon.
inline constexpr size_t kMostSteps = 96;

/// Reads any bytes: per step a little-endian u16 kind, a u16 length, and as many bytes, of which
/// the last step may lack some.
Program parse_program(std::span<const uint8_t> input);
/// The opposite. Steps that do not fit `most` bytes are left out.
std::vector<uint8_t> write_program(const Program& program, size_t most);

}  // namespace viaduct::fuzz
