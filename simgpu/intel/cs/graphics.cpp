// The 3D pipeline: its state has no effect before something is drawn, and nothing can be.
#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

bool keep(Machine&, const Command&) {
    return true;
}

bool draw(Machine& machine, const Command& command) {
    return machine.refuse(command, "draws are not simulated on Intel");
}

/// Clears and resolves depth without a primitive if one of its operations is enabled.
bool hierarchical_depth(Machine& machine, const Command& command) {
    constexpr uint32_t kOperations = 0xf8000000;
    return (command[1] & kOperations) == 0 || draw(machine, command);
}

/// A state command of so many dwords.
constexpr CommandInfo kept(uint32_t high_half, const char* name, uint8_t minimum, uint16_t maximum,
                           Generation first = Generation::kGen12,
                           Generation last = Generation::kXe2) {
    return {.key = gfx(high_half),
            .name = name,
            .minimum = minimum,
            .engines = kComputing,
            .handler = keep,
            .first = first,
            .last = last,
            .maximum = maximum};
}
constexpr CommandInfo drawing(uint32_t high_half, const char* name) {
    return {gfx(high_half), name, 2, kComputing, draw};
}

// Lengths: Mesa's genxml; the shortest and the longest of the generations.
constexpr CommandInfo kGraphicsCommands[] = {
    kept(0x6005, "STATE_BYTE_STRIDE", 2, 2, Generation::kXe2),
    kept(0x6102, "STATE_SIP", 3, 3),
    kept(0x6105, "STATE_COMPUTE_MODE", 2, 3, Generation::kGen12_5),
    kept(0x6106, "3DSTATE_BTD", 6, 6, Generation::kGen12_5),
    kept(0x680b, "3DSTATE_VF_STATISTICS", 1, 1),
    kept(0x7800, "3DSTATE_DRAWING_RECTANGLE_FAST", 4, 4, Generation::kXe2),
    kept(0x7804, "3DSTATE_CLEAR_PARAMS", 3, 3),
    kept(0x7805, "3DSTATE_DEPTH_BUFFER", 8, 10),
    kept(0x7806, "3DSTATE_STENCIL_BUFFER", 8, 8),
    kept(0x7807, "3DSTATE_HIER_DEPTH_BUFFER", 5, 5),
    kept(0x7808, "3DSTATE_VERTEX_BUFFERS", 2, 257),
    kept(0x7809, "3DSTATE_VERTEX_ELEMENTS", 2, 257),
    kept(0x780a, "3DSTATE_INDEX_BUFFER", 5, 5),
    kept(0x780c, "3DSTATE_VF", 2, 2),
    kept(0x780d, "3DSTATE_MULTISAMPLE", 2, 2),
    kept(0x780e, "3DSTATE_CC_STATE_POINTERS", 2, 2),
    kept(0x780f, "3DSTATE_SCISSOR_STATE_POINTERS", 2, 2),
    kept(0x7810, "3DSTATE_VS", 9, 9),
    kept(0x7811, "3DSTATE_GS", 10, 10),
    kept(0x7812, "3DSTATE_CLIP", 4, 4),
    kept(0x7813, "3DSTATE_SF", 4, 4),
    kept(0x7814, "3DSTATE_WM", 2, 2),
    kept(0x7815, "3DSTATE_CONSTANT_VS", 11, 11),
    kept(0x7816, "3DSTATE_CONSTANT_GS", 11, 11),
    kept(0x7817, "3DSTATE_CONSTANT_PS", 11, 11),
    kept(0x7818, "3DSTATE_SAMPLE_MASK", 2, 2),
    kept(0x7819, "3DSTATE_CONSTANT_HS", 11, 11),
    kept(0x781a, "3DSTATE_CONSTANT_DS", 11, 11),
    kept(0x781b, "3DSTATE_HS", 8, 9),
    kept(0x781c, "3DSTATE_TE", 4, 5),
    kept(0x781d, "3DSTATE_DS", 11, 11),
    kept(0x781e, "3DSTATE_STREAMOUT", 5, 5),
    kept(0x781f, "3DSTATE_SBE", 6, 6),
    kept(0x7820, "3DSTATE_PS", 12, 12),
    kept(0x7821, "3DSTATE_VIEWPORT_STATE_POINTERS_SF_CLIP", 2, 2),
    kept(0x7822, "3DSTATE_CPS_POINTERS", 2, 2),
    kept(0x7823, "3DSTATE_VIEWPORT_STATE_POINTERS_CC", 2, 2),
    kept(0x7824, "3DSTATE_BLEND_STATE_POINTERS", 2, 2),
    kept(0x7826, "3DSTATE_BINDING_TABLE_POINTERS_VS", 2, 2),
    kept(0x7827, "3DSTATE_BINDING_TABLE_POINTERS_HS", 2, 2),
    kept(0x7828, "3DSTATE_BINDING_TABLE_POINTERS_DS", 2, 2),
    kept(0x7829, "3DSTATE_BINDING_TABLE_POINTERS_GS", 2, 2),
    kept(0x782a, "3DSTATE_BINDING_TABLE_POINTERS_PS", 2, 2),
    kept(0x782b, "3DSTATE_SAMPLER_STATE_POINTERS_VS", 2, 2),
    kept(0x782c, "3DSTATE_SAMPLER_STATE_POINTERS_HS", 2, 2),
    kept(0x782d, "3DSTATE_SAMPLER_STATE_POINTERS_DS", 2, 2),
    kept(0x782e, "3DSTATE_SAMPLER_STATE_POINTERS_GS", 2, 2),
    kept(0x782f, "3DSTATE_SAMPLER_STATE_POINTERS_PS", 2, 2),
    kept(0x7830, "3DSTATE_URB_VS", 2, 2),
    kept(0x7831, "3DSTATE_URB_HS", 2, 2),
    kept(0x7832, "3DSTATE_URB_DS", 2, 2),
    kept(0x7833, "3DSTATE_URB_GS", 2, 2),
    kept(0x7849, "3DSTATE_VF_INSTANCING", 3, 3),
    kept(0x784a, "3DSTATE_VF_SGVS", 2, 2),
    kept(0x784b, "3DSTATE_VF_TOPOLOGY", 2, 2),
    kept(0x784c, "3DSTATE_WM_CHROMAKEY", 2, 2),
    kept(0x784d, "3DSTATE_PS_BLEND", 2, 2),
    kept(0x784e, "3DSTATE_WM_DEPTH_STENCIL", 4, 4),
    kept(0x784f, "3DSTATE_PS_EXTRA", 2, 2),
    kept(0x7850, "3DSTATE_RASTER", 5, 5),
    kept(0x7851, "3DSTATE_SBE_SWIZ", 11, 11),
    kept(0x7855, "3DSTATE_VF_COMPONENT_PACKING", 5, 5),
    kept(0x7856, "3DSTATE_VF_SGVS_2", 3, 3),
    kept(0x7857, "3DSTATE_VFG", 4, 4, Generation::kGen12_5),
    kept(0x7858, "3DSTATE_URB_ALLOC_VS", 3, 3),
    kept(0x7859, "3DSTATE_URB_ALLOC_HS", 3, 3),
    kept(0x785a, "3DSTATE_URB_ALLOC_DS", 3, 3),
    kept(0x785b, "3DSTATE_URB_ALLOC_GS", 3, 3),
    kept(0x7860, "3DSTATE_SO_BUFFER_INDEX_0", 8, 8),
    kept(0x7861, "3DSTATE_SO_BUFFER_INDEX_1", 8, 8),
    kept(0x7862, "3DSTATE_SO_BUFFER_INDEX_2", 8, 8),
    kept(0x7863, "3DSTATE_SO_BUFFER_INDEX_3", 8, 8),
    kept(0x786c, "3DSTATE_PRIMITIVE_REPLICATION", 6, 6),
    kept(0x786d, "3DSTATE_CONSTANT_ALL", 2, 257),
    kept(0x786e, "3DSTATE_TBIMR_TILE_PASS_INFO", 4, 4, Generation::kGen12_5),
    kept(0x7871, "3DSTATE_DEPTH_BOUNDS", 4, 4),
    kept(0x7877, "3DSTATE_MESH_CONTROL", 3, 3, Generation::kGen12_5),
    kept(0x7878, "3DSTATE_MESH_DISTRIB", 2, 2, Generation::kGen12_5),
    kept(0x7879, "3DSTATE_TASK_REDISTRIB", 2, 2, Generation::kGen12_5),
    kept(0x787a, "3DSTATE_MESH_SHADER", 8, 8, Generation::kGen12_5),
    kept(0x787b, "3DSTATE_MESH_SHADER_DATA", 10, 10, Generation::kGen12_5),
    kept(0x787c, "3DSTATE_TASK_CONTROL", 3, 3, Generation::kGen12_5),
    kept(0x787d, "3DSTATE_TASK_SHADER", 7, 7, Generation::kGen12_5),
    kept(0x787e, "3DSTATE_TASK_SHADER_DATA", 10, 10, Generation::kGen12_5),
    kept(0x787f, "3DSTATE_URB_ALLOC_MESH", 3, 3, Generation::kGen12_5),
    kept(0x7880, "3DSTATE_URB_ALLOC_TASK", 3, 3, Generation::kGen12_5),
    kept(0x7881, "3DSTATE_CLIP_MESH", 2, 2, Generation::kGen12_5),
    kept(0x7882, "3DSTATE_SBE_MESH", 2, 2, Generation::kGen12_5),
    kept(0x7883, "3DSTATE_CPSIZE_CONTROL_BUFFER", 8, 8, Generation::kGen12_5),
    kept(0x7900, "3DSTATE_DRAWING_RECTANGLE", 4, 4),
    kept(0x7904, "3DSTATE_CHROMA_KEY", 4, 4),
    kept(0x7906, "3DSTATE_POLY_STIPPLE_OFFSET", 2, 2),
    kept(0x7907, "3DSTATE_POLY_STIPPLE_PATTERN", 33, 33),
    kept(0x7908, "3DSTATE_LINE_STIPPLE", 3, 3),
    kept(0x790a, "3DSTATE_AA_LINE_PARAMETERS", 3, 3),
    kept(0x7911, "3DSTATE_MONOFILTER_SIZE", 2, 2),
    kept(0x7912, "3DSTATE_PUSH_CONSTANT_ALLOC_VS", 2, 2),
    kept(0x7913, "3DSTATE_PUSH_CONSTANT_ALLOC_HS", 2, 2),
    kept(0x7914, "3DSTATE_PUSH_CONSTANT_ALLOC_DS", 2, 2),
    kept(0x7915, "3DSTATE_PUSH_CONSTANT_ALLOC_GS", 2, 2),
    kept(0x7916, "3DSTATE_PUSH_CONSTANT_ALLOC_PS", 2, 2),
    kept(0x7917, "3DSTATE_SO_DECL_LIST", 2, 257),
    kept(0x7918, "3DSTATE_SO_BUFFER", 8, 8),
    kept(0x791c, "3DSTATE_SAMPLE_PATTERN", 9, 257),
    kept(0x791d, "3DSTATE_URB_CLEAR", 2, 2),
    kept(0x791e, "3DSTATE_3D_MODE", 2, 5),
    kept(0x791f, "3DSTATE_SUBSLICE_HASH_TABLE", 14, 14),
    kept(0x7920, "3DSTATE_SLICE_TABLE_STATE_POINTERS", 2, 2),
    {.key = gfx(0x7852),
     .name = "3DSTATE_WM_HZ_OP",
     .minimum = 5,
     .engines = kRenderOnly,
     .handler = hierarchical_depth,
     .maximum = 6},
    drawing(0x7b00, "3DPRIMITIVE"),
    drawing(0x7b01, "3DMESH_1D"),
    drawing(0x7b02, "3DMESH_3D"),
    drawing(0x7c00, "EXECUTE_INDIRECT_DRAW"),
};

}  // namespace

std::span<const CommandInfo> graphics_commands() {
    return kGraphicsCommands;
}

}  // namespace simgpu::intel::cs
