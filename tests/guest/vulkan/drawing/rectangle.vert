#version 450
// Corners of a rectangle or of the first of its triangles, from push constants.
layout(push_constant) uniform Constants {
    vec4 rectangle;  // left, top, right, bottom
    vec4 colour;
    vec2 depth;  // on the left and on the right
} constants;
layout(location = 0) out vec4 colour;
layout(location = 1) out vec2 place;
void main() {
    vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);
    gl_Position = vec4(mix(constants.rectangle.xy, constants.rectangle.zw, corner),
                       mix(constants.depth.x, constants.depth.y, corner.x), 1.0);
    colour = constants.colour;
    place = corner;
}
