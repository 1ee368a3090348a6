#version 450
// The corners of patches of four vertices, 2 x 2 of them all over the picture.
layout(location = 0) out float number;
void main() {
    int corner = gl_VertexIndex & 3, patch_number = gl_VertexIndex >> 2;
    vec2 place = vec2(corner & 1, corner >> 1) + vec2(patch_number & 1, patch_number >> 1);
    gl_Position = vec4(place - 1.0, 0.5, 1.0);
    number = float(patch_number);
}
