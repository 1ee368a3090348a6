#version 450
// The inclusive prefix sum of each workgroup's 256 words: local memory and barriers.
layout(local_size_x = 256) in;
layout(binding = 0) readonly buffer Input { uint values[]; } source;
layout(binding = 1) writeonly buffer Output { uint values[]; } target;
shared uint sums[256];

void main() {
    uint local = gl_LocalInvocationID.x;
    sums[local] = source.values[gl_GlobalInvocationID.x];
    barrier();
    for (uint distance = 1; distance < 256; distance *= 2) {
        uint left = local >= distance ? sums[local - distance] : 0;
        barrier();
        sums[local] += left;
        barrier();
    }
    target.values[gl_GlobalInvocationID.x] = sums[local];
}
