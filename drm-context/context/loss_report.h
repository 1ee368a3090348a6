// LossReport: the worker's side of the field in which a guest sees that it lost GPU contexts.
#pragma once

#include <cstdint>

#include "drm-context/context/control_buffer.h"
#include "drm-context/driver/traits.h"

namespace viaduct {

/// Writes the driver's LossField. The guest can overwrite its copy, so the value is kept here. A
/// driver calls what its kind of field is for; the other calls do nothing. Used by one thread.
class LossReport {
  public:
    LossReport(ControlBuffer& control, const LossField& field) : control_(control), field_(field) {}

    /// kCounter32: one more loss.
    void count() {
        if (field_.kind == LossField::Kind::kCounter32) control_.store32(field_.offset, ++counter_);
    }
    /// kMask64: GPU context `id` is lost, or exists no longer. Ids from 64 on have no bit.
    void mark(uint32_t id) { set_mask(mask_ | bit(id)); }
    void clear(uint32_t id) { set_mask(mask_ & ~bit(id)); }

  private:
    static uint64_t bit(uint32_t id) { return id < 64 ? uint64_t{1} << id : 0; }
    void set_mask(uint64_t mask) {
        if (field_.kind == LossField::Kind::kMask64) control_.store64(field_.offset, mask_ = mask);
    }

    ControlBuffer& control_;
    const LossField& field_;
    uint32_t counter_ = 0;
    uint64_t mask_ = 0;
};

}  // namespace viaduct
