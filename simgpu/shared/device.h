// SharedDevice: what all processes that open one simulated GPU share, in a segment of shared
// memory.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "blob/mapping.h"
#include "blob/result.h"
#include "blob/unique_fd.h"

namespace simgpu::shared {

enum class Heap : uint32_t { kVram = 0, kGtt = 1 };
inline constexpr size_t kHeaps = 2;

/// How a buffer looks to a file that imports it: what its descriptor alone cannot tell.
struct BufferRecord {
    uint64_t domains = 0;
    uint64_t create_flags = 0;
    uint64_t alignment = 0;
    uint64_t metadata_flags = 0;
    uint64_t tiling_info = 0;
    uint32_t metadata_size = 0;  // bytes
    std::array<uint32_t, 64> metadata{};
};

struct Segment;

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

    /// The turn of one job on a ring; gives the ring back when it goes.
    class Turn {
      public:
        Turn(Turn&& other) noexcept;
        Turn& operator=(Turn&&) = delete;
        ~Turn();

      private:
        friend class SharedDevice;
        Turn(std::shared_ptr<SharedDevice> device, uint32_t ring);
        std::shared_ptr<SharedDevice> device_;
        uint32_t ring_;
    };
    /// Waits until the ring is free and nobody of higher priority, or who came earlier with the
    /// same, waits for it. Nothing if `stop` was set first (poked with wake_rings).
    std::optional<Turn> wait_turn(uint32_t ring, int32_t priority, const std::atomic<bool>& stop);
    /// Threads that wait for the ring now, of all processes.
    size_t waiting(uint32_t ring) const;
    /// Makes waiting threads of all processes look again.
    void wake_rings();

    /// Resets of the whole device so far.
    uint64_t reset_count() const;
    void count_reset();

    /// Tells other processes about the buffer behind inode (device, inode); forgotten with
    /// forget_buffer or when this process goes. A full table is no error: importers then guess.
    void publish_buffer(uint64_t device, uint64_t inode, const BufferRecord& record);
    void forget_buffer(uint64_t device, uint64_t inode);
    std::optional<BufferRecord> find_buffer(uint64_t device, uint64_t inode);

  private:
    class Lock;

    SharedDevice() = default;
    viaduct::Status open_segment(const std::string& name,
                                 const std::array<uint64_t, kHeaps>& limits);
    viaduct::Status take_seat();
    bool seat_alive(uint32_t seat) const;
    void clear_seat(uint32_t seat);
    void reclaim_dead_seats();
    void leave_ring(uint32_t ring);

    std::string path_;
    viaduct::UniqueFd file_;
    viaduct::Mapping mapping_;
    Segment* segment_ = nullptr;
    uint32_t seat_ = 0;
};

}  // namespace simgpu::shared
