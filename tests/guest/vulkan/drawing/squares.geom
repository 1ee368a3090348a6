#version 450
// A square of two pixels on each point, whose left and right halves are two runs'.
layout(points, invocations = 2) in;
layout(triangle_strip, max_vertices = 4) out;
layout(location = 0) in float number[];
layout(location = 0) out vec4 colour;
void main() {
    for (int i = 0; i < 4; i++) {
        vec2 pixel = vec2(gl_InvocationID + (i & 1), i & 2);
        gl_Position = gl_in[0].gl_Position + vec4(pixel / 32.0, 0.0, 0.0);
        colour = vec4(number[0] / 255.0, float(gl_InvocationID), 0.0, 1.0);
        EmitVertex();
    }
}
