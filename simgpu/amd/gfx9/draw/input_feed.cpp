#include "simgpu/amd/gfx9/draw/input_feed.h"

#include "simgpu/amd/gfx9/draw/registers.h"

namespace simgpu::gfx9::draw {

namespace {

constexpr uint32_t kStepRate = 0x28aa0;      // VGT_INSTANCE_STEP_RATE_0
constexpr uint32_t kVertexProgram = 0xb120;  // SPI_SHADER_PGM_LO_VS

}  // namespace

InputFeed::InputFeed(DrawTools& tools)
    : tools_(tools),
      step_rate_(tools.draw.registers(kStepRate)),
      program_va_(base_address(tools.draw.registers, kVertexProgram)),
      indices_(tools.draw, tools.memory) {}

bool InputFeed::run(Assembler& assembler) {
    for (uint32_t instance = 0; instance < tools_.draw.instances; instance++)
        if (!run_instance(instance, assembler)) return false;
    return true;
}

bool InputFeed::run_instance(uint32_t instance, Assembler& assembler) {
    const uint32_t count = tools_.draw.count;
    InputVertex vertex;
    vertex.value = {0, step_rate_ ? instance / step_rate_ : instance, 0, instance};
    for (uint32_t position = 0; position < count; position++) {
        if (!indices_.read(position, vertex.value[0])) return end_with_fault(tools_, "index");
        // A draw may consist of restarts only.
        if (!tools_.loop.poll_rarely(program_va_, tools_.outcome)) return false;
        if (indices_.restarts(vertex.value[0])) {
            if (!assembler.finish()) return false;
            continue;
        }
        vertex.id = uint64_t{instance} * count + position;
        tools_.counters.input_vertices++;
        if (!assembler.add(vertex)) return false;
    }
    return assembler.finish_instance();
}

}  // namespace simgpu::gfx9::draw
