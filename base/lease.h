// Lease: a movable value that gives something back when it goes.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

namespace viaduct {

/// Owns what a `Holding` describes, and calls its give_back() once: when the lease goes, or when
/// another is assigned to it. Without one it is empty. `Holding` is a small value that names the
/// giver and the amount. As thread-safe as its give_back() is; the lease itself is like any value.
template <typename Holding>
class Lease {
  public:
    Lease() = default;
    explicit Lease(Holding holding) : held_(std::move(holding)) {}
    Lease(Lease&& other) noexcept : held_(std::exchange(other.held_, std::nullopt)) {}
    Lease& operator=(Lease&& other) noexcept {
        if (this != &other) {
            reset();
            held_ = std::exchange(other.held_, std::nullopt);
        }
        return *this;
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { reset(); }

    explicit operator bool() const { return held_.has_value(); }
    /// Not of an empty lease.
    const Holding& operator*() const { return *held_; }
    const Holding* operator->() const { return &*held_; }

    void reset() {
        static_assert(std::is_nothrow_move_constructible_v<Holding>);
        if (auto holding = std::exchange(held_, std::nullopt)) holding->give_back();
    }

  private:
    std::optional<Holding> held_;
};

}  // namespace viaduct
