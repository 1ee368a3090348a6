#include "display/viewer/update_hold.h"

#include <algorithm>
#include <utility>

namespace viaduct::viewer {

void UpdateHold::set_refresh(uint64_t ns) {
    if (ns >= 1'000'000 && ns <= 50'000'000) refresh_ = static_cast<int64_t>(ns);
}

void UpdateHold::hold(uint64_t number, Reply reply, int64_t now) {
    held_.push_back({number, std::move(reply), now, now + refresh_});
}

template <typename Over>
void UpdateHold::answer(int64_t now, const Over& over) {
    // A reply may lead to the next update, and so back here.
    std::vector<Held> ready;
    for (auto held = held_.begin(); held != held_.end();) {
        if (over(*held)) {
            ready.push_back(std::move(*held));
            held = held_.erase(held);
        } else {
            ++held;
        }
    }
    for (const Held& held : ready) {
        const int64_t time = now - held.since;
        if (time > 0) {
            ++counts_.held;
            counts_.time += time;
            counts_.longest = std::max(counts_.longest, time);
        }
        held.reply();
    }
}

void UpdateHold::settle(uint64_t number, int64_t now) {
    answer(now, [number](const Held& held) { return held.number != 0 && held.number <= number; });
}

void UpdateHold::expire(int64_t now) {
    answer(now, [this, now](const Held& held) {
        const bool over = held.until <= now;
        counts_.expired += over ? 1 : 0;
        return over;
    });
}

void UpdateHold::release_all() {
    for (const Held& held : std::exchange(held_, {})) held.reply();
}

int64_t UpdateHold::deadline() const {
    const auto first = std::ranges::min_element(held_, {}, &Held::until);
    return first == held_.end() ? INT64_MAX : first->until;
}

}  // namespace viaduct::viewer
