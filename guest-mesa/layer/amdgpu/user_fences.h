// UserFences: the numbers that the GPU writes for the driver at the end of its submissions.
#pragma once

#include <amdgpu_drm.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "base/ids.h"
#include "base/mutex.h"
#include "guest-mesa/layer/gem_table.h"
#include "guest-mesa/layer/gpu_counter.h"
#include "guest-mesa/layer/kernel.h"

namespace viaduct::guest::amdgpu {

/// A submission may name eight bytes (AMDGPU_CHUNK_ID_FENCE) to which the GPU writes the
/// submission's number, of its context and ring, when all before it is done and visible
/// (amdgpu_ib.c: amdgpu_ib_schedule()). Drivers take that for the end of the work; here it spares a
/// wait the way by the host. The driver's memory is read, never written. Thread-safe.
class UserFences {
  public:
    /// A submission that is not sent yet.
    struct Numbered {
        uint32_t context = 0;
        RingIndex ring = {};
        uint64_t seqno = 0;
    };
    /// The counter that reaches numbered.seqno, by the place that the submission names in `object`.
    /// Null if the number there may be another's: of a buffer that others reach, of a place that
    /// several contexts or rings have used, or one that began with a number that is too high.
    std::shared_ptr<const GpuCounter> find(const Channel& channel,
                                           const drm_amdgpu_cs_chunk_fence& place,
                                           const GemObject& object, const Numbered& numbered);
    /// The buffer is about to be closed, or exported.
    void forget_buffer(GemHandle buffer);
    /// The context is gone, and its number may come back for another, which counts from 1 again.
    void forget_context(uint32_t context);

  private:
    /// Of more bytes is none mapped: drivers have a buffer of one page for it.
    static constexpr uint64_t kMostBytes = 64 << 10;

    struct Owned {
        std::optional<uint32_t> context;  // nothing: it is gone
        RingIndex ring = {};
        std::shared_ptr<GpuCounter> counter;  // null: of no use
    };
    struct Buffer {
        std::shared_ptr<CounterMemory> memory;  // null: it cannot be mapped
        std::map<uint32_t, Owned> places;       // by offset
    };

    static std::shared_ptr<CounterMemory> map(const Channel& channel, GemHandle handle,
                                              uint64_t size);

    Mutex mutex_;
    std::map<GemHandle, Buffer> buffers_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct::guest::amdgpu
