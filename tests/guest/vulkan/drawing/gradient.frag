#version 450
layout(location = 0) in vec4 colour;
layout(location = 1) in vec2 place;
layout(location = 0) out vec4 result;
void main() { result = colour * vec4(place, 1.0, 1.0); }
