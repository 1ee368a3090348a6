// The description that Mesa attaches to an image it exports: who imports it gets the same layout.
#pragma once

#include <amdgpu_drm.h>

#include <cstdint>

#include "drm-context/native_context.h"

namespace viaduct::amdgpu {

/// Reads tiling flags and the driver's own metadata (mesa: ac_surface.c,
/// ac_surface_compute_umd_metadata()). All of it is the guest's: any bytes. `family`:
/// AMDGPU_FAMILY_*, which decides on their format. Size and format of an image are read of GFX9
/// alone; a layout other than rows has no name here, as it depends on the chip's memory channels.
ImageLayout read_layout(const drm_amdgpu_gem_metadata& metadata, uint32_t family);

}  // namespace viaduct::amdgpu
