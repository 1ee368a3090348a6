// Tessellation: patches in, primitives of domain points out.
//
// A group of patches runs in one shader: a thread for each vertex (LS), then one for each control
// point (HS), which share LDS. It leaves each patch's factors in a ring in memory, where the
// tessellator reads them, and the attributes in an off-chip buffer, where the domain shader does.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "simgpu/amd/gfx9/draw/merged_group.h"
#include "simgpu/amd/gfx9/draw/tessellator.h"

namespace simgpu::gfx9::draw {

class TessellationStage final : public InputSink {
  public:
    TessellationStage(DrawTools& tools, bool provoking_last, ShadingSink& domain);

    /// Why no group can run with these registers; empty if one can.
    std::string problem() const;
    /// VGT_LS_HS_CONFIG: of a patch.
    unsigned input_vertices() const { return input_vertices_; }
    bool primitive(const InputPrimitive& patch) override;
    bool flush() override;

  private:
    bool shade();
    void load_vertices();
    void load_control_points();
    bool place_in_rings();
    bool pass_on();
    bool pass_on(unsigned patch);
    bool read_factors(unsigned patch, std::array<float, kMostFactors>& factors);

    DrawTools& tools_;
    bool provoking_last_;
    ShadingSink& domain_;
    ShaderStage shader_;
    MergedGroup group_;
    TessellatorState tessellator_;
    uint32_t most_patches_, input_vertices_, output_vertices_;  // VGT_LS_HS_CONFIG
    uint64_t ring_va_, ring_bytes_;               // VGT_TF_MEMORY_BASE, VGT_TF_RING_SIZE
    uint32_t off_chip_buffers_, off_chip_bytes_;  // VGT_HS_OFFCHIP_PARAM

    std::vector<InputVertex> vertices_;    // of the patches of the group
    std::vector<uint32_t> patches_;        // their numbers in the draw
    uint64_t ring_next_ = 0, placed_ = 0;  // in the ring of factors
    uint32_t next_buffer_ = 0, off_chip_ = 0;
    uint64_t next_id_ = 0;
};

}  // namespace simgpu::gfx9::draw
