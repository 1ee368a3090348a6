#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Input { double values[]; } source;
layout(binding = 1) writeonly buffer Output { double values[]; } target;

void main() {
    uint i = gl_GlobalInvocationID.x;
    double a = source.values[i * 2];
    double b = source.values[i * 2 + 1];
    precise double product = a * b;
    precise double sum = product + a;
    precise double result = a < b ? sum - b : sum * 0.5lf;
    target.values[i] = result + double(float(i));
}
