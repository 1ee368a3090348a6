// FormatTable: the formats and modifiers that a compositor can import.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"

namespace viaduct::wayland {

struct FormatPair {
    uint32_t fourcc = 0;
    uint64_t modifier = 0;
    auto operator<=>(const FormatPair&) const = default;
};

/// A tranche of zwp_linux_dmabuf_feedback_v1: formats that a device can read. The compositor
/// prefers earlier ones.
struct Tranche {
    dev_t device = 0;
    bool scanout = false;  // these may reach the screen without the compositor's GPU
    std::vector<FormatPair> formats;
};

/// A value: replaced as a whole whenever the compositor sends another.
class FormatTable {
  public:
    FormatTable() = default;
    FormatTable(dev_t main_device, std::vector<Tranche> tranches);

    bool has(uint32_t fourcc, uint64_t modifier) const {
        return pairs_.contains({fourcc, modifier});
    }
    bool empty() const { return pairs_.empty(); }
    /// The modifier to announce for a buffer of this layout. An unknown layout of the same GPU
    /// (INVALID) and a linear one may stand for each other only where nothing is lost: linear may
    /// be announced as INVALID, for the kernel's own record of the buffer decides then; INVALID
    /// never as linear. Nothing: the compositor cannot import it.
    std::optional<uint64_t> modifier_for(uint32_t fourcc, uint64_t modifier) const;
    /// All modifiers of a format, the compositor's favourites first.
    std::vector<uint64_t> modifiers_of(uint32_t fourcc) const;
    /// True if a tranche for scan-out has it.
    bool scanout(uint32_t fourcc, uint64_t modifier) const;
    dev_t main_device() const { return main_device_; }

  private:
    dev_t main_device_ = 0;
    std::vector<Tranche> tranches_;
    std::set<FormatPair> pairs_;
};

/// The rows of a format table in memory: 16 bytes each (format, padding, modifier). EINVAL: a size
/// that is not a number of rows, or more than 65536 of them, which no index reaches.
Result<std::vector<FormatPair>> read_format_rows(std::span<const std::byte> table);

/// The rows that `indices` (16 bits each) name. EINVAL: one is beyond the table.
Result<std::vector<FormatPair>> pick_rows(std::span<const FormatPair> rows,
                                          std::span<const uint16_t> indices);

}  // namespace viaduct::wayland
