// The video engines' stand-in: decoders and encoders that accept every stream.
#pragma once

#include <memory>

#include "simgpu/engine/engine.h"

namespace simgpu::amdgpu {

/// An engine that fetches a job's commands and carries out none of them: no picture is decoded or
/// encoded. The kernel does not look into them either on VCN 2; on UVD and VCE it would patch
/// addresses in, which is not played. A job whose commands are not mapped faults.
std::unique_ptr<Engine> create_video_engine();

}  // namespace simgpu::amdgpu
