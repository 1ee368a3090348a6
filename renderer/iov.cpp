#include "renderer/iov.h"

#include <algorithm>
#include <cstring>

namespace viaduct {

namespace {

bool covers(std::span<const iovec> iovecs, uint64_t offset, uint64_t size) {
    uint64_t end = 0;
    if (__builtin_add_overflow(offset, size, &end)) return false;
    uint64_t seen = 0;
    for (const iovec& entry : iovecs) {
        if (__builtin_add_overflow(seen, uint64_t{entry.iov_len}, &seen)) return true;
        if (seen >= end) return true;
    }
    return seen >= end;
}

// Calls visit(address, length) for each stretch of [offset, offset + size), which is covered.
template <typename Visit>
void for_each_stretch(std::span<const iovec> iovecs, uint64_t offset, uint64_t size,
                      Visit&& visit) {
    for (const iovec& entry : iovecs) {
        if (size == 0) return;
        if (offset >= entry.iov_len) {
            offset -= entry.iov_len;
            continue;
        }
        const auto length = static_cast<size_t>(std::min<uint64_t>(size, entry.iov_len - offset));
        visit(static_cast<std::byte*>(entry.iov_base) + offset, length);
        offset = 0;
        size -= length;
    }
}

}  // namespace

Result<uint64_t> total_length(const iovec* iovecs, size_t count) {
    if (count > kMaxIovecs) return fail(EINVAL, "{} iovecs are too many", count);
    if (count > 0 && !iovecs) return fail(EINVAL, "{} iovecs, but the array is null", count);
    uint64_t total = 0;
    for (size_t i = 0; i < count; ++i) {
        if (!iovecs[i].iov_base || iovecs[i].iov_len == 0)
            return fail(EINVAL, "iovec {} of {} is empty", i, count);
        if (__builtin_add_overflow(total, uint64_t{iovecs[i].iov_len}, &total))
            return fail(EINVAL, "{} iovecs cover more than 2^64 bytes", count);
    }
    return total;
}

bool copy_from_iovecs(std::span<const iovec> from, uint64_t offset, std::span<std::byte> to) {
    if (!covers(from, offset, to.size())) return false;
    std::byte* out = to.data();
    for_each_stretch(from, offset, to.size(), [&out](const std::byte* address, size_t length) {
        std::memcpy(out, address, length);
        out += length;
    });
    return true;
}

bool copy_to_iovecs(std::span<const iovec> to, uint64_t offset, std::span<const std::byte> from) {
    if (!covers(to, offset, from.size())) return false;
    const std::byte* in = from.data();
    for_each_stretch(to, offset, from.size(), [&in](std::byte* address, size_t length) {
        std::memcpy(address, in, length);
        in += length;
    });
    return true;
}

}  // namespace viaduct
