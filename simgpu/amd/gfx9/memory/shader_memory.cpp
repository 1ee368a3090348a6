#include "simgpu/amd/gfx9/memory/shader_memory.h"

#include <algorithm>

namespace simgpu::gfx9 {

namespace {

constexpr uint64_t kPage = 4096;

bool dword_aligned(const std::byte* host) {
    return reinterpret_cast<uintptr_t>(host) % 4 == 0;
}

uint8_t load_byte(std::byte* host) {
    return std::atomic_ref<uint8_t>(*reinterpret_cast<uint8_t*>(host))
        .load(std::memory_order_acquire);
}

void store_byte(std::byte* host, uint8_t value) {
    std::atomic_ref<uint8_t>(*reinterpret_cast<uint8_t*>(host))
        .store(value, std::memory_order_release);
}

// Copies `size` bytes inside one span, in the largest pieces that are tear-free.
void copy_out(std::byte* host, uint8_t* to, uint64_t size) {
    while (size) {
        if (size >= 4 && dword_aligned(host)) {
            const uint32_t value = load_dword(host);
            std::memcpy(to, &value, 4);
            host += 4, to += 4, size -= 4;
        } else if (size >= 2 && reinterpret_cast<uintptr_t>(host) % 2 == 0) {
            const uint16_t value = std::atomic_ref<uint16_t>(*reinterpret_cast<uint16_t*>(host))
                                       .load(std::memory_order_acquire);
            std::memcpy(to, &value, 2);
            host += 2, to += 2, size -= 2;
        } else {
            *to = load_byte(host);
            host++, to++, size--;
        }
    }
}

void copy_in(std::byte* host, const uint8_t* from, uint64_t size) {
    while (size) {
        if (size >= 4 && dword_aligned(host)) {
            uint32_t value;
            std::memcpy(&value, from, 4);
            store_dword(host, value);
            host += 4, from += 4, size -= 4;
        } else if (size >= 2 && reinterpret_cast<uintptr_t>(host) % 2 == 0) {
            uint16_t value;
            std::memcpy(&value, from, 2);
            std::atomic_ref<uint16_t>(*reinterpret_cast<uint16_t*>(host))
                .store(value, std::memory_order_release);
            host += 2, from += 2, size -= 2;
        } else {
            store_byte(host, *from);
            host++, from++, size--;
        }
    }
}

}  // namespace

std::byte* ShaderMemory::resolve(uint64_t va, uint64_t size, Access access) {
    // A known span that is too short stays too short.
    for (const CachedSpan& span : spans_[index_of(access)])
        if (va >= span.begin && va < span.end) return nullptr;
    // From the start of the page, so that the span serves a few addresses below this one too.
    uint64_t begin = va & ~(kPage - 1);
    Span span = memory_.resolve(begin, access);
    if (!span.data || span.size <= va - begin) {
        begin = va;
        span = memory_.resolve(va, access);
        if (!span.data) return nullptr;
    }
    const unsigned kind = index_of(access);
    const uint64_t length = std::min(span.size, kAddressMask + 1 - begin);
    spans_[kind][next_[kind]] = {begin, begin + length, span.data};
    next_[kind] = (next_[kind] + 1) % kCachedSpans;
    if (size > begin + length - va) return nullptr;
    return span.data + (va - begin);
}

void ShaderMemory::set_lds_window(std::byte* lds, uint64_t size) {
    for (auto& spans : spans_) spans[kCachedSpans] = {kLdsWindow, kLdsWindow + size, lds};
}

void ShaderMemory::record_fault(uint64_t va, Access access) {
    if (faulted_) return;
    faulted_ = true;
    fault_va_ = va & kAddressMask;
    fault_access_ = access;
}

bool ShaderMemory::read(uint64_t va, void* to, uint64_t size) {
    auto* out = static_cast<uint8_t*>(to);
    if (std::byte* host = contiguous(va, size, Access::kRead)) {
        copy_out(host, out, size);
        return true;
    }
    for (uint64_t i = 0; i < size; i++) {
        std::byte* host = contiguous(va + i, 1, Access::kRead);
        if (!host) {
            record_fault(va + i, Access::kRead);
            return false;
        }
        out[i] = load_byte(host);
    }
    return true;
}

bool ShaderMemory::write(uint64_t va, const void* from, uint64_t size) {
    const auto* in = static_cast<const uint8_t*>(from);
    if (std::byte* host = contiguous(va, size, Access::kWrite)) {
        copy_in(host, in, size);
        return true;
    }
    for (uint64_t i = 0; i < size; i++) {
        std::byte* host = contiguous(va + i, 1, Access::kWrite);
        if (!host) {
            record_fault(va + i, Access::kWrite);
            return false;
        }
        store_byte(host, in[i]);
    }
    return true;
}

// The host memory of the lowest active address, if every lane's access lies in one span and all
// are dword-aligned: then no lane needs a check of its own.
std::byte* ShaderMemory::common_span(const LaneAddresses& addresses, uint64_t mask, uint64_t size,
                                     Access access, uint64_t* base) {
    uint64_t low = kAddressMask, high = 0, bits = 0;
    for_each_lane(mask, [&](unsigned lane) {
        const uint64_t va = addresses.lane[lane] & kAddressMask;
        low = std::min(low, va);
        high = std::max(high, va);
        bits |= va;
    });
    if (bits % 4 != 0) return nullptr;
    std::byte* host = contiguous(low, high - low + size, access);
    if (!host || !dword_aligned(host)) return nullptr;
    *base = low;
    return host;
}

bool ShaderMemory::load_dwords(const LaneAddresses& addresses, uint64_t mask, unsigned count,
                               Row* out) {
    if (!mask) return true;
    uint64_t base;
    if (std::byte* host = common_span(addresses, mask, 4 * count, Access::kRead, &base)) {
        for_each_lane(mask, [&](unsigned lane) {
            const std::byte* from = host + ((addresses.lane[lane] & kAddressMask) - base);
            for (unsigned i = 0; i < count; i++) out[i].lane[lane] = load_dword(from + 4 * i);
        });
        return true;
    }
    bool ok = true;
    for_each_lane(mask, [&](unsigned lane) {
        for (unsigned i = 0; ok && i < count; i++)
            ok = read(addresses.lane[lane] + 4 * i, &out[i].lane[lane], 4);
    });
    return ok;
}

bool ShaderMemory::store_dwords(const LaneAddresses& addresses, uint64_t mask, unsigned count,
                                const Row* from) {
    if (!mask) return true;
    uint64_t base;
    if (std::byte* host = common_span(addresses, mask, 4 * count, Access::kWrite, &base)) {
        for_each_lane(mask, [&](unsigned lane) {
            std::byte* to = host + ((addresses.lane[lane] & kAddressMask) - base);
            for (unsigned i = 0; i < count; i++) store_dword(to + 4 * i, from[i].lane[lane]);
        });
        return true;
    }
    bool ok = true;
    for_each_lane(mask, [&](unsigned lane) {
        for (unsigned i = 0; ok && i < count; i++)
            ok = write(addresses.lane[lane] + 4 * i, &from[i].lane[lane], 4);
    });
    return ok;
}

}  // namespace simgpu::gfx9
