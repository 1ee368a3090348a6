#version 450
// Light from one side, with a highlight. Constants as in scene.h and rasteriser.cpp.
layout(push_constant) uniform Placement {
    mat4 to_clip;
    vec4 to_view[3];
    vec4 colour;
} placement;
layout(binding = 0) uniform sampler2D image;
layout(location = 0) in vec3 normal;
layout(location = 1) in vec2 place;
layout(location = 0) out vec4 result;

void main() {
    vec3 light = normalize(vec3(0.4, 0.6, 0.7));
    vec3 halfway = normalize(light + vec3(0.0, 0.0, 1.0));
    vec3 direction = normalize(normal);
    float diffuse = max(dot(direction, light), 0.0);
    float shine = pow(max(dot(direction, halfway), 0.0), 16.0);
    vec3 texel = mix(vec3(1.0), texture(image, place).rgb, placement.colour.a);
    result = vec4(placement.colour.rgb * texel * (0.25 + 0.65 * diffuse) + 0.25 * shine, 1.0);
}
