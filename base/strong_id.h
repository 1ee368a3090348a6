// StrongId: a number that cannot be mistaken for another kind of number.
#pragma once

#include <fmt/format.h>

#include <compare>
#include <cstddef>
#include <functional>

namespace viaduct {

/// An id of type T. `Tag`, a type that needs no definition, makes it a type of its own. Conversions
/// from and to numbers are explicit: where a guest's bytes, the C ABI or a kernel's structure hold
/// the number.
template <typename Tag, typename T>
class StrongId {
  public:
    using Value = T;

    constexpr StrongId() = default;
    constexpr explicit StrongId(T value) : value_(value) {}
    constexpr T value() const { return value_; }

    friend constexpr bool operator==(StrongId, StrongId) = default;
    friend constexpr auto operator<=>(StrongId, StrongId) = default;

  private:
    T value_ = 0;
};

}  // namespace viaduct

/// In a text an id is its number.
template <typename Tag, typename T>
struct fmt::formatter<viaduct::StrongId<Tag, T>> : fmt::formatter<T> {
    template <typename Context>
    auto format(viaduct::StrongId<Tag, T> id, Context& context) const {
        return fmt::formatter<T>::format(id.value(), context);
    }
};

template <typename Tag, typename T>
struct std::hash<viaduct::StrongId<Tag, T>> {
    size_t operator()(viaduct::StrongId<Tag, T> id) const noexcept {
        return std::hash<T>()(id.value());
    }
};
