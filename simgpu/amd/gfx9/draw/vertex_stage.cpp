#include "simgpu/amd/gfx9/draw/vertex_stage.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

constexpr uint32_t kStages = 0x28b54;     // VGT_SHADER_STAGES_EN
constexpr uint32_t kStepRate = 0x28aa0;   // VGT_INSTANCE_STEP_RATE_0
constexpr uint32_t kOutConfig = 0x286c4;  // SPI_VS_OUT_CONFIG

float exported(const ExportTarget& target, unsigned component, unsigned lane) {
    const bool there = target.mask >> lane & 1 && target.enabled >> component & 1;
    return there ? as_float(target.component[component].lane[lane]) : 0.0f;
}

}  // namespace

VertexStage::VertexStage(DrawTools& tools, const RasterState& raster)
    : tools_(tools),
      raster_(raster),
      shader_(ShaderStage::read(ShaderStage::Kind::kVertex, tools.draw.registers)),
      step_rate_(tools.draw.registers(kStepRate)),
      parameters_(bits(tools.draw.registers(kOutConfig), 1, 5) + 1),
      program_(std::make_unique<Program>(tools.memory, shader_.vgprs())),
      indices_(tools.draw, tools.memory) {}

std::string VertexStage::problem() const {
    const uint32_t stages = tools_.draw.registers(kStages) & 0xff;
    if (stages)
        return fmt::format(
            "VGT_SHADER_STAGES_EN {:#x}: geometry and tessellation shaders are not simulated",
            stages);
    if (shader_.streams_out())
        return "SPI_SHADER_PGM_RSRC2_VS: transform feedback is not simulated";
    return {};
}

bool VertexStage::run(uint32_t instance, Assembler& assembler) {
    Batch batch;
    bool restart = false;
    for (uint32_t position = 0; position < tools_.draw.count; position++) {
        uint32_t index;
        if (!indices_.read(position, index)) return index_fault();
        // A draw may consist of restarts only.
        if (!tools_.loop.poll_rarely(shader_.program_va, tools_.outcome)) return false;
        if (indices_.restarts(index)) {
            restart = true;
            continue;
        }
        batch.index[batch.count] = index;
        batch.restart_before[batch.count++] = std::exchange(restart, false);
        const bool full = batch.count == kLanes || position + 1 == tools_.draw.count;
        if (!full) continue;
        if (!shade(batch, instance) || !hand_over(batch, assembler)) return false;
        batch.count = 0;
    }
    if (batch.count && (!shade(batch, instance) || !hand_over(batch, assembler))) return false;
    return assembler.finish();
}

bool VertexStage::index_fault() {
    tools_.outcome =
        make_outcome(JobOutcome::Kind::kFault,
                     fmt::format("index read at {:#x} faulted", tools_.memory.fault_va()));
    tools_.outcome.fault_va = tools_.memory.fault_va();
    return false;
}

// VGPRs of a vertex shader: the vertex, the instance divided by the step rate, the primitive (of
// tessellation only), the instance.
bool VertexStage::shade(const Batch& batch, uint32_t instance) {
    Wave& wave = tools_.wave;
    tools_.graphics.reset();
    shader_.set_scratch(wave, shader_.start(wave));
    const uint32_t stepped = step_rate_ ? instance / step_rate_ : instance;
    for (unsigned lane = 0; lane < batch.count; lane++) {
        wave.v[0].lane[lane] = batch.index[lane];
        if (shader_.vertex_components() >= 1) wave.v[1].lane[lane] = stepped;
        if (shader_.vertex_components() >= 3) wave.v[3].lane[lane] = instance;
    }
    wave.set_exec(batch.count == kLanes ? ~uint64_t{0} : (uint64_t{1} << batch.count) - 1);
    tools_.counters.input_vertices += batch.count;
    tools_.counters.vertex_invocations += batch.count;
    return tools_.loop.run(wave, *program_, tools_.outcome);
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

// Shading other waves reuses the exports' place, so all vertices leave it first.
bool VertexStage::hand_over(const Batch& batch, Assembler& assembler) {
    std::vector<Vertex> vertices;
    vertices.reserve(batch.count);
    for (unsigned lane = 0; lane < batch.count; lane++) vertices.push_back(vertex(lane));
    for (unsigned lane = 0; lane < batch.count; lane++) {
        if (batch.restart_before[lane] && !assembler.finish()) return false;
        if (!assembler.add(vertices[lane])) return false;
        if (!tools_.loop.poll_rarely(shader_.program_va, tools_.outcome)) return false;
    }
    return true;
}

}  // namespace simgpu::gfx9::draw
