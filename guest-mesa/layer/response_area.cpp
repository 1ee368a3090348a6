#include "guest-mesa/layer/response_area.h"

#include <iterator>

namespace viaduct::guest {

ResponseArea::ResponseArea(uint32_t size) : size_(size & ~7u) {
    if (size_) gaps_[0] = size_;
}

std::optional<uint32_t> ResponseArea::allocate(uint32_t size) {
    if (size == 0 || size > size_) return std::nullopt;
    const uint32_t length = round_up(size);
    for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
        const auto [offset, room] = *gap;
        if (room < length) continue;
        gaps_.erase(gap);
        if (room > length) gaps_[offset + length] = room - length;
        return offset;
    }
    return std::nullopt;
}

void ResponseArea::release(uint32_t offset, uint32_t size) {
    uint32_t length = round_up(size);
    auto next = gaps_.lower_bound(offset);
    if (next != gaps_.end() && next->first == offset + length) {
        length += next->second;
        next = gaps_.erase(next);
    }
    if (next != gaps_.begin()) {
        const auto before = std::prev(next);
        if (before->first + before->second == offset) {
            before->second += length;
            return;
        }
    }
    gaps_[offset] = length;
}

}  // namespace viaduct::guest
