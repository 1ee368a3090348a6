#version 450
// Captures the numbers of a triangle's six vertices.
layout(triangles_adjacency) in;
layout(points, max_vertices = 6) out;
layout(location = 0) in float number[];
layout(location = 0, xfb_buffer = 0, xfb_offset = 0, xfb_stride = 4) out float seen;
layout(location = 1) out vec4 colour;
void main() {
    for (int i = 0; i < 6; i++) {
        seen = number[i];
        colour = vec4(1.0);
        gl_Position = vec4(-1.0, -1.0, 0.5, 1.0);
        gl_PointSize = 1.0;
        EmitVertex();
        EndPrimitive();
    }
}
