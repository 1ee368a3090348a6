#version 450
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_shuffle : require
// Operations across the lanes of a wave. Says which lanes formed one, so that a CPU can follow.
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Input { uint values[]; } source;
struct Result {
    uint subgroup_size;
    uint lane;
    uint scan;
    uint largest;
    uint odd_lanes;
    uint neighbour;
};
layout(binding = 1) writeonly buffer Output { Result values[]; } target;

void main() {
    uint i = gl_GlobalInvocationID.x;
    uint value = source.values[i];
    Result result;
    result.subgroup_size = gl_SubgroupSize;
    result.lane = gl_SubgroupInvocationID;
    result.scan = subgroupInclusiveAdd(value);
    result.largest = subgroupMax(value);
    result.odd_lanes = subgroupBallotBitCount(subgroupBallot((value & 1u) != 0u));
    result.neighbour = subgroupShuffleXor(value, 1u);
    target.values[i] = result;
}
