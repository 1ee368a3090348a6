#include "guest-mesa/layer/amdgpu/seqno_map.h"

#include <algorithm>

namespace viaduct::guest::amdgpu {

void SeqnoMap::append(uint64_t point) {
    ++last_;
    if (!runs_.empty() && runs_.back().first_point + runs_.back().length == point)
        ++runs_.back().length;
    else
        runs_.push_back({last_, point, 1});
}

std::optional<uint64_t> SeqnoMap::find(uint64_t seqno) const {
    const auto after =
        std::upper_bound(runs_.begin(), runs_.end(), seqno,
                         [](uint64_t value, const Run& run) { return value < run.first_seqno; });
    if (after == runs_.begin()) return std::nullopt;
    const Run& run = *(after - 1);
    const uint64_t index = seqno - run.first_seqno;
    if (index >= run.length) return std::nullopt;
    return run.first_point + index;
}

void SeqnoMap::forget_until(uint64_t point) {
    const auto keep = std::find_if(runs_.begin(), runs_.end(), [&](const Run& run) {
        return run.first_point + run.length - 1 > point;
    });
    runs_.erase(runs_.begin(), keep);
}

}  // namespace viaduct::guest::amdgpu
