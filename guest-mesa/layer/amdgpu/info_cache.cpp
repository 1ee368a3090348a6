#include "guest-mesa/layer/amdgpu/info_cache.h"

#include <algorithm>

#include "wire/amdgpu_info.h"

namespace viaduct::guest::amdgpu {

namespace {

constexpr uint32_t kImmutable[] = {
    AMDGPU_INFO_ACCEL_WORKING, AMDGPU_INFO_HW_IP_INFO,
    AMDGPU_INFO_HW_IP_COUNT,   AMDGPU_INFO_FW_VERSION,
    AMDGPU_INFO_GDS_CONFIG,    AMDGPU_INFO_DEV_INFO,
    AMDGPU_INFO_VIDEO_CAPS,    viaduct::wire::amdgpu::kInfoMaxIbs,
};

constexpr size_t kMaxAnswers = 256;  // what drivers ask is a few dozen

}  // namespace

bool InfoCache::is_immutable(uint32_t query) {
    return std::find(std::begin(kImmutable), std::end(kImmutable), query) != std::end(kImmutable);
}

std::optional<InfoAnswer> InfoCache::find(const InfoQuery& query, size_t size) const {
    const LockGuard lock(mutex_);
    const auto entry = answers_.find(query);
    if (entry == answers_.end() || entry->second.bytes.size() < size) return std::nullopt;
    return entry->second;
}

void InfoCache::keep(const InfoQuery& query, const InfoAnswer& answer) {
    if (!is_immutable(query.query)) return;
    const LockGuard lock(mutex_);
    if (answers_.size() < kMaxAnswers || answers_.count(query)) answers_[query] = answer;
}

}  // namespace viaduct::guest::amdgpu
