#include "simgpu/shared/residence.h"

#include <algorithm>
#include <span>
#include <utility>

#include "simgpu/shared/lock.h"
#include "simgpu/shared/segment.h"

namespace simgpu::shared {

namespace {

constexpr uint32_t kNoEntry = UINT32_MAX;

/// A buffer that wants VRAM is not there.
void count_away(ResidentTable& table, Resident& resident) {
    if (!std::exchange(resident.is_away, 1)) ++table.entries[resident.group].away;
}

uint64_t& booked(Seat& seat, Heap heap) {
    return seat.used[static_cast<size_t>(heap)];
}

}  // namespace

uint64_t SharedDevice::next_use() {
    return segment_->residents.clock.fetch_add(1) + 1;
}

MoveCounters SharedDevice::moves() const {
    const ResidentTable& table = segment_->residents;
    return {table.evictions, table.bytes_moved, table.cpu_faults};
}

void SharedDevice::clear_residents(uint32_t seat) {
    ResidentTable& table = segment_->residents;
    for (Resident& resident : std::span(table.entries).first(table.used))
        if (resident.owner == seat + 1) resident.owner = 0;
    table.events.fetch_add(1);
    futex_wake_all(table.events);
}

Residence::Residence(std::shared_ptr<SharedDevice> device, const Wish& wish)
    : device_(std::move(device)), wish_(wish) {}

std::unique_ptr<Residence> Residence::create(std::shared_ptr<SharedDevice> device, const Wish& wish,
                                             std::shared_ptr<const Residence> group) {
    std::unique_ptr<Residence> residence(new Residence(std::move(device), wish));
    residence->group_ = std::move(group);
    if (!wish.pinned) residence->take_entry();
    if (!residence->settle()) return nullptr;
    return residence;
}

std::unique_ptr<Residence> Residence::create_group(std::shared_ptr<SharedDevice> device) {
    std::unique_ptr<Residence> group(new Residence(std::move(device), Wish{}));
    return group->take_entry() ? std::move(group) : nullptr;
}

Residence::~Residence() {
    if (!device_->file_) return;  // a forked child's inheritance: the booking is its parent's
    {
        const SharedDevice::Lock lock(*device_);
        unbook();
        if (Resident* own = entry()) own->owner = 0;
    }
    wake_waiters();
}

bool Residence::take_entry() {
    ResidentTable& table = device_->segment_->residents;
    const SharedDevice::Lock lock(*device_);
    const auto entries = std::span(table.entries);
    const auto taken = entries.first(table.used);
    auto free = std::ranges::find(taken, 0u, &Resident::owner);
    const auto index = static_cast<uint32_t>(free - taken.begin());
    if (index == kResidents) return false;
    if (index == table.used) ++table.used;
    Resident& own = entries[index];
    own.owner = device_->seat_ + 1;
    own.place = static_cast<uint32_t>(Place::kNowhere);
    own.group = group_ && group_->index_ != kNoEntry ? group_->index_ : index;
    own.discards = wish_.discardable;
    own.size = wish_.size;
    own.visible = 0;
    own.last_use = table.clock.fetch_add(1) + 1;
    own.pending = 0;
    own.away = 0;
    own.is_away = 0;
    index_ = index;
    return true;
}

Resident* Residence::entry() const {
    return index_ == kNoEntry ? nullptr : &device_->segment_->residents.entries[index_];
}

Residence::Place Residence::place() const {
    const Resident* own = entry();
    if (!own) return fixed_place_;
    const SharedDevice::Lock lock(*device_);
    return static_cast<Place>(own->place);
}

bool Residence::has_evicted() const {
    const Resident* own = entry();
    return own && own->away != 0;
}

uint64_t Residence::used(Heap heap) const {
    uint64_t used = 0;
    for (Seat& seat : device_->segment_->used_seats()) used += booked(seat, heap);
    return used;
}

bool Residence::fits_system(uint64_t bytes) const {
    const uint64_t limit = device_->limit(Heap::kSystem), taken = used(Heap::kSystem);
    return taken <= limit && bytes <= limit - taken;
}

/// How much of this buffer would come to lie within the CPU's reach: all of it if that was asked
/// for, else what the part beyond has no room for (TTM_PL_FLAG_TOPDOWN).
uint64_t Residence::visible_part() const {
    const uint64_t vram = device_->limit(Heap::kVram), reach = device_->limit(Heap::kVisibleVram);
    if (wish_.visible || reach >= vram) return wish_.size;
    const uint64_t beyond = vram - reach;
    const uint64_t beyond_used = used(Heap::kVram) - used(Heap::kVisibleVram);
    const uint64_t room = beyond > beyond_used ? beyond - beyond_used : 0;
    return wish_.size > room ? wish_.size - room : 0;
}

void Residence::book(Place place, uint64_t visible) {
    Seat& seat = device_->segment_->seats[device_->seat_];
    if (place == Place::kVram) {
        booked(seat, Heap::kVram) += wish_.size;
        booked(seat, Heap::kVisibleVram) += visible;
    } else {
        booked(seat, Heap::kSystem) += wish_.size;
    }
    Resident* own = entry();
    if (!own) {
        fixed_place_ = place;
        fixed_visible_ = visible;
        return;
    }
    own->place = static_cast<uint32_t>(place);
    own->visible = place == Place::kVram ? visible : 0;
    if (wish_.vram && place != Place::kVram) count_away(device_->segment_->residents, *own);
}

void Residence::unbook() {
    Resident* own = entry();
    const Place place = own ? static_cast<Place>(own->place) : fixed_place_.load();
    if (own && std::exchange(own->is_away, 0))
        --device_->segment_->residents.entries[own->group].away;
    if (place == Place::kNowhere) return;
    Seat& seat = device_->segment_->seats[device_->seat_];
    const auto release = [&seat](Heap heap, uint64_t bytes) {
        booked(seat, heap) -= std::min(booked(seat, heap), bytes);
    };
    if (place == Place::kSystem) release(Heap::kSystem, wish_.size);
    if (place == Place::kVram) {
        release(Heap::kVram, wish_.size);
        release(Heap::kVisibleVram, own ? own->visible : fixed_visible_);
    }
    if (own) own->place = static_cast<uint32_t>(Place::kNowhere);
    fixed_place_ = Place::kNowhere;
}

bool Residence::settle() {
    const uint64_t ticket = device_->next_use();
    if (!wish_.vram) {
        for (const bool again : {false, true}) {
            if (enter_system()) return true;
            if (!again) device_->reclaim_dead_seats();
        }
        return false;
    }
    if (wish_.system && wish_.system_as_good) {
        const SharedDevice::Lock lock(*device_);
        const uint64_t limit = device_->limit(Heap::kVram), taken = used(Heap::kVram);
        const bool fits = taken <= limit && wish_.size <= limit - taken;
        if (!fits && fits_system(wish_.size)) return book(Place::kSystem, 0), true;
    }
    if (wait_for(ticket, &Residence::enter_vram)) return true;
    // For VRAM within reach alone amdgpu_gem_create_ioctl() first lowers its sights.
    const bool in_reach_only = wish_.visible && !wish_.system;
    return !wish_.pinned && !in_reach_only && enter_system();
}

bool Residence::enter_system() {
    const SharedDevice::Lock lock(*device_);
    if (!fits_system(wish_.size)) return false;
    book(Place::kSystem, 0);
    return true;
}

/// Takes steps until one is the last; between them the segment is free.
bool Residence::wait_for(uint64_t ticket, Step (Residence::*step)(uint64_t)) {
    ResidentTable& table = device_->segment_->residents;
    bool reclaimed = false;
    for (;;) {
        uint32_t seen = 0;
        Step result = Step::kDone;
        {
            const SharedDevice::Lock lock(*device_);
            seen = table.events;
            result = (this->*step)(ticket);
        }
        if (result == Step::kDone) return true;
        if (result == Step::kImpossible) {
            if (std::exchange(reclaimed, true)) return false;
            device_->reclaim_dead_seats();
            continue;
        }
        ++table.waiters;
        futex_wait(table.events, seen, kLookAgainNs);
        --table.waiters;
        device_->reclaim_dead_seats();
    }
}

Residence::Step Residence::enter_vram(uint64_t ticket) {
    const uint64_t vram = device_->limit(Heap::kVram), reach = device_->limit(Heap::kVisibleVram);
    if (wish_.size > vram || (wish_.visible && wish_.size > reach)) return Step::kImpossible;
    for (;;) {
        const bool room = used(Heap::kVram) + wish_.size <= vram;
        const uint64_t visible = visible_part();
        const bool in_reach = used(Heap::kVisibleVram) + visible <= reach;
        if (room && in_reach) {
            unbook();
            book(Place::kVram, visible);
            return Step::kDone;
        }
        Resident* other = victim(ticket, room);
        if (!other) return Step::kImpossible;
        const Resident& uses = device_->segment_->residents.entries[other->group];
        if (uses.pending != 0) return Step::kBusy;
        if (!push_out(*other)) return Step::kImpossible;
    }
}

/// The buffer in VRAM that goes first: one whose content nobody needs, else the one that was used
/// the longest ago (Linux: ttm_lru_walk, by amdgpu's priorities). Not what the same job uses.
Resident* Residence::victim(uint64_t ticket, bool of_visible) const {
    ResidentTable& table = device_->segment_->residents;
    const auto last_use = [&](const Resident& resident) {
        return table.entries[resident.group].last_use.load();
    };
    Resident* first = nullptr;
    for (Resident& resident : std::span(table.entries).first(table.used)) {
        if (resident.owner == 0 || &resident == entry()) continue;
        if (resident.place != static_cast<uint32_t>(Place::kVram)) continue;
        if (of_visible && resident.visible == 0) continue;
        if (last_use(resident) >= ticket) continue;
        const auto order = [&](const Resident& one) {
            return std::pair(one.discards == 0, last_use(one));
        };
        if (!first || order(resident) < order(*first)) first = &resident;
    }
    return first;
}

bool Residence::push_out(Resident& resident) {
    ResidentTable& table = device_->segment_->residents;
    const bool keep = resident.discards == 0;
    if (keep && !fits_system(resident.size)) return false;
    Seat& seat = device_->segment_->seats[resident.owner - 1];
    const auto release = [&seat](Heap heap, uint64_t bytes) {
        booked(seat, heap) -= std::min(booked(seat, heap), bytes);
    };
    release(Heap::kVram, resident.size);
    release(Heap::kVisibleVram, resident.visible);
    if (keep) {
        booked(seat, Heap::kSystem) += resident.size;
        table.bytes_moved += resident.size;
    }
    resident.place = static_cast<uint32_t>(keep ? Place::kSystem : Place::kNowhere);
    resident.visible = 0;
    ++table.evictions;
    count_away(table, resident);
    return true;
}

void Residence::touch(uint64_t ticket) {
    if (Resident* own = entry()) device_->segment_->residents.entries[own->group].last_use = ticket;
}

void Residence::begin_use() {
    if (Resident* own = entry()) ++device_->segment_->residents.entries[own->group].pending;
}

void Residence::end_use() {
    Resident* own = entry();
    if (!own || !device_->file_) return;
    Resident& uses = device_->segment_->residents.entries[own->group];
    if (--uses.pending == 0) wake_waiters();
}

void Residence::wake_waiters() {
    ResidentTable& table = device_->segment_->residents;
    table.events.fetch_add(1);
    if (table.waiters != 0) futex_wake_all(table.events);
}

bool Residence::restore(uint64_t ticket, bool* lost) {
    *lost = false;
    if (!evicted() || !entry()) return true;
    const bool nowhere = place() == Place::kNowhere;
    *lost = nowhere;
    if (wish_.system && !nowhere) {
        // Only as far as nobody has to go for it; and not at all where system memory is as good.
        if (wish_.system_as_good) return true;
        const SharedDevice::Lock lock(*device_);
        if (used(Heap::kVram) + wish_.size > device_->limit(Heap::kVram)) return true;
    }
    const uint64_t before = wish_.size;
    if (!wait_for(ticket, &Residence::enter_vram)) return !nowhere;
    if (!nowhere) device_->segment_->residents.bytes_moved += before;
    return true;
}

bool Residence::bring_in_reach() {
    const SharedDevice::Lock lock(*device_);
    Resident* own = entry();
    const bool had_wish = std::exchange(wish_.visible, true);
    if (!own || own->place != static_cast<uint32_t>(Place::kVram)) return true;
    if (own->visible == wish_.size) return true;
    ResidentTable& table = device_->segment_->residents;
    ++table.cpu_faults;
    const uint64_t more = wish_.size - own->visible;
    if (used(Heap::kVisibleVram) + more <= device_->limit(Heap::kVisibleVram)) {
        booked(device_->segment_->seats[device_->seat_], Heap::kVisibleVram) += more;
        own->visible = wish_.size;
        table.bytes_moved += wish_.size;
        return true;
    }
    if (!fits_system(wish_.size)) {
        wish_.visible = had_wish;
        return false;
    }
    unbook();
    book(Place::kSystem, 0);
    table.bytes_moved += wish_.size;
    return true;
}

}  // namespace simgpu::shared
