#version 450
// Never ends: the word that it waits for stays 0.
layout(local_size_x = 1) in;
layout(binding = 0) buffer Words { uint values[]; } words;

void main() {
    while (atomicOr(words.values[0], 0) == 0) {}
}
