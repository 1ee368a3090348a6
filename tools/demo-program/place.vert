#version 450
layout(push_constant) uniform Placement {
    mat4 to_clip;
    vec4 to_view[3];
    vec4 colour;
} placement;
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal_in;
layout(location = 2) in vec2 place_in;
layout(location = 0) out vec3 normal;
layout(location = 1) out vec2 place;

void main() {
    gl_Position = placement.to_clip * vec4(position, 1.0);
    normal = normal_in.x * placement.to_view[0].xyz + normal_in.y * placement.to_view[1].xyz +
             normal_in.z * placement.to_view[2].xyz;
    place = place_in;
}
