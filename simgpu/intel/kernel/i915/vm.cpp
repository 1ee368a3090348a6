#include "simgpu/intel/kernel/i915/vm.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <iterator>

#include "simgpu/intel/kernel/ppgtt.h"

namespace simgpu::intel::i915 {

namespace {

// PIN_ZONE_4G: i915_vma_insert() leaves the last page out.
constexpr uint64_t kLowEnd = (1ull << 32) - kPage;
constexpr uint64_t kBatchBias = 256 * 1024;  // BATCH_OFFSET_BIAS

uint64_t end_of(const PlaceRequest& request) {
    return request.low ? kLowEnd : kPpgttSize;
}

uint64_t alignment_of(const PlaceRequest& request) {
    return std::max(request.alignment, kPage);
}

}  // namespace

int Vm::place(std::vector<PlaceRequest>& requests) {
    const viaduct::LockGuard lock(mutex_);
    drop_dead();
    for (PlaceRequest& request : requests)
        if (request.size > end_of(request)) return -ENOSPC;
    // Buffers that are in their places stay; pinned ones come before those that can be anywhere.
    std::vector<PlaceRequest*> unbound;
    for (PlaceRequest& request : requests)
        if (!keep(request)) unbound.push_back(&request);
    std::stable_partition(unbound.begin(), unbound.end(),
                          [](const PlaceRequest* request) { return request->pinned; });
    int error = 0;
    for (PlaceRequest* const request : unbound) {
        error = request->pinned                       ? pin(*request)
                : find_room(*request, false)          ? 0
                : find_room(*request, /*evict=*/true) ? 0
                                                      : -ENOSPC;
        if (error != 0) break;
    }
    release_holds();
    return error;
}

/// Bindings of buffers that have gone are in nobody's way, but take memory.
void Vm::drop_dead() {
    if (bindings_.size() < next_cleaning_) return;
    for (auto at = bindings_.begin(); at != bindings_.end();) {
        const auto binding = at++;
        if (binding->second.buffer.expired()) unbind(binding);
    }
    next_cleaning_ = 2 * bindings_.size() + 64;
}

/// eb_vma_misplaced(), the other way round.
bool Vm::fits(const PlaceRequest& request, uint64_t start, uint64_t size) const {
    if (size < request.size || start % alignment_of(request) != 0) return false;
    if (request.pinned && start != request.wanted) return false;
    if (request.biased && start < kBatchBias) return false;
    return start <= end_of(request) && size <= end_of(request) - start;
}

/// True if the buffer is in place already, or can have the place that it asks for (eb_pin_vma()).
bool Vm::keep(PlaceRequest& request) {
    if (const auto place = places_.find(request.buffer.get()); place != places_.end()) {
        const auto binding = bindings_.find(place->second);
        const bool same = binding->second.buffer.lock() == request.buffer;
        if (same && fits(request, place->second, binding->second.end - place->second)) {
            binding->second.held = true;
            request.address = place->second;
            return true;
        }
        unbind(binding);
    }
    if (!fits(request, request.wanted, request.size)) return false;
    if (!is_free(request.wanted, request.wanted + request.size, false)) return false;
    bind(request, request.wanted);
    return true;
}

/// i915_vma_insert() with PIN_OFFSET_FIXED: whoever is there has to go, unless it belongs to this
/// submission (i915_gem_evict_for_node()).
int Vm::pin(PlaceRequest& request) {
    const uint64_t start = request.wanted;
    if (start % alignment_of(request) != 0 || start > end_of(request) ||
        request.size > end_of(request) - start)
        return -EINVAL;
    const uint64_t end = start + request.size;
    if (!is_free(start, end, /*evict=*/true)) return -ENOSPC;
    for (auto at = first_overlap(start); at != bindings_.end() && at->first < end;) unbind(at++);
    bind(request, start);
    return 0;
}

bool Vm::is_free(uint64_t start, uint64_t end, bool evict) const {
    auto at = const_cast<Vm*>(this)->first_overlap(start);
    for (; at != const_cast<Vm*>(this)->bindings_.end() && at->first < end; ++at)
        if (!evict || at->second.held) return false;
    return true;
}

/// The lowest free addresses; `evict`: also those of buffers that this submission does not use.
bool Vm::find_room(PlaceRequest& request, bool evict) {
    const uint64_t alignment = alignment_of(request);
    uint64_t start = round_up(request.biased ? kBatchBias : 0, alignment);
    while (start <= end_of(request) && request.size <= end_of(request) - start) {
        const uint64_t end = start + request.size;
        auto at = first_overlap(start);
        if (evict)
            while (at != bindings_.end() && at->first < end && !at->second.held) ++at;
        if (at == bindings_.end() || at->first >= end) {
            for (auto old = first_overlap(start); old != bindings_.end() && old->first < end;)
                unbind(old++);
            bind(request, start);
            return true;
        }
        start = round_up(at->second.end, alignment);
    }
    return false;
}

void Vm::bind(PlaceRequest& request, uint64_t start) {
    bindings_[start] = {start + request.size, request.buffer.get(), request.buffer, true};
    places_[request.buffer.get()] = start;
    request.address = start;
}

void Vm::unbind(Bindings::iterator binding) {
    places_.erase(binding->second.key);
    bindings_.erase(binding);
}

/// The first binding that ends behind `start`.
Vm::Bindings::iterator Vm::first_overlap(uint64_t start) {
    auto at = bindings_.upper_bound(start);
    if (at != bindings_.begin() && std::prev(at)->second.end > start) --at;
    return at;
}

void Vm::release_holds() {
    for (auto& [start, binding] : bindings_) binding.held = false;
}

}  // namespace simgpu::intel::i915
