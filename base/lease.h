// Lease: a movable value that gives something back when it goes.
#pragma once

#include <type_traits>
#include <utility>

namespace viaduct {

/// Owns what a `Holding` describes, and calls its give_back() once: when the lease goes, or when
/// another is assigned to it. Without one it is empty. `Holding` is a small value that names the
/// giver and the amount, and can be made of nothing. As thread-safe as its give_back() is; the
/// lease itself is like any value.
template <typename Holding>
class Lease {
  public:
    Lease() = default;
    explicit Lease(Holding holding) : holding_(std::move(holding)), held_(true) {}
    Lease(Lease&& other) noexcept
        : holding_(std::move(other.holding_)), held_(std::exchange(other.held_, false)) {}
    Lease& operator=(Lease&& other) noexcept {
        if (this != &other) {
            reset();
            holding_ = std::move(other.holding_);
            held_ = std::exchange(other.held_, false);
        }
        return *this;
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { reset(); }

    explicit operator bool() const { return held_; }
    /// Not of an empty lease.
    const Holding& operator*() const { return holding_; }
    const Holding* operator->() const { return &holding_; }

    void reset() {
        static_assert(std::is_nothrow_move_assignable_v<Holding>);
        if (!std::exchange(held_, false)) return;
        Holding holding = std::move(holding_);
        holding_ = Holding();
        holding.give_back();
    }

  private:
    // Not a std::optional, which GCC 12 takes for uninitialised where it is moved.
    Holding holding_ = {};
    bool held_ = false;
};

}  // namespace viaduct
