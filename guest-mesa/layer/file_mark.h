// FileMark: identifies an open file of a DRM node, through any of its descriptors.
#pragma once

#include <cstdint>
#include <optional>

#include "guest-mesa/layer/kernel.h"

namespace viaduct::guest {

/// A timeline syncobj of the file, signalled up to a point that no other file's has. It exists in
/// the guest's kernel only, and goes with the file.
///
/// kcmp(2) would compare two descriptors, but containers often forbid it, and there must be a
/// second descriptor to compare with. The requests here are the DRM core's: they mean the same on
/// every driver's nodes, so the question changes nothing on a file that is not ours.
class FileMark {
  public:
    /// Marks the file behind `channel`. Nothing if the node refuses.
    static std::optional<FileMark> put(const Channel& channel);

    /// True if the file behind `channel` has this mark. One system call.
    bool is_on(const Channel& channel) const;
    bool operator==(const FileMark&) const = default;

  private:
    FileMark(uint32_t syncobj, uint64_t point) : syncobj_(syncobj), point_(point) {}

    uint32_t syncobj_;
    uint64_t point_;
};

}  // namespace viaduct::guest
