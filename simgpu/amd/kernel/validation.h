// Validation of a job's memory before it is queued (Linux: amdgpu_cs_parser_bos()).
#pragma once

#include <memory>
#include <tl/expected.hpp>

#include "simgpu/amd/kernel/drm_file.h"

namespace simgpu::amdgpu {

/// Keeps a job's buffers where they are, until it goes: with the job's last fence, or at once if it
/// was not submitted after all.
class JobResidency;
using JobResidencyPtr = std::shared_ptr<JobResidency>;

/// Moves the buffers of `list` (may be null) and the file's VM_ALWAYS_VALID ones back to VRAM if
/// they were pushed out, and writes new mappings into the page tables. May wait for jobs of others.
/// -ENOMEM if memory for page tables runs out; if a discardable buffer does not fit into VRAM
/// beside the job's others; or if the list's buffers together exceed GDS, GWS or OA, which are
/// given to one job at a time and hold nothing between jobs.
tl::expected<JobResidencyPtr, int> validate_job(DrmFile& file, const BufferList* list);

}  // namespace simgpu::amdgpu
