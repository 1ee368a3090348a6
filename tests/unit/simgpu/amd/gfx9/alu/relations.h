// Comparisons by name: which of the four ways two numbers can stand to each other they hold for.
#pragma once

#include <compare>
#include <stdexcept>
#include <string>
#include <string_view>

namespace simgpu::gfx9::test {

/// Index into Relation::holds.
enum class Order : unsigned { kLess, kEqual, kGreater, kUnordered };

struct Relation {
    std::string_view name;
    bool holds[4];  // less, equal, greater, unordered
};

/// The names of V_CMP_*, S_CMP_* and S_CMPK_* (Vega ISA, "VOPC instructions": TRU and T, LG and
/// NE are one and the same; an N in front negates, and so holds for NaN too).
inline constexpr Relation kRelations[] = {
    {"f", {false, false, false, false}}, {"lt", {true, false, false, false}},
    {"eq", {false, true, false, false}}, {"le", {true, true, false, false}},
    {"gt", {false, false, true, false}}, {"lg", {true, false, true, false}},
    {"ge", {false, true, true, false}},  {"o", {true, true, true, false}},
    {"u", {false, false, false, true}},  {"nge", {true, false, false, true}},
    {"nlg", {false, true, false, true}}, {"ngt", {true, true, false, true}},
    {"nle", {false, false, true, true}}, {"neq", {true, false, true, true}},
    {"nlt", {false, true, true, true}},  {"tru", {true, true, true, true}},
    {"ne", {true, false, true, false}},  {"t", {true, true, true, true}},
};

inline bool holds(std::string_view relation, Order order) {
    for (const Relation& r : kRelations)
        if (r.name == relation) return r.holds[static_cast<unsigned>(order)];
    throw std::invalid_argument(std::string(relation));
}

template <class T>
Order order_of(T a, T b) {
    const std::partial_ordering order = a <=> b;
    if (order == std::partial_ordering::less) return Order::kLess;
    if (order == std::partial_ordering::equivalent) return Order::kEqual;
    return order == std::partial_ordering::greater ? Order::kGreater : Order::kUnordered;
}

}  // namespace simgpu::gfx9::test
