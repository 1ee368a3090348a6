#include "renderer/iov.h"

#include <algorithm>
#include <cstring>

namespace viaduct {

Result<uint64_t> total_length(const iovec* iovecs, size_t count) {
    if (count > kMaxIovecs) return fail(EINVAL, "{} iovecs exceed the maximum", count);
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

// Calls visit(address, length) for each stretch on the way.
template <typename Visit>
bool IovecCursor::move_on(uint64_t size, Visit visit) {
    while (size > 0) {
        if (left_.empty()) return false;
        const iovec& entry = left_.front();
        const auto length = static_cast<size_t>(std::min<uint64_t>(size, entry.iov_len - within_));
        if (length > 0) visit(static_cast<std::byte*>(entry.iov_base) + within_, length);
        within_ += length;
        position_ += length;
        size -= length;
        if (within_ < entry.iov_len) continue;
        left_ = left_.subspan(1);
        within_ = 0;
    }
    return true;
}

bool IovecCursor::seek(uint64_t offset) {
    return offset >= position_ && move_on(offset - position_, [](const std::byte*, size_t) {});
}

bool IovecCursor::read(std::span<std::byte> to) {
    std::byte* out = to.data();
    return move_on(to.size(), [&out](const std::byte* address, size_t length) {
        std::memcpy(out, address, length);
        out += length;
    });
}

bool IovecCursor::write(std::span<const std::byte> from) {
    const std::byte* in = from.data();
    return move_on(from.size(), [&in](std::byte* address, size_t length) {
        std::memcpy(address, in, length);
        in += length;
    });
}

}  // namespace viaduct
