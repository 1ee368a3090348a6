#version 450
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
// Follows lists by 64-bit addresses, and calculates with 64-bit integers.
layout(local_size_x = 64) in;

layout(buffer_reference) buffer Node;
layout(buffer_reference, std430, buffer_reference_align = 8) buffer Node {
    Node next;  // 0 at the end
    uint64_t value;
};
layout(buffer_reference, std430, buffer_reference_align = 8) readonly buffer Heads { Node heads[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) writeonly buffer Results {
    uint64_t results[];
};
layout(push_constant) uniform Constants { Heads heads; Results results; } constants;

void main() {
    uint i = gl_GlobalInvocationID.x;
    uint64_t hash = 0xcbf29ce484222325ul;  // FNV-1a's basis and prime, on whole words
    uint64_t count = 0ul;
    for (Node node = constants.heads.heads[i]; uint64_t(node) != 0ul; node = node.next) {
        hash = (hash ^ node.value) * 0x100000001b3ul;
        if (node.value > 0x8000000000000000ul) hash += node.value >> (count & 31ul);
        if (int64_t(node.value) < 0l) hash ^= uint64_t(int64_t(node.value) >> 7);
        ++count;
    }
    constants.results.results[i] = hash + (hash % (count + 3ul)) - (hash / (count + 1ul));
}
