// Buffer addressing shared by MUBUF and MTBUF (Vega ISA, "Vector memory buffer addressing").
#pragma once

#include "simgpu/amd/gfx9/memory/buffer_resource.h"
#include "simgpu/amd/gfx9/memory/vmem.h"

namespace simgpu::gfx9 {

BufferResource buffer_resource(const Wave& wave, const Instruction& in);

/// Fills addresses and range masks for an access of `bytes` per lane. An access up to a dword, or
/// a formatted element, is in range or not as a whole; longer ones dword by dword.
enum class RangeCheck : uint8_t { kPerDword, kWholeElement };
void buffer_addresses(const Wave& wave, const Instruction& in, unsigned bytes, RangeCheck check,
                      VmemRequest& request);

}  // namespace simgpu::gfx9
