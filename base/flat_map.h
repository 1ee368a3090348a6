// FlatMap: a hash table in one array, for what comes and goes all the time.
#pragma once

#include <sys/random.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace viaduct {

/// Maps numbers, which a guest may choose, to values that are cheap to move. Only growth
/// allocates; a large table that gets empty gives its memory back. The hash depends on random
/// numbers, so no choice of keys makes them collide. References last until the next add() or
/// take(). Not thread-safe.
template <typename Value>
class FlatMap {
  public:
    FlatMap() {
        // Early after boot there may be none; the constants do then.
        [[maybe_unused]] const ssize_t got = ::getrandom(secret_, sizeof(secret_), GRND_NONBLOCK);
        secret_[1] |= 1;  // a factor that loses no bit
    }

    size_t size() const { return size_; }

    /// Null: not there.
    const Value* find(uint64_t key) const {
        const size_t at = slot_of(key);
        return at == kNowhere ? nullptr : &slots_[at].value;
    }
    Value* find(uint64_t key) {
        const size_t at = slot_of(key);
        return at == kNowhere ? nullptr : &slots_[at].value;
    }

    /// Needed before each add(), try_add() and find_or_add(), which do not throw then.
    void make_room() {
        if (2 * size_ >= mask_) grow();
    }
    /// `key` is not there yet.
    Value& add(uint64_t key, const Value& value) {
        return fill(slots_[free_slot(key)], key, value);
    }
    /// Like add(), unless `key` is there: then null, and nothing was done.
    Value* try_add(uint64_t key, const Value& value) {
        Slot& slot = slots_[slot_for(key)];
        return slot.used ? nullptr : &fill(slot, key, value);
    }
    /// Finds it, or adds a new one.
    Value& find_or_add(uint64_t key) {
        Slot& slot = slots_[slot_for(key)];
        return slot.used ? slot.value : fill(slot, key, Value());
    }

    /// Nothing if it is not there.
    std::optional<Value> take(uint64_t key) {
        size_t hole = slot_of(key);
        if (hole == kNowhere) return std::nullopt;
        std::optional<Value> taken(std::move(slots_[hole].value));
        // Entries behind the hole move up where a search for them would end at it.
        for (size_t at = (hole + 1) & mask_; slots_[at].used; at = (at + 1) & mask_) {
            const size_t way = (at - home(slots_[at].key)) & mask_;
            if (way < ((at - hole) & mask_)) continue;
            slots_[hole] = std::move(slots_[at]);
            hole = at;
        }
        slots_[hole] = {};
        if (--size_ == 0 && slots_.size() > kKept) clear();
        return taken;
    }

    void clear() {
        slots_ = std::vector<Slot>();  // gives the memory back, too
        size_ = mask_ = 0;
    }

  private:
    struct Slot {
        uint64_t key = 0;
        Value value{};
        bool used = false;
    };
    static constexpr size_t kFewest = 16, kKept = 4096;  // slots; powers of two
    static constexpr size_t kNowhere = SIZE_MAX;

    size_t home(uint64_t key) const {
        const auto product = static_cast<unsigned __int128>(key ^ secret_[0]) * secret_[1];
        return (static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product)) & mask_;
    }
    // At most half of the slots are used: every search ends.
    size_t slot_of(uint64_t key) const {
        if (size_ == 0) return kNowhere;
        const size_t at = slot_for(key);
        return slots_[at].used ? at : kNowhere;
    }
    // Where it is, or would be added.
    size_t slot_for(uint64_t key) const {
        size_t at = home(key);
        while (slots_[at].used && slots_[at].key != key) at = (at + 1) & mask_;
        return at;
    }
    Value& fill(Slot& slot, uint64_t key, const Value& value) {
        ++size_;
        slot.key = key;
        slot.used = true;
        return slot.value = value;
    }
    size_t free_slot(uint64_t key) const {
        size_t at = home(key);
        while (slots_[at].used) at = (at + 1) & mask_;
        return at;
    }
    [[gnu::noinline]] void grow() {
        std::vector<Slot> old(slots_.empty() ? kFewest : 2 * slots_.size());
        old.swap(slots_);
        mask_ = slots_.size() - 1;
        for (Slot& entry : old)
            if (entry.used) slots_[free_slot(entry.key)] = std::move(entry);
    }

    uint64_t secret_[2] = {0x9e3779b97f4a7c15, 0xd1b54a32d192ed03};  // then random
    std::vector<Slot> slots_;
    size_t size_ = 0;
    size_t mask_ = 0;  // of slots_: their number less 1; 0: none
};

}  // namespace viaduct
