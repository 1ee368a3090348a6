#version 450
// Every integer atomic on buffers, and a histogram gathered in local memory first.
layout(local_size_x = 64) in;
layout(binding = 0) readonly buffer Input { uint values[]; } source;
layout(binding = 1) buffer Totals {
    uint sum;
    uint smallest;
    uint largest;
    int smallest_signed;
    int largest_signed;
    uint all_bits;
    uint common_bits;
    uint parity;
    uint tickets;
    uint claimed;
    uint swapped;
} totals;
layout(binding = 2) buffer Histogram { uint counts[16]; } histogram;
layout(binding = 3) buffer Tickets { uint seen[]; } tickets;
shared uint counts[16];

void main() {
    uint local = gl_LocalInvocationID.x;
    uint value = source.values[gl_GlobalInvocationID.x];
    if (local < 16) counts[local] = 0;
    barrier();
    atomicAdd(counts[value & 15u], 1);
    barrier();
    if (local < 16) atomicAdd(histogram.counts[local], counts[local]);

    atomicAdd(totals.sum, value);
    atomicMin(totals.smallest, value);
    atomicMax(totals.largest, value);
    atomicMin(totals.smallest_signed, int(value));
    atomicMax(totals.largest_signed, int(value));
    atomicOr(totals.all_bits, value);
    atomicAnd(totals.common_bits, value);
    atomicXor(totals.parity, value);
    // Each ticket is drawn exactly once; each seat is taken exactly once.
    atomicExchange(tickets.seen[atomicAdd(totals.tickets, 1)], 1);
    if (atomicCompSwap(totals.claimed, 0, 1) == 0) atomicAdd(totals.swapped, 1);
}
