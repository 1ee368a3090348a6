#version 450
// Lanes that loop for different times and leave in different ways.
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Input { uint values[]; } source;
layout(binding = 1) writeonly buffer Output { uint values[]; } target;

// Steps of the Collatz sequence down to 1, at most 500.
uint collatz(uint n) {
    uint steps = 0;
    while (n != 1u) {
        n = (n & 1u) == 0u ? n >> 1 : 3u * n + 1u;
        if (++steps == 500u) break;
    }
    return steps;
}

uint by_kind(uint value) {
    uint result = value;
    switch (value % 7u) {
    case 0: result += 11u; break;
    case 1: result *= 13u;  // and on
    case 2: result ^= 0x5a5a5a5au; break;
    case 3: return value / 3u;
    case 4:
        for (uint i = 0; i < value % 17u; ++i) {
            if (i % 3u == 1u) continue;
            result = result * 31u + i;
            if ((result & 0x80u) != 0u) break;
        }
        break;
    case 5: result = value % 1000u; break;
    default: result = ~value; break;
    }
    return result;
}

void main() {
    uint value = source.values[gl_GlobalInvocationID.x];
    uint result = by_kind(value);
    if ((value & 4u) != 0u) {
        result += collatz(value % 1000u + 1u);
        if ((value & 8u) != 0u) result -= collatz(value % 77u + 1u);
    } else {
        do {
            result = result / 3u + 1u;
        } while (result > 100u);
    }
    target.values[gl_GlobalInvocationID.x] = result;
}
