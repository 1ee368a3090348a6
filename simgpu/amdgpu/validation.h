// What the kernel does for the memory of a job before it queues it (Linux: amdgpu_cs_parser_bos()).
#pragma once

#include "simgpu/amdgpu/drm_file.h"

namespace simgpu::amdgpu {

/// Writes new mappings into the page tables. -ENOMEM if there is no memory for these, or if the
/// buffers of `list` (may be null) do not fit into GDS, GWS or OA together: these are given to one
/// job at a time and hold nothing between jobs.
int validate_job(DrmFile& file, const BufferList* list);

}  // namespace simgpu::amdgpu
