#include "simgpu/amd/gfx9/memory/dcc_key.h"

namespace simgpu::gfx9 {

void dcc_constant(uint8_t key, BufferFormat format, bool alpha_on_msb, uint8_t* element) {
    const unsigned components = format.components(), all = (1u << components) - 1;
    unsigned alpha = 0;
    if (components != 3) alpha = alpha_on_msb ? 1u << (components - 1) : 1u;
    unsigned ones = 0;
    if (key & 0x80) ones |= all & ~alpha;
    if (key & 0x40) ones |= alpha;
    pack_greatest(format, ones, element);
}

}  // namespace simgpu::gfx9
