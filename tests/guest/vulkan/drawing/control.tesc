#version 450
// More control points than vertices, and factors that differ from patch to patch and edge to edge.
layout(vertices = 5) out;
layout(location = 0) in float number[];
layout(location = 0) out float shares[];
void main() {
    gl_out[gl_InvocationID].gl_Position = gl_in[min(gl_InvocationID, 3)].gl_Position;
    shares[gl_InvocationID] = float(gl_InvocationID) + number[0];
    for (int i = 0; i < 4; i++) gl_TessLevelOuter[i] = 1.5 + float(i) * number[0];
    for (int i = 0; i < 2; i++) gl_TessLevelInner[i] = 3.0 + float(i) + 2.5 * number[1];
}
