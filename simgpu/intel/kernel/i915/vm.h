// Vm: one PPGTT, and where its buffers are (Linux: struct i915_address_space).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "simgpu/intel/kernel/i915/memory.h"

namespace simgpu::intel::i915 {

/// A submission's conditions on a buffer's place.
struct PlaceRequest {
    BufferPtr buffer;
    uint64_t size = 0;       // bytes, padding included
    uint64_t alignment = 0;  // 0 or a power of two
    uint64_t wanted = 0;     // address, without sign
    bool pinned = false;     // there and nowhere else
    bool low = false;        // below 4 GiB
    bool biased = false;     // not in the first 256 KiB
    uint64_t address = 0;    // out: where it is
};

/// Buffers stay where they are from one submission to the next, until another one takes the place
/// or they are gone. Thread-safe.
///
/// Simplified: a buffer that is pushed out while jobs use it is not waited for (each job has page
/// tables of its own), and page tables take no memory.
class Vm {
  public:
    /// Finds a place for each (Linux: eb_validate_vmas(), eb_reserve()). -EINVAL for a place that
    /// does not exist, -ENOSPC if two of them claim the same addresses or nothing is free.
    int place(std::vector<PlaceRequest>& requests);

  private:
    struct Binding {
        uint64_t end = 0;
        const Buffer* key = nullptr;
        std::weak_ptr<const Buffer> buffer;
        bool held = false;  // by the submission under way
    };
    using Bindings = std::map<uint64_t, Binding>;

    bool fits(const PlaceRequest& request, uint64_t start, uint64_t size) const;
    bool keep(PlaceRequest& request) VIADUCT_REQUIRES(mutex_);
    int pin(PlaceRequest& request) VIADUCT_REQUIRES(mutex_);
    bool find_room(PlaceRequest& request, bool evict) VIADUCT_REQUIRES(mutex_);
    bool is_free(uint64_t start, uint64_t end, bool evict) const VIADUCT_REQUIRES(mutex_);
    void bind(PlaceRequest& request, uint64_t start) VIADUCT_REQUIRES(mutex_);
    void unbind(Bindings::iterator binding) VIADUCT_REQUIRES(mutex_);
    Bindings::iterator first_overlap(uint64_t start) VIADUCT_REQUIRES(mutex_);
    void release_holds() VIADUCT_REQUIRES(mutex_);
    void drop_dead() VIADUCT_REQUIRES(mutex_);

    viaduct::Mutex mutex_;
    size_t next_cleaning_ VIADUCT_GUARDED_BY(mutex_) = 64;                 // bindings
    Bindings bindings_ VIADUCT_GUARDED_BY(mutex_);                         // by address
    std::map<const Buffer*, uint64_t> places_ VIADUCT_GUARDED_BY(mutex_);  // a key of bindings_
};
using VmPtr = std::shared_ptr<Vm>;

}  // namespace simgpu::intel::i915
