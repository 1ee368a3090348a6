#version 450
// Adds 1 to a word, as often as the invocation's push constant says: a small job, or a slow one.
layout(local_size_x = 1) in;
layout(push_constant) uniform Constants { uint index; uint rounds; } constants;
layout(binding = 0) buffer Counters { uint values[]; } counters;

void main() {
    for (uint i = 0; i < constants.rounds; ++i) atomicAdd(counters.values[constants.index], 1);
}
