// Numbering of the GPU's rings, which guest and host work out independently.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "drm-context/wire/amdgpu.h"

namespace viaduct::guest::amdgpu {

namespace wire = viaduct::wire::amdgpu;

/// Ring 0 is the CPU; then, for each hardware IP type in order, one per available ring
/// (amdgpu.md, section 3).
class TimelineNumbering {
  public:
    /// `available_rings`: the mask that HW_IP_INFO reports for each IP type, 0 where it fails.
    explicit TimelineNumbering(const std::array<uint32_t, wire::kIpTypes>& available_rings) {
        uint32_t next = 1;
        for (size_t type = 0; type < available_rings.size(); ++type) {
            bases_[type] = next;
            counts_[type] = static_cast<uint32_t>(std::popcount(available_rings[type]));
            next += counts_[type];
        }
        count_ = next - 1;
    }

    /// Number of GPU timelines, ring 0 not among them.
    uint32_t count() const { return count_; }
    /// The timeline of ring `ring` of IP type `type`; nothing if the GPU has no such ring.
    std::optional<uint32_t> find(uint32_t type, uint32_t ring) const {
        if (type >= bases_.size() || ring >= counts_[type]) return std::nullopt;
        return bases_[type] + ring;
    }

    /// The first IP type and ring that find() would answer `timeline` (1 … count()) for.
    struct Ring {
        uint32_t type;
        uint32_t ring;
    };
    Ring ring_of(uint32_t timeline) const {
        uint32_t type = 0;
        while (type + 1 < bases_.size() && timeline >= bases_[type] + counts_[type]) ++type;
        return {type, timeline - bases_[type]};
    }

  private:
    std::array<uint32_t, wire::kIpTypes> bases_{};
    std::array<uint32_t, wire::kIpTypes> counts_{};
    uint32_t count_ = 0;
};

}  // namespace viaduct::guest::amdgpu
