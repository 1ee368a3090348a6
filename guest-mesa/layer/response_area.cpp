#include "guest-mesa/layer/response_area.h"

#include <algorithm>
#include <iterator>

namespace viaduct::guest {

ResponseArea::ResponseArea(uint32_t size) : size_(size & ~7u) {
    if (size_) gaps_[0] = size_;
}

std::optional<uint32_t> ResponseArea::allocate(uint32_t size) {
    if (size == 0 || size > size_) return std::nullopt;
    const uint32_t length = round_up(size);
    const auto above = gaps_.upper_bound(next_);
    if (above != gaps_.begin()) {
        const auto around = std::prev(above);
        if (around->first + around->second >= next_ + length) return take(around, next_, length);
    }
    const auto fits = [length](const auto& gap) { return gap.second >= length; };
    auto gap = std::find_if(above, gaps_.end(), fits);
    if (gap == gaps_.end()) gap = std::find_if(gaps_.begin(), above, fits);
    if (gap == gaps_.end() || !fits(*gap)) return std::nullopt;
    return take(gap, gap->first, length);
}

uint32_t ResponseArea::take(Gaps::iterator gap, uint32_t offset, uint32_t length) {
    const auto [begin, room] = *gap;
    gaps_.erase(gap);
    const uint32_t end = offset + length, end_of_gap = begin + room;
    if (offset > begin) gaps_[begin] = offset - begin;
    if (end_of_gap > end) gaps_[end] = end_of_gap - end;
    next_ = end;
    return offset;
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
