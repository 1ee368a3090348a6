// SharedDevice: what all processes that open one simulated GPU share, in a segment of shared
// memory.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"

namespace simgpu::shared {

/// kSystem: of the system's memory, what the device may use (amdgpu: GTT).
enum class Heap : uint32_t { kVram = 0, kSystem = 1, kDoorbell = 2, kVisibleVram = 3 };
inline constexpr size_t kHeaps = 4;  // the visible part is counted in VRAM too

/// How a buffer looks to a file that imports it: what its descriptor alone cannot tell. The
/// driver's own struct, which others do not look into.
class BufferRecord {
  public:
    static constexpr size_t kMostBytes = 320;

    template <typename T>
    static BufferRecord of(const T& value) {
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kMostBytes);
        BufferRecord record;
        std::memcpy(record.bytes_.data(), &value, sizeof(T));
        return record;
    }
    /// Zeros, if none was ever put in.
    template <typename T>
    T as() const {
        static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kMostBytes);
        T value;
        std::memcpy(&value, bytes_.data(), sizeof(T));
        return value;
    }

  private:
    alignas(uint64_t) std::array<std::byte, kMostBytes> bytes_{};
};

struct Segment;

/// The name of a segment of this user's; "" is what they all begin with.
std::string own_segment_name(std::string_view what);

/// Jobs that one hardware ring takes at a time (Linux: amdgpu_sched_hw_submission).
inline constexpr size_t kPlaces = 2;
/// Moves between VRAM and system memory since the device was first opened.
struct MoveCounters {
    uint64_t evictions = 0;
    uint64_t bytes = 0;
    uint64_t cpu_faults = 0;  // on VRAM beyond the CPU's reach
};

/// This process's seat at the device: one per process, model and instance, shared by its files.
/// Thread-safe. What a process holds here is taken back when it dies, however it dies.
class SharedDevice : public std::enable_shared_from_this<SharedDevice> {
  public:
    /// `name`: of the segment in /dev/shm; processes that give the same one meet. Heap limits are
    /// those of the first that comes.
    static viaduct::Result<std::shared_ptr<SharedDevice>> attach(
        const std::string& name, const std::array<uint64_t, kHeaps>& limits);
    ~SharedDevice();
    SharedDevice(const SharedDevice&) = delete;
    SharedDevice& operator=(const SharedDevice&) = delete;

    /// For a process that ends without giving its devices back.
    void remove_segment_if_alone();

    /// Numbers the open files of the device, from 1.
    uint64_t next_client_id();

    /// Books `bytes` for this process; false if the heap has not that much left.
    bool charge(Heap heap, uint64_t bytes);
    void release(Heap heap, uint64_t bytes);
    /// Booked by all living processes.
    uint64_t used(Heap heap);
    uint64_t limit(Heap heap) const;
    /// The time of a use, for Residence: grows with each call in any process.
    uint64_t next_use();
    MoveCounters moves() const;

    /// Somebody uses the device at `now` (monotonic_ns()): when it is awake, a time in the future
    /// if it fell asleep `idle_ns` after its last use, or is just waking up.
    uint64_t awake_at(uint64_t now, uint64_t resume_ns, uint64_t idle_ns);

    /// Recoveries of a ring or of the device so far (Linux: adev->gpu_reset_counter, which counts
    /// soft ones too).
    uint32_t reset_count() const;
    /// How often VRAM has been lost (Linux: adev->vram_lost_counter).
    uint32_t vram_loss_count() const;
    /// A full reset is under way.
    bool resetting() const;

    /// `clear` runs once for each loss of VRAM from now on, on a thread of its own, until the last
    /// object that this returned goes. A recovery waits until it has. One per process: later calls
    /// return the watch of the first.
    std::shared_ptr<void> watch_vram(std::function<void()> clear);

    /// The performance level that a context has forced for the whole card.
    uint32_t stable_pstate() const;
    /// Linux: amdgpu_ctx_set_stable_pstate(). `owner` names the context, unique on the device;
    /// level 0 releases it. False: another context has forced one (EBUSY).
    bool set_stable_pstate(uint64_t owner, uint32_t pstate);
    /// `owner` has gone, and its level with it.
    void drop_stable_pstate(uint64_t owner);

    /// Jobs submitted to a ring and not finished, of all processes; what a ring is chosen by.
    uint32_t load(uint32_t ring) const;
    void change_load(uint32_t ring, int change);

    /// Tells other processes about the buffer behind inode (device, inode); forgotten with
    /// forget_buffer or when this process goes. A full table is not an error: importers then guess.
    void publish_buffer(uint64_t device, uint64_t inode, const BufferRecord& record);
    void forget_buffer(uint64_t device, uint64_t inode);
    std::optional<BufferRecord> find_buffer(uint64_t device, uint64_t inode);

  private:
    friend class RingFeeder;
    friend class FenceBoard;
    friend class Residence;
    class Lock;
    class VramWatch;

    SharedDevice() = default;
    viaduct::Status open_segment(const std::string& name,
                                 const std::array<uint64_t, kHeaps>& limits);
    viaduct::Status take_seat();
    bool others_alive(uint32_t first_seat, uint32_t count) const;
    void clear_seat(uint32_t seat);
    void clear_residents(uint32_t seat);
    void clear_posts(uint32_t seat);
    void reclaim_dead_seats();
    void clear_places(uint32_t seat);
    void recover_from_orphans();

    std::string path_;
    viaduct::UniqueFd file_;
    viaduct::Mapping mapping_;
    Segment* segment_ = nullptr;
    uint32_t seat_ = 0;
    viaduct::Mutex watch_mutex_;
    std::weak_ptr<void> watch_ VIADUCT_GUARDED_BY(watch_mutex_);
};

}  // namespace simgpu::shared
