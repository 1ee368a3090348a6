#version 450
layout(quads, fractional_even_spacing, cw) in;
layout(location = 0) in float shares[];
layout(location = 0) out vec4 colour;
void main() {
    gl_Position = mix(mix(gl_in[0].gl_Position, gl_in[1].gl_Position, gl_TessCoord.x),
                      mix(gl_in[2].gl_Position, gl_in[3].gl_Position, gl_TessCoord.x),
                      gl_TessCoord.y);
    colour = vec4(gl_TessCoord.xy, (shares[4] - 4.0) / 4.0, 1.0);
}
