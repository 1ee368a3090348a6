#include "simgpu/amd/gfx9/draw/vertex_stage.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers).
constexpr uint32_t kOutConfig = 0x286c4;    // SPI_VS_OUT_CONFIG
constexpr uint32_t kPrimitiveId = 0x28a84;  // VGT_PRIMITIVEID_EN

float exported(const ExportTarget& target, unsigned component, unsigned lane) {
    const bool there = target.mask >> lane & 1 && target.enabled >> component & 1;
    return there ? as_float(target.component[component].lane[lane]) : 0.0f;
}

}  // namespace

VertexStage::VertexStage(DrawTools& tools, const RasterState& raster, VertexRole role,
                         PrimitiveSink& sink)
    : tools_(tools),
      raster_(raster),
      role_(role),
      sink_(sink),
      shader_(ShaderStage::read(ShaderStage::Kind::kVertex, tools.draw.registers)),
      parameters_(bits(tools.draw.registers(kOutConfig), 1, 5) + 1),
      streams_(tools.draw.registers, *tools.draw.streamout, tools.counters),
      numbers_primitives_(role == VertexRole::kVertex &&
                          bit_of(tools.draw.registers(kPrimitiveId), 0)),
      program_(std::make_unique<Program>(tools.memory, shader_.vgprs())) {}

// A vertex has a lane of its own for each primitive where primitives are streamed out, or numbered.
unsigned VertexStage::lane_of(const InputVertex& vertex, uint32_t primitive_id) {
    const bool shares = !numbers_primitives_ && !streams_.writes(stream_);
    if (shares && lanes_ && vertex.id <= latest_)
        for (unsigned lane = lanes_; lane-- > 0;)
            if (id_[lane] == vertex.id) return lane;
    latest_ = lanes_ ? std::max(latest_, vertex.id) : vertex.id;
    id_[lanes_] = vertex.id;
    value_[lanes_] = vertex.value;
    if (numbers_primitives_) value_[lanes_][2] = primitive_id;
    return lanes_++;
}

bool VertexStage::primitive(const InputPrimitive& primitive) {
    const unsigned count = Primitive::count_of(primitive.kind);
    if ((lanes_ + count > kLanes || primitives_ == kLanes) && !flush()) return false;
    Assembled& to = assembled_[primitives_++];
    to = {primitive.kind, primitive.provoking, primitive.edges, 0, {}};
    for (unsigned i = 0; i < count; i++)
        to.lane[to.count++] = static_cast<uint8_t>(lane_of(primitive.drawn(i), primitive.id));
    return true;
}

bool VertexStage::flush() {
    if (primitives_ == 0) return true;
    if (!shade()) return false;
    const unsigned primitives = primitives_;
    primitives_ = lanes_ = 0;
    // The pixel stage uses the same wave.
    if (!streams_.rasterises(stream_)) return true;
    for (unsigned i = 0; i < primitives; i++) {
        const Assembled& from = assembled_[i];
        Primitive primitive;
        primitive.kind = from.kind;
        primitive.provoking = from.provoking;
        primitive.edges = from.edges;
        for (unsigned v = 0; v < from.count; v++)
            primitive.vertex[v] = &tools_.vertices[from.lane[v]];
        if (!sink_.primitive(primitive)) return false;
        if (!tools_.loop.poll_rarely(shader_.program_va, tools_.outcome)) return false;
    }
    return true;
}

bool VertexStage::shade() {
    Wave& wave = tools_.wave;
    tools_.graphics.reset();
    shader_.start(wave);
    load_scalars(streams_.reserve(stream_, primitives_, assembled_[0].count));
    for (unsigned lane = 0; lane < lanes_; lane++)
        for (unsigned i = 0; i <= shader_.vertex_components(); i++)
            wave.v[i].lane[lane] = value_[lane][i];
    wave.set_exec(first_lanes(lanes_));
    count_invocations();
    if (!tools_.loop.run(wave, *program_, tools_.outcome)) return false;
    if (streams_.rasterises(stream_))
        for (unsigned lane = 0; lane < lanes_; lane++) tools_.vertices[lane] = vertex(lane);
    return true;
}

// Queries do not count the copy shader: it is part of the geometry shader.
void VertexStage::count_invocations() {
    if (role_ == VertexRole::kVertex) tools_.counters.vertex_invocations += lanes_;
    if (role_ == VertexRole::kDomain) tools_.counters.domain_invocations += lanes_;
}

// SGPRs after the user data, each if it is enabled: how many vertices are streamed out and of which
// stream, the number of the first one, and where it goes in each buffer; the off-chip offset; the
// scratch offset. The first one is there with the off-chip offset, too.
void VertexStage::load_scalars(const StreamOutput::Wave& streamed) {
    Wave& wave = tools_.wave;
    unsigned next = shader_.user_sgprs;
    if (shader_.streams_out() || shader_.reads_off_chip())
        wave.s[next++] = streamed.vertices << 16 | stream_ << 24;
    if (shader_.streams_out()) {
        wave.s[next++] = 0;  // offsets are those of the wave's first vertex
        for (unsigned i = 0; i < kStreamoutBuffers; i++)
            if (shader_.streams_out_to(i)) wave.s[next++] = streamed.offset[i];
    }
    if (shader_.reads_off_chip()) wave.s[next++] = off_chip_;
    shader_.set_scratch(wave, next);
}

Vertex VertexStage::vertex(unsigned lane) const {
    const GraphicsWave& graphics = tools_.graphics;
    const VertexOutputs& outputs = raster_.outputs;
    Vertex vertex;
    for (unsigned c = 0; c < 4; c++) vertex.position[c] = exported(graphics.position[0], c, lane);
    // The other vectors follow without gaps.
    unsigned next = 1;
    if (outputs.misc_vector) {
        const ExportTarget& misc = graphics.position[next++];
        vertex.point_size = exported(misc, 0, lane);
        const uint32_t indices = as_word(exported(misc, 2, lane));
        if (outputs.layer) vertex.layer = bits(indices, 0, 11);
        if (outputs.viewport) vertex.viewport = bits(indices, 16, 4);
    }
    for (unsigned vector = 0; vector < 2; vector++) {
        if (!outputs.distance_vector[vector]) continue;
        const ExportTarget& distances = graphics.position[std::min(next++, kPositionExports - 1)];
        for (unsigned c = 0; c < 4; c++)
            vertex.distance[4 * vector + c] = exported(distances, c, lane);
    }
    for (unsigned p = 0; p < parameters_; p++)
        for (unsigned c = 0; c < 4; c++)
            vertex.parameter[p][c] = exported(graphics.parameter[p], c, lane);
    return vertex;
}

}  // namespace simgpu::gfx9::draw
