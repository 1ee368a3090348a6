// InfoCache: answers of the INFO ioctl that cannot change while a context lives.
#pragma once

#include <amdgpu_drm.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/mutex.h"

namespace viaduct::guest::amdgpu {

/// One INFO request: the query and its four argument words.
struct InfoQuery {
    uint32_t query;
    std::array<uint32_t, 4> args;

    auto operator<=>(const InfoQuery&) const = default;
};

/// An errno counts as an answer too: a GPU without a video engine says so for ever.
struct InfoAnswer {
    int result;
    std::vector<std::byte> bytes;
};

/// Thread-safe.
class InfoCache {
  public:
    /// True for queries about the hardware; false for usage, clocks, sensors and registers.
    static bool is_immutable(uint32_t query);

    /// The kept answer, if there is one of at least `size` bytes.
    std::optional<InfoAnswer> find(const InfoQuery& query, size_t size) const;
    /// Keeps an answer to an immutable query; ignores others.
    void keep(const InfoQuery& query, const InfoAnswer& answer);

  private:
    mutable Mutex mutex_;
    std::map<InfoQuery, InfoAnswer> answers_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct::guest::amdgpu
