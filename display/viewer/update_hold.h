// UpdateHold: updates that QEMU waits for, and when they are answered.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace viaduct::viewer {

/// Until an update is answered, QEMU takes no command of any of the guest's programs. An answer at
/// once would let the guest run as fast as its GPU can; so it comes when the compositor takes the
/// frame, which is when it has shown the one before. No update is held longer than a refresh of the
/// screen: a hidden window's frames are never taken. Times are in ns of one monotonic clock.
class UpdateHold {
  public:
    using Reply = std::function<void()>;
    struct Counts {
        uint64_t held = 0;     // updates that were not answered at once
        uint64_t expired = 0;  // of these, those that a refresh ended
        int64_t time = 0;      // ns that QEMU waited, in all
        int64_t longest = 0;
    };
    static constexpr int64_t kUsualRefresh = 16'666'667;

    ~UpdateHold() { release_all(); }
    UpdateHold() = default;
    UpdateHold(const UpdateHold&) = delete;
    UpdateHold& operator=(const UpdateHold&) = delete;

    /// The screen's period. One that no screen has (below 1 ms, above 50 ms) is not believed: QEMU
    /// gives a viewer up after a second, and programs feel much less.
    void set_refresh(uint64_t ns);
    int64_t refresh() const { return refresh_; }
    /// Holds the update that frame `number` was made from; 0: no frame, until the time is over.
    void hold(uint64_t number, Reply reply, int64_t now);
    /// The frame was taken or dropped, and so were all before it.
    void settle(uint64_t number, int64_t now);
    /// Answers those whose time is over.
    void expire(int64_t now);
    /// Answers all.
    void release_all();
    /// INT64_MAX: never.
    int64_t deadline() const;
    const Counts& counts() const { return counts_; }

  private:
    struct Held {
        uint64_t number;
        Reply reply;
        int64_t since;
        int64_t until;
    };
    template <typename Over>
    void answer(int64_t now, const Over& over);

    int64_t refresh_ = kUsualRefresh;
    std::vector<Held> held_;
    Counts counts_;
};

}  // namespace viaduct::viewer
