// PageTables: what the buffers of one GPU address space take of the kernel's memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "base/ids.h"
#include "base/result.h"
#include "drm-context/account/context_account.h"
#include "drm-context/i915/coverage.h"

namespace viaduct::i915 {

/// A buffer of a submission, and where that puts it.
struct PlacedBuffer {
    GemHandle handle;
    uint64_t size = 0;           // bytes
    std::optional<uint64_t> at;  // nothing: wherever the kernel finds room
};

/// The kernel makes tables for a buffer when a submission first uses it, and keeps them until the
/// buffer moves or is closed (i915_vma.c). Charged are 4 KiB for each 2 MiB of the addresses that
/// a buffer touches; those of upper levels are few. Gives all back at its end. Used by one thread.
class PageTables {
  public:
    explicit PageTables(ContextAccount& account) : account_(account) {}
    ~PageTables();
    PageTables(const PageTables&) = delete;
    PageTables& operator=(const PageTables&) = delete;

    /// Charges what the buffers of a submission add. ENOMEM beyond a limit: nothing has
    /// changed.
    Status place(std::span<const PlacedBuffer> buffers);
    /// The handle has been closed.
    void remove(GemHandle handle);

    uint64_t tables() const { return placed_.covered() + loose_; }

  private:
    struct Place {
        uint64_t first = 0;  // pieces of 2 MiB
        uint64_t end = 0;
        bool loose = false;  // anywhere: `end` tables at most
        bool operator==(const Place&) const = default;
    };
    static Place place_of(const PlacedBuffer& buffer);
    /// Charges what has come since there were `before` tables. ENOMEM beyond a limit.
    Status charge_growth(uint64_t before, uint64_t limit);
    void take(const Place& place);
    void leave(const Place& place);

    ContextAccount& account_;
    std::map<GemHandle, Place> places_;  // by handle
    Coverage placed_;                    // pieces that have buffers
    uint64_t loose_ = 0;                 // tables of buffers whose place is not known
};
using PageTablesPtr = std::shared_ptr<PageTables>;

}  // namespace viaduct::i915
