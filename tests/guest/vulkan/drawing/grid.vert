#version 450
// Points four pixels apart, 16 in a row, on a picture of 64 x 64; each knows its number.
layout(location = 0) out float number;
void main() {
    vec2 pixel = vec2(gl_VertexIndex & 15, gl_VertexIndex >> 4) * 4.0;
    gl_Position = vec4(pixel / 32.0 - 1.0, 0.5, 1.0);
    gl_PointSize = 1.0;
    number = float(gl_VertexIndex);
}
