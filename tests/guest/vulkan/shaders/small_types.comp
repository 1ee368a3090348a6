#version 450
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_shader_16bit_storage : require
// 16-bit integers and floats, loaded and stored as such.
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Integers { uint16_t values[]; } integers;
layout(binding = 1) readonly buffer Floats { float16_t values[]; } floats;
layout(binding = 2) writeonly buffer IntegerResults { uint16_t values[]; } integer_results;
layout(binding = 3) writeonly buffer FloatResults { float16_t values[]; } float_results;

void main() {
    uint i = gl_GlobalInvocationID.x;
    uint16_t a = integers.values[i * 2];
    uint16_t b = integers.values[i * 2 + 1];
    uint16_t mixed = a * b + (a >> uint16_t(3)) - (b << uint16_t(2));
    integer_results.values[i] = int16_t(a) < int16_t(b) ? mixed : uint16_t(~mixed);

    float16_t x = floats.values[i * 2];
    float16_t y = floats.values[i * 2 + 1];
    precise float16_t product = x * y;
    precise float16_t sum = product + x;
    float_results.values[i] = max(sum, y);
}
