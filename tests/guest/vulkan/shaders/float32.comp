#version 450
// Only what Vulkan wants rounded correctly, so that a CPU gets the same bits.
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Input { float values[]; } source;
layout(binding = 1) writeonly buffer Output { uint values[]; } target;

void main() {
    uint i = gl_GlobalInvocationID.x;
    float a = source.values[i * 2];
    float b = source.values[i * 2 + 1];
    precise float sum = a + b;
    precise float product = a * b;
    precise float mixed = product - sum;
    precise float folded = abs(mixed) - 1000.0 * floor(abs(mixed) * 0.0009765625);
    uint result = floatBitsToUint(mixed);
    result ^= uint(clamp(folded, 0.0, 4000.0)) << 3;
    result += uint(int(max(a, b))) + (a < b ? 1u : 0u) + uint(trunc(min(abs(a), 100.0)));
    target.values[i] = result;
}
