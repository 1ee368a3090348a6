#include "simgpu/shared/device.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>
#include <utility>

#include "simgpu/fork_mutex.h"
#include "simgpu/shared/lock.h"
#include "simgpu/shared/segment.h"
#include "simgpu/shared/segment_locks.h"

namespace simgpu::shared {

namespace {

using viaduct::fail;

/// Puts a fresh segment (all zero) in order.
void initialise(Segment& segment, const std::array<uint64_t, kHeaps>& limits) {
    new (&segment) Segment{};
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(&segment.mutex, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
    segment.limits = limits;
    segment.next_client = 1;
    segment.recoverer = kNobody;
    segment.pstate_seat = kNobody;
    for (Ring& ring : segment.rings) {
        for (Place& place : ring.places) place.seat = kNobody;
        for (Waiter& waiter : ring.waiters) waiter.seat = kNobody;
    }
    for (Record& record : segment.records) record.seat = kNobody;
    segment.magic = kMagic;
}

/// The devices of this process, by segment name.
struct Registry {
    ForkMutex mutex;
    pid_t process VIADUCT_GUARDED_BY(mutex) = 0;
    std::map<std::string, std::weak_ptr<SharedDevice>> devices VIADUCT_GUARDED_BY(mutex);
};

/// Many programs exit with their files open: the segment must not stay behind for that.
void leave_at_exit();

Registry& registry() {
    static auto* the_registry = [] {
        std::atexit(leave_at_exit);
        return new Registry;
    }();
    return *the_registry;
}

void leave_at_exit() {
    Registry& known = registry();
    const viaduct::LockGuard lock(known.mutex);
    if (known.process != ::getpid()) return;
    for (const auto& [name, weak] : known.devices)
        if (const auto device = weak.lock()) device->remove_segment_if_alone();
}

}  // namespace

std::string own_segment_name(std::string_view what) {
    return fmt::format("viaduct-simgpu-{}-{}", ::geteuid(), what);
}

viaduct::Result<std::shared_ptr<SharedDevice>> SharedDevice::attach(
    const std::string& name, const std::array<uint64_t, kHeaps>& limits) {
    Registry& known = registry();
    const viaduct::LockGuard lock(known.mutex);
    if (known.process != ::getpid()) {
        // A forked child takes a seat of its own, and lets go of its parent's lock.
        for (const auto& [path, weak] : known.devices)
            if (const auto inherited = weak.lock()) inherited->file_.reset();
        known.devices.clear();
        known.process = ::getpid();
    }
    std::weak_ptr<SharedDevice>& entry = known.devices[name];
    if (auto device = entry.lock()) return device;
    std::shared_ptr<SharedDevice> device(new SharedDevice);
    if (auto status = device->open_segment(name, limits); !status)
        return tl::unexpected(status.error());
    entry = device;
    return device;
}

viaduct::Status SharedDevice::open_segment(const std::string& name,
                                           const std::array<uint64_t, kHeaps>& limits) {
    path_ = fmt::format("/dev/shm/{}-v{}", name, kLayoutVersion);
    for (;;) {
        file_.reset(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!file_) return fail(errno, "cannot open {}: {}", path_, std::strerror(errno));
        const AttachLock attach_lock(file_.get());
        struct stat info {};
        if (::fstat(file_.get(), &info) != 0 || info.st_uid != ::geteuid())
            return fail(EACCES, "{} belongs to another user", path_);
        if (info.st_nlink == 0) continue;  // its last user removed it between open and lock
        if (info.st_size != sizeof(Segment) && ::ftruncate(file_.get(), sizeof(Segment)) != 0)
            return fail(errno, "cannot size {}: {}", path_, std::strerror(errno));
        auto mapping = viaduct::Mapping::map_shared(file_.get(), 0, sizeof(Segment));
        if (!mapping) return tl::unexpected(mapping.error());
        mapping_ = std::move(*mapping);
        segment_ = reinterpret_cast<Segment*>(mapping_.data());
        seat_ = kNobody;
        const bool alone = !others_alive(0, kSeats);
        if (alone || segment_->magic != kMagic) initialise(*segment_, limits);
        return take_seat();
    }
}

viaduct::Status SharedDevice::take_seat() {
    reclaim_dead_seats();
    const Lock lock(*this);
    for (uint32_t seat = 0; seat < kSeats; ++seat) {
        if (segment_->seats[seat].taken ||
            !lock_byte(file_.get(), kSeatLocks + seat, IfHeld::kGiveUp))
            continue;
        new (&segment_->seats[seat]) Seat{};
        segment_->seats_used = std::max<uint32_t>(segment_->seats_used, seat + 1);
        segment_->seats[seat].taken = 1;
        seat_ = seat;
        return {};
    }
    return fail(EMFILE, "{} already has {} processes, the maximum", path_, kSeats);
}

SharedDevice::~SharedDevice() {
    if (!file_ || !segment_) return;  // never attached, or a forked child's inheritance
    if (seat_ != kNobody) {
        const Lock lock(*this);
        clear_seat(seat_);
    }
    remove_segment_if_alone();
}

void SharedDevice::remove_segment_if_alone() {
    const AttachLock attach_lock(file_.get());
    const bool alone = !others_alive(0, kSeats);
    struct stat info {};
    // Once removed, the name may belong to those who came later.
    if (alone && ::fstat(file_.get(), &info) == 0 && info.st_nlink != 0) ::unlink(path_.c_str());
}

/// Whether another process holds one of the seats. Our own lock does not stand in our way.
bool SharedDevice::others_alive(uint32_t first_seat, uint32_t count) const {
    return others_hold(file_.get(), kSeatLocks + static_cast<off_t>(first_seat), count);
}

/// With the lock held. `taken` goes last: should this process die in between, others find the seat
/// and clear the rest.
void SharedDevice::clear_seat(uint32_t seat) {
    for (Record& record : segment_->records)
        if (record.seat == seat) record.seat = kNobody;
    clear_residents(seat);
    clear_posts(seat);
    clear_places(seat);
    Seat& own = segment_->seats[seat];
    own.used = {};
    for (auto& jobs : own.load) jobs = 0;
    own.watches_vram = 0;
    std::atomic_ref(own.taken).store(0, std::memory_order_release);
}

void SharedDevice::reclaim_dead_seats() {
    const Lock lock(*this);
    for (uint32_t seat = 0; seat < segment_->seats_used; ++seat)
        if (segment_->seats[seat].taken && seat != seat_ && !others_alive(seat, 1))
            clear_seat(seat);
    recover_from_orphans();
}

uint64_t SharedDevice::next_client_id() {
    const Lock lock(*this);
    return segment_->next_client++;
}

bool SharedDevice::charge(Heap heap, uint64_t bytes) {
    const auto index = static_cast<size_t>(heap);
    for (const bool last_try : {false, true}) {
        {
            const Lock lock(*this);
            uint64_t used = 0;
            for (const Seat& seat : segment_->used_seats()) used += seat.used[index];
            if (used <= segment_->limits[index] && bytes <= segment_->limits[index] - used) {
                segment_->seats[seat_].used[index] += bytes;
                return true;
            }
        }
        if (!last_try) reclaim_dead_seats();
    }
    return false;
}

void SharedDevice::release(Heap heap, uint64_t bytes) {
    if (!file_) return;  // a forked child's inheritance: the booking is its parent's
    const Lock lock(*this);
    uint64_t& used = segment_->seats[seat_].used[static_cast<size_t>(heap)];
    used -= std::min(used, bytes);
}

uint64_t SharedDevice::used(Heap heap) {
    reclaim_dead_seats();
    const Lock lock(*this);
    uint64_t used = 0;
    for (const Seat& seat : segment_->used_seats()) used += seat.used[static_cast<size_t>(heap)];
    return used;
}

uint64_t SharedDevice::limit(Heap heap) const {
    return segment_->limits[static_cast<size_t>(heap)];
}

uint64_t SharedDevice::awake_at(uint64_t now, uint64_t resume_ns, uint64_t idle_ns) {
    const Lock lock(*this);
    uint64_t& last = segment_->last_use;
    if (last > now) return last;
    const bool asleep = last == 0 || now - last > idle_ns;
    last = asleep ? now + resume_ns : now;
    return last;
}

void SharedDevice::publish_buffer(uint64_t device, uint64_t inode, const BufferRecord& buffer) {
    const Lock lock(*this);
    Record* place = nullptr;
    for (Record& record : segment_->records) {
        if (record.seat == seat_ && record.device == device && record.inode == inode) {
            place = &record;
            break;
        }
        if (record.seat == kNobody && !place) place = &record;
    }
    if (place) *place = {seat_, 0, device, inode, buffer};
}

void SharedDevice::forget_buffer(uint64_t device, uint64_t inode) {
    if (!file_) return;
    const Lock lock(*this);
    for (Record& record : segment_->records)
        if (record.seat == seat_ && record.device == device && record.inode == inode)
            record.seat = kNobody;
}

std::optional<BufferRecord> SharedDevice::find_buffer(uint64_t device, uint64_t inode) {
    const Lock lock(*this);
    for (const Record& record : segment_->records)
        if (record.seat != kNobody && record.device == device && record.inode == inode)
            return record.buffer;
    return std::nullopt;
}

}  // namespace simgpu::shared
