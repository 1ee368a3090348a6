// Numbering of the GPU's rings as an amdgpu context's fences name them. Both ends work it out from
// what HW_IP_INFO reports, and must come to the same.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "wire/amdgpu.h"

namespace viaduct::wire::amdgpu {

/// Ring 0 is the CPU's; then, for each hardware IP type in order, one per available ring, as far as
/// the protocol's 64 rings go.
class RingNumbering {
  public:
    static constexpr uint32_t kMostRings = 63;

    /// A ring of the hardware.
    struct Hardware {
        uint32_t ip_type;
        uint32_t ring;  // within the type
    };

    RingNumbering() = default;
    /// `available_rings`: the mask that HW_IP_INFO reports for each IP type, 0 where it fails.
    explicit RingNumbering(const std::array<uint32_t, kIpTypes>& available_rings) {
        for (size_t type = 0; type < available_rings.size(); ++type) {
            const auto available = static_cast<uint32_t>(std::popcount(available_rings[type]));
            bases_[type] = count_ + 1;
            counts_[type] = std::min(available, kMostRings - count_);
            count_ += counts_[type];
        }
    }

    /// Number of GPU rings, ring 0 not among them.
    uint32_t count() const { return count_; }
    /// The number of a ring of the hardware; nothing if the GPU has no such ring.
    std::optional<uint32_t> find(uint32_t ip_type, uint32_t ring) const {
        if (ip_type >= bases_.size() || ring >= counts_[ip_type]) return std::nullopt;
        return bases_[ip_type] + ring;
    }
    /// The ring for which find() returns `number` (1 … count()).
    Hardware hardware(uint32_t number) const {
        uint32_t type = 0;
        while (type + 1 < bases_.size() && number >= bases_[type] + counts_[type]) ++type;
        return {type, number - bases_[type]};
    }

  private:
    std::array<uint32_t, kIpTypes> bases_{};
    std::array<uint32_t, kIpTypes> counts_{};
    uint32_t count_ = 0;
};

}  // namespace viaduct::wire::amdgpu
