// Buffer: one buffer object's memory, and what is known of it beside its bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "blob/mapping.h"
#include "blob/unique_fd.h"
#include "simgpu/drm/fence.h"
#include "simgpu/shared/device.h"

namespace simgpu::amdgpu {

/// The unfinished jobs that use a buffer (or all buffers of a file that share one). Thread-safe.
/// Only this process's: between processes a shared buffer needs explicit fences.
class Reservation {
  public:
    /// Fences of one client and timeline signal in order: a later one stands for those before.
    void add(uint64_t client, uint64_t timeline, const drm::FencePtr& fence);
    std::vector<drm::FencePtr> pending();
    /// Without the jobs of `client`: what implicit synchronisation has to wait for.
    std::vector<drm::FencePtr> pending_of_others(uint64_t client);
    /// The kernel's lock of a buffer, for ReservationLock; what is above takes care of itself.
    std::mutex& mutex() { return reserved_; }

  private:
    struct Use {
        uint64_t client = 0;
        uint64_t timeline = 0;
        drm::FencePtr fence;
    };
    std::mutex reserved_;
    std::mutex mutex_;
    std::vector<Use> uses_;
};

class Buffer;
using BufferPtr = std::shared_ptr<Buffer>;

/// Thread-safe. Its bytes live in a memfd of their own, so that exporting it is duplicating a
/// descriptor; or, for a user pointer, in the caller's memory.
class Buffer {
  public:
    using Record = shared::BufferRecord;

    /// Zero-filled memory of `size` bytes (whole pages), booked at the device. -ENOMEM if neither
    /// heap that `record.domains` allows has room.
    static tl::expected<BufferPtr, int> create(std::shared_ptr<shared::SharedDevice> device,
                                               uint64_t size, const Record& record);
    /// The buffer behind a descriptor, ours or anybody's: the same object as long as it lives in
    /// this process. Negative errno.
    static tl::expected<BufferPtr, int> import(std::shared_ptr<shared::SharedDevice> device,
                                               int fd);
    /// The device has lost its VRAM: fills this process's buffers there with other bytes.
    static void clear_vram(const shared::SharedDevice* device);
    /// The caller's own pages, which he must keep mapped as long as the GPU may use them.
    static BufferPtr wrap_user_memory(void* address, uint64_t size);

    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    uint64_t size() const { return size_; }
    /// Where the bytes are in this process; null if they cannot be mapped.
    std::byte* data();
    bool is_user_memory() const { return user_memory_ != nullptr; }
    /// Borrowed; -1 for user memory.
    int fd() const { return fd_.get(); }
    /// A descriptor for another file or process, which will find record() too.
    viaduct::UniqueFd export_fd();

    Record record() const;
    void set_metadata(const Record& metadata);  // only its metadata fields count
    void set_placement(uint64_t domains);

    /// Shared with all buffers of the file for VM_ALWAYS_VALID ones.
    Reservation& reservation() { return *reservation_; }
    void share_reservation(std::shared_ptr<Reservation> reservation) {
        reservation_ = std::move(reservation);
    }

  private:
    Buffer() = default;
    bool in_vram() const { return charged_ && heap_ == shared::Heap::kVram; }
    bool charge();
    bool charge_to(shared::Heap heap);
    void publish() const;

    std::shared_ptr<shared::SharedDevice> device_;
    uint64_t size_ = 0;
    bool charged_ = false;
    shared::Heap heap_ = shared::Heap::kGtt;
    viaduct::UniqueFd fd_;
    std::pair<uint64_t, uint64_t> inode_;  // st_dev, st_ino of fd_
    std::byte* user_memory_ = nullptr;
    std::shared_ptr<Reservation> reservation_ = std::make_shared<Reservation>();

    mutable std::mutex mutex_;
    viaduct::Mapping mapping_;
    Record record_;
    bool exported_ = false;
};

}  // namespace simgpu::amdgpu
