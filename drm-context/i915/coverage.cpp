#include "drm-context/i915/coverage.h"

#include <iterator>

namespace viaduct::i915 {

Coverage::Steps::iterator Coverage::split(uint64_t number) {
    const auto next = steps_.lower_bound(number);
    if (next != steps_.end() && next->first == number) return next;
    return steps_.emplace_hint(next, number, next == steps_.begin() ? 0 : std::prev(next)->second);
}

void Coverage::join(uint64_t number) {
    const auto step = steps_.find(number);
    const uint32_t before = step == steps_.begin() ? 0 : std::prev(step)->second;
    if (step->second == before) steps_.erase(step);
}

void Coverage::add(uint64_t first, uint64_t end) {
    auto step = split(first);
    const auto last = split(end);
    while (step != last) {
        const auto next = std::next(step);
        if (step->second++ == 0) covered_ += next->first - step->first;
        step = next;
    }
    join(first);
    join(end);
}

void Coverage::remove(uint64_t first, uint64_t end) {
    auto step = split(first);
    const auto last = split(end);
    while (step != last) {
        const auto next = std::next(step);
        if (--step->second == 0) covered_ -= next->first - step->first;
        step = next;
    }
    join(first);
    join(end);
}

}  // namespace viaduct::i915
