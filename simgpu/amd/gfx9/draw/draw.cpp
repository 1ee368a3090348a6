#include "simgpu/amd/gfx9/draw/draw.h"

#include <algorithm>
#include <memory>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/assembler.h"
#include "simgpu/amd/gfx9/draw/clip_rectangles.h"
#include "simgpu/amd/gfx9/draw/geometry_stage.h"
#include "simgpu/amd/gfx9/draw/input_feed.h"
#include "simgpu/amd/gfx9/draw/pixel_stage.h"
#include "simgpu/amd/gfx9/draw/registers.h"
#include "simgpu/amd/gfx9/draw/setup.h"
#include "simgpu/amd/gfx9/draw/tessellation_stage.h"
#include "simgpu/amd/gfx9/draw/vertex_stage.h"

namespace simgpu::gfx9::draw {

namespace {

constexpr uint32_t kPrimitiveType = 0x30908;  // VGT_PRIMITIVE_TYPE
constexpr uint32_t kStages = 0x28b54;         // VGT_SHADER_STAGES_EN
constexpr uint32_t kBorderColours = 0x28080;  // TA_BC_BASE_ADDR

/// VGT_SHADER_STAGES_EN: which stages a draw has. LS_EN, HS_EN, ES_EN, GS_EN and VS_EN are set as
/// drivers set them for each combination.
struct Stages {
    bool tessellates = false, has_geometry = false, known = true;

    static Stages read(const RegisterReader& registers) {
        // DISPATCH_DRAW_EN, VS_WAVE_ID_EN, PRIMGEN_EN (NGG), ORDERED_ID_MODE and GS_FAST_LAUNCH
        // change what shaders get. Bit 8, which Mesa sets with tessellation, is GFX10's.
        constexpr uint32_t kNotSimulated = 1u << 9 | 1u << 12 | 1u << 13 | 1u << 14 | 3u << 19;
        if (registers(kStages) & kNotSimulated) return {false, false, false};
        switch (registers(kStages) & 0xff) {
            case 0x00:
                return {};
            case 0xb0:  // ES_STAGE_REAL, GS, VS_STAGE_COPY_SHADER
                return {false, true};
            case 0x45:  // LS, HS, VS_STAGE_DS
                return {true, false};
            case 0xad:  // LS, HS, ES_STAGE_DS, GS, VS_STAGE_COPY_SHADER
                return {true, true};
            default:
                return {false, false, false};
        }
    }
    VertexRole vertex_role() const {
        return has_geometry  ? VertexRole::kCopy
               : tessellates ? VertexRole::kDomain
                             : VertexRole::kVertex;
    }
};

/// State that the front of the pipeline cannot follow; else empty.
std::string front_problem(const RegisterReader& registers, Topology topology) {
    const Stages stages = Stages::read(registers);
    if (!stages.known)
        return fmt::format("VGT_SHADER_STAGES_EN {:#x}: such stages are not simulated",
                           registers(kStages));
    if (!is_simulated(topology) || (topology == Topology::kPatch) != stages.tessellates)
        return fmt::format("VGT_PRIMITIVE_TYPE: type {} is not simulated{}",
                           static_cast<unsigned>(topology),
                           stages.tessellates ? " with tessellation" : "");
    return SamplePattern::problem(registers);
}

/// The state of a wave and its vertices, which one draw after the other uses: clearing it would
/// take longer than a small draw.
struct Scratch {
    Workgroup group;
    Wave wave;
    GraphicsWave graphics;
    std::array<Vertex, kLanes> vertices;
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
          tools_{draw,
                 memory_,
                 loop_,
                 pipeline,
                 outcome_,
                 wave_,
                 thread_scratch().graphics,
                 thread_scratch().vertices} {
        wave_.group = &thread_scratch().group;
        wave_.memory = &memory_;
        wave_.graphics = &thread_scratch().graphics;
        wave_.addresses = draw.addresses;
        wave_.border_colours_va = base_address(draw.registers, kBorderColours);
    }

    JobOutcome run();

  private:
    static JobOutcome refused(const std::string& problem) {
        return make_outcome(JobOutcome::Kind::kBadShader, "draw: " + problem);
    }

    const Draw& draw_;
    ShaderMemory memory_;
    WaveLoop loop_;
    JobOutcome outcome_;
    Wave& wave_;
    DrawTools tools_;
};

JobOutcome DrawRun::run() {
    const RasterState raster = RasterState::read(draw_.registers);
    const Stages stages = Stages::read(draw_.registers);
    const auto topology = static_cast<Topology>(bits(draw_.registers(kPrimitiveType), 0, 6));
    const auto pixels = std::make_unique<PixelStage>(tools_, raster);
    std::string problem = front_problem(draw_.registers, topology);
    if (problem.empty()) problem = pixels->problem();
    if (!problem.empty()) return refused(problem);

    ClipRectangles rectangles(draw_.registers, *pixels);
    Setup setup(raster, tools_.counters, rectangles.sink());
    VertexStage vertices(tools_, raster, stages.vertex_role(), setup);
    std::unique_ptr<GeometryStage> geometry;
    ShadingSink* shading = &vertices;
    if (stages.has_geometry) {
        geometry = std::make_unique<GeometryStage>(tools_, stages.tessellates,
                                                   raster.provoking_last, vertices);
        if (!geometry->problem().empty()) return refused(geometry->problem());
        shading = geometry.get();
    }
    std::unique_ptr<TessellationStage> tessellation;
    InputSink* front = shading;
    if (stages.tessellates) {
        tessellation = std::make_unique<TessellationStage>(tools_, raster.provoking_last, *shading);
        if (!tessellation->problem().empty()) return refused(tessellation->problem());
        front = tessellation.get();
    }
    Assembler assembler(topology, raster.provoking_last, *front,
                        tessellation ? tessellation->input_vertices() : 0);
    if (InputFeed(tools_).run(assembler) && front->flush() && shading->flush()) pixels->flush();
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
