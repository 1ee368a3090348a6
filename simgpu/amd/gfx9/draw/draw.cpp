#include "simgpu/amd/gfx9/draw/draw.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/assembler.h"
#include "simgpu/amd/gfx9/draw/clip_rectangles.h"
#include "simgpu/amd/gfx9/draw/input_feed.h"
#include "simgpu/amd/gfx9/draw/pixel_stage.h"
#include "simgpu/amd/gfx9/draw/registers.h"
#include "simgpu/amd/gfx9/draw/setup.h"
#include "simgpu/amd/gfx9/draw/vertex_stage.h"

namespace simgpu::gfx9::draw {

namespace {

constexpr uint32_t kPrimitiveType = 0x30908;  // VGT_PRIMITIVE_TYPE
constexpr uint32_t kStages = 0x28b54;         // VGT_SHADER_STAGES_EN
constexpr uint32_t kBorderColours = 0x28080;  // TA_BC_BASE_ADDR

/// State that the front of the pipeline cannot follow; else empty.
std::string front_problem(const RegisterReader& registers) {
    const uint32_t type = bits(registers(kPrimitiveType), 0, 6);
    if (!is_simulated(static_cast<Topology>(type)) ||
        static_cast<Topology>(type) == Topology::kPatch)
        return fmt::format("VGT_PRIMITIVE_TYPE: type {} is not simulated", type);
    if (const uint32_t stages = registers(kStages) & 0xff)
        return fmt::format(
            "VGT_SHADER_STAGES_EN {:#x}: geometry and tessellation shaders are not simulated",
            stages);
    return SamplePattern::problem(registers);
}

/// The state of a wave, which one draw after the other uses: it is larger than a small draw is
/// long.
struct Scratch {
    Workgroup group;
    Wave wave;
    GraphicsWave graphics;
};

Scratch& thread_scratch() {
    static thread_local std::unique_ptr<Scratch> scratch;
    if (!scratch) {
        scratch = std::make_unique<Scratch>();
        // None of it is allocated to graphics shaders.
        scratch->group.lds.assign(kMaxLdsBytes / 4, 0);
    }
    return *scratch;
}

class DrawRun {
  public:
    DrawRun(const Draw& draw, JobEnvironment& environment, EngineCounters& counters,
            PipelineCounters& pipeline)
        : draw_(draw),
          memory_(environment.memory),
          loop_(memory_, environment, counters),
          wave_(thread_scratch().wave),
          tools_{draw, memory_, loop_, pipeline, outcome_, wave_, thread_scratch().graphics} {
        wave_.group = &thread_scratch().group;
        wave_.memory = &memory_;
        wave_.graphics = &thread_scratch().graphics;
        wave_.addresses = draw.addresses;
        wave_.border_colours_va = (uint64_t{draw.registers(kBorderColours + 4) & 0xff} << 32 |
                                   draw.registers(kBorderColours))
                                  << 8;
    }

    JobOutcome run();

  private:
    const Draw& draw_;
    ShaderMemory memory_;
    WaveLoop loop_;
    JobOutcome outcome_;
    Wave& wave_;
    DrawTools tools_;
};

JobOutcome DrawRun::run() {
    const RasterState raster = RasterState::read(draw_.registers);
    const auto pixels = std::make_unique<PixelStage>(tools_, raster);
    for (const std::string& problem : {front_problem(draw_.registers), pixels->problem()})
        if (!problem.empty()) return make_outcome(JobOutcome::Kind::kBadShader, "draw: " + problem);

    ClipRectangles rectangles(draw_.registers, *pixels);
    Setup setup(raster, tools_.counters, rectangles.sink());
    VertexStage vertices(tools_, raster, &tools_.counters.vertex_invocations, setup);
    const auto topology = static_cast<Topology>(bits(draw_.registers(kPrimitiveType), 0, 6));
    Assembler assembler(topology, raster.provoking_last, vertices);
    if (InputFeed(tools_).run(assembler) && vertices.flush()) pixels->flush();
    tools_.counters.input_primitives += assembler.primitives();
    return std::move(outcome_);
}

}  // namespace

bool end_with_fault(DrawTools& tools, const char* what) {
    const ShaderMemory& memory = tools.memory;
    const bool write = memory.fault_access() == Access::kWrite;
    tools.outcome = make_outcome(
        JobOutcome::Kind::kFault,
        fmt::format("{} {} at {:#x} faulted", what, write ? "write" : "read", memory.fault_va()));
    tools.outcome.fault_va = memory.fault_va();
    tools.outcome.fault_access = memory.fault_access();
    return false;
}

bool end_with_problem(DrawTools& tools, const std::string& problem) {
    tools.outcome = make_outcome(JobOutcome::Kind::kBadShader, "draw: " + problem);
    return false;
}

JobOutcome run_draw(const Draw& draw, JobEnvironment& environment, EngineCounters& counters,
                    PipelineCounters& pipeline) {
    return DrawRun(draw, environment, counters, pipeline).run();
}

}  // namespace simgpu::gfx9::draw
