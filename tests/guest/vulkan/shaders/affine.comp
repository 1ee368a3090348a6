#version 450
// out[i] = in[i] * factor + i, in a grid of two dimensions whose last groups reach over the end.
layout(local_size_x = 16, local_size_y = 4) in;
layout(push_constant) uniform Constants { uint factor; uint width; uint height; } constants;
layout(binding = 0) readonly buffer Input { uint values[]; } source;
layout(binding = 1) writeonly buffer Output { uint values[]; } target;

void main() {
    uvec2 at = gl_GlobalInvocationID.xy;
    if (at.x >= constants.width || at.y >= constants.height) return;
    uint i = at.y * constants.width + at.x;
    target.values[i] = source.values[i] * constants.factor + i;
}
