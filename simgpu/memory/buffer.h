// Buffer: one buffer object's memory, and what is known of it beside its bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "simgpu/shared/residence.h"
#include "simgpu/sync/reservation.h"

namespace simgpu::memory {

using drm::Reservation;

class Buffer;
using BufferPtr = std::shared_ptr<Buffer>;

/// Thread-safe. Its bytes live in a memfd of their own, so that exporting it is duplicating a
/// descriptor; or, for a user pointer, in the caller's memory.
class Buffer {
  public:
    /// The driver's record of it.
    using Record = shared::BufferRecord;

    struct Request {
        uint64_t size = 0;  // bytes, whole pages
        Record record;
        /// Where its memory may be, each `size` bytes: the first that has room counts. None: it
        /// takes nothing from the heaps.
        std::vector<shared::Wish> wishes;
        /// A heap that buffers do not leave, instead.
        std::optional<shared::Heap> fixed_heap;
        /// Buffers that every job of a file uses; null: it is used by name.
        std::shared_ptr<const shared::Residence> group;
    };
    /// Zero-filled memory, booked at the device. -ENOMEM if nothing that was asked for has room.
    /// May wait for jobs that use what has to make room.
    static tl::expected<BufferPtr, int> create(std::shared_ptr<shared::SharedDevice> device,
                                               const Request& request);
    /// The buffer behind a descriptor, ours or anybody's: the same object as long as it lives in
    /// this process. `foreign`: of one that no file of the device made. Negative errno.
    static tl::expected<BufferPtr, int> import(std::shared_ptr<shared::SharedDevice> device, int fd,
                                               const Record& foreign);
    /// The device has lost its VRAM: fills this process's buffers there with other bytes.
    static void clear_vram(const shared::SharedDevice* device);
    /// The caller's own pages, which must stay mapped as long as the GPU may use them.
    static BufferPtr wrap_user_memory(void* address, uint64_t size, const Record& record = {});

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

    /// Where its memory is booked; null for imported and user memory, and if it takes none.
    shared::Residence* residence() const { return residence_.get(); }
    /// Its content was discarded: zero again.
    void forget_content();

    Record record() const;
    /// With the reservation held, if the new one depends on the old. `announce`: files of other
    /// processes that import it from now on find it too.
    void set_record(const Record& record, bool announce);

    /// Its own, unless buffers of a file share one.
    Reservation& reservation() { return *reservation_; }
    void share_reservation(std::shared_ptr<Reservation> reservation) {
        reservation_ = std::move(reservation);
    }

  private:
    explicit Buffer(const Record& record = {}) : record_(record) {}
    bool in_vram() const {
        return residence_ && residence_->place() == shared::Residence::Place::kVram;
    }
    bool charge(const Request& request);
    void publish() const VIADUCT_REQUIRES(mutex_);

    std::shared_ptr<shared::SharedDevice> device_;
    uint64_t size_ = 0;
    bool owns_memory_ = false;
    std::optional<shared::Heap> fixed_heap_;  // booked there
    std::unique_ptr<shared::Residence> residence_;
    viaduct::UniqueFd fd_;
    std::pair<uint64_t, uint64_t> inode_;  // st_dev, st_ino of fd_
    std::byte* user_memory_ = nullptr;
    std::shared_ptr<Reservation> reservation_ = std::make_shared<Reservation>();

    mutable viaduct::Mutex mutex_;
    viaduct::Mapping mapping_ VIADUCT_GUARDED_BY(mutex_);
    Record record_ VIADUCT_GUARDED_BY(mutex_);
    bool exported_ VIADUCT_GUARDED_BY(mutex_) = false;
};

}  // namespace simgpu::memory
