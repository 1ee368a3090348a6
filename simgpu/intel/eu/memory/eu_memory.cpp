#include "simgpu/intel/eu/memory/eu_memory.h"

#include <algorithm>
#include <cstring>

namespace simgpu::intel::eu {

namespace {

constexpr uint64_t kPage = 4096;

/// Calls `piece(T{}, offset)` for pieces of 8, 4, 2 or 1 bytes that are aligned at `start`.
template <class Piece>
void for_each_piece(const std::byte* start, uint64_t size, Piece piece) {
    for (uint64_t done = 0; done < size;) {
        const auto at = reinterpret_cast<uintptr_t>(start + done);
        const uint64_t left = size - done;
        if (left >= 8 && at % 8 == 0)
            piece(uint64_t{}, done), done += 8;
        else if (left >= 4 && at % 4 == 0)
            piece(uint32_t{}, done), done += 4;
        else if (left >= 2 && at % 2 == 0)
            piece(uint16_t{}, done), done += 2;
        else
            piece(uint8_t{}, done), done += 1;
    }
}

}  // namespace

void copy_from_shared(const std::byte* shared, void* to, uint64_t size) {
    for_each_piece(shared, size, [&]<class T>(T, uint64_t offset) {
        auto* word = reinterpret_cast<T*>(const_cast<std::byte*>(shared + offset));
        const T value = std::atomic_ref<T>(*word).load(std::memory_order_acquire);
        std::memcpy(static_cast<std::byte*>(to) + offset, &value, sizeof value);
    });
}

void copy_to_shared(std::byte* shared, const void* from, uint64_t size) {
    for_each_piece(shared, size, [&]<class T>(T, uint64_t offset) {
        T value;
        std::memcpy(&value, static_cast<const std::byte*>(from) + offset, sizeof value);
        std::atomic_ref<T>(*reinterpret_cast<T*>(shared + offset))
            .store(value, std::memory_order_release);
    });
}

std::byte* EuMemory::resolve(uint64_t va, uint64_t size, Access access) {
    const unsigned kind = access == Access::kWrite;
    // A known span that is too short stays too short.
    for (const CachedSpan& span : spans_[kind])
        if (va >= span.begin && va < span.end) return nullptr;
    // From the start of the page, so that the span serves addresses below this one too.
    uint64_t begin = va & ~(kPage - 1);
    Span span = memory_.resolve(begin, access);
    if (!span.data || span.size <= va - begin) {
        begin = va;
        span = memory_.resolve(va, access);
        if (!span.data) return nullptr;
    }
    const uint64_t end = begin + std::min(span.size, kAddressMask + 1 - begin);
    spans_[kind][next_[kind]] = {begin, end, span.data};
    next_[kind] = (next_[kind] + 1) % kCachedSpans;
    return size <= end - va ? span.data + (va - begin) : nullptr;
}

bool EuMemory::fault(uint64_t va, Access access) {
    if (!faulted_) {
        faulted_ = true;
        fault_va_ = va & kAddressMask;
        fault_access_ = access;
    }
    return false;
}

bool EuMemory::read(uint64_t va, void* to, uint64_t size) {
    if (const std::byte* host = contiguous(va, size, Access::kRead)) {
        copy_from_shared(host, to, size);
        return true;
    }
    std::memset(to, 0, size);
    for (uint64_t i = 0; i < size; i++) {
        const std::byte* host = contiguous(va + i, 1, Access::kRead);
        if (!host) return fault(va + i, Access::kRead);
        copy_from_shared(host, static_cast<std::byte*>(to) + i, 1);
    }
    return true;
}

bool EuMemory::write(uint64_t va, const void* from, uint64_t size) {
    if (std::byte* host = contiguous(va, size, Access::kWrite)) {
        copy_to_shared(host, from, size);
        return true;
    }
    for (uint64_t i = 0; i < size; i++) {
        std::byte* host = contiguous(va + i, 1, Access::kWrite);
        if (!host) return fault(va + i, Access::kWrite);
        copy_to_shared(host, static_cast<const std::byte*>(from) + i, 1);
    }
    return true;
}

std::byte* EuMemory::atomic_place(uint64_t va, unsigned size) {
    std::byte* host = contiguous(va, size, Access::kWrite);
    if (host && reinterpret_cast<uintptr_t>(host) % size == 0) return host;
    fault(va, Access::kWrite);
    return nullptr;
}

}  // namespace simgpu::intel::eu
