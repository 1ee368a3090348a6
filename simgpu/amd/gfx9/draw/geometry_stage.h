// Geometry shading: primitives in, those that the shader emits out.
//
// A group of vertices (ES) and primitives (GS) runs in one shader, with the ring between them in
// LDS. The emitted vertices are in a ring in memory (GSVS), out of which the copy shader, a vertex
// shader, reads each of them.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "simgpu/amd/gfx9/draw/assembler.h"
#include "simgpu/amd/gfx9/draw/merged_group.h"
#include "simgpu/amd/gfx9/draw/vertex_stage.h"

namespace simgpu::gfx9::draw {

class GeometryStage final : public ShadingSink {
  public:
    /// `shades_domain`: the first half is a domain shader.
    GeometryStage(DrawTools& tools, bool shades_domain, bool provoking_last, VertexStage& copies);

    /// Why no group can run with these registers; empty if one can.
    std::string problem() const;
    bool primitive(const InputPrimitive& primitive) override;
    bool flush() override;
    void set_off_chip(uint32_t bytes) override { off_chip_ = bytes; }

  private:
    static constexpr unsigned kMostVertices = 6;

    /// A primitive by its vertices' numbers in the group.
    struct Grouped {
        std::array<uint16_t, kMostVertices> vertex{};
        uint8_t count = 0;
        uint32_t id = 0;
    };
    /// A stream of emitted vertices, of dwords in the ring for each thread.
    struct Stream {
        uint32_t type = 0;  // of VGT_GS_OUT_PRIM_TYPE
        uint32_t offset = 0, vertex_dwords = 0;
    };

    std::string output_problem() const;
    unsigned slot_of(const InputVertex& vertex);
    bool shade();
    void load_vertices();
    void load_primitives();
    bool place_in_ring();
    bool check_messages(unsigned number);
    bool pass_on();
    bool pass_on(unsigned stream);
    bool pass_on(unsigned stream, unsigned thread, Assembler& assembler);

    DrawTools& tools_;
    bool shades_domain_, provoking_last_;
    VertexStage& copies_;
    ShaderStage shader_;
    MergedGroup group_;
    // Limits of a group (VGT_GS_ONCHIP_CNTL), and invocations for each primitive
    // (VGT_GS_INSTANCE_CNT).
    uint32_t most_vertices_, most_primitives_, most_threads_, instances_;
    uint32_t ring_item_;     // VGT_ESGS_RING_ITEMSIZE: dwords of a vertex in LDS
    uint32_t emitted_item_;  // VGT_GSVS_RING_ITEMSIZE: dwords of a thread in the other ring
    uint64_t ring_bytes_;    // VGT_GSVS_RING_SIZE
    uint32_t most_emitted_;  // VGT_GS_MAX_VERT_OUT
    std::array<Stream, kStreams> streams_;
    uint32_t off_chip_ = 0;

    std::vector<InputVertex> vertices_;
    std::vector<Grouped> primitives_;
    uint64_t latest_ = 0;  // the largest of the vertices' numbers
    std::vector<GeometryWave> emitted_;
    std::array<uint64_t, MergedGroup::kMostWaves> placed_{};  // of each wave, in the ring
    uint64_t ring_next_ = 0;
    uint64_t next_id_ = 0;
};

}  // namespace simgpu::gfx9::draw
