#version 450
// One pixel per invocation. "precise" keeps every product rounded by itself, as the CPU does it.
layout(local_size_x = 16, local_size_y = 4) in;
layout(binding = 0) readonly buffer View {
    float left;
    float top;
    float step;
    uint width;
    uint height;
    uint limit;
} view;
layout(binding = 1) readonly buffer Palette { uint colours[256]; } palette;
layout(binding = 2) writeonly buffer Picture { uint pixels[]; } picture;

void main() {
    uvec2 at = gl_GlobalInvocationID.xy;
    if (at.x >= view.width || at.y >= view.height) return;
    precise float offset_x = float(at.x) * view.step;
    precise float offset_y = float(at.y) * view.step;
    precise float cx = view.left + offset_x;
    precise float cy = view.top + offset_y;
    precise float zx = 0.0;
    precise float zy = 0.0;
    precise float xx = 0.0;
    precise float yy = 0.0;
    precise float sum = 0.0;
    uint rounds = 0;
    while (rounds < view.limit && sum <= 4.0) {
        precise float product = zx * zy;
        precise float twice = product + product;
        precise float difference = xx - yy;
        zy = twice + cy;
        zx = difference + cx;
        xx = zx * zx;
        yy = zy * zy;
        sum = xx + yy;
        ++rounds;
    }
    uint colour = rounds == view.limit ? 0xff000000u : palette.colours[rounds & 255u];
    picture.pixels[at.y * view.width + at.x] = colour;
}
