// Draws: packets that start the graphics pipeline, and those that prepare them.
#include <algorithm>

#include "simgpu/amd/pm4/packet_table.h"
#include "simgpu/amd/pm4/trace.h"
#include "simgpu/trace.h"

namespace simgpu::pm4 {

namespace {

// Registers that packets write too (GFX9 register headers).
constexpr uint32_t kIndexType = 0x3090c / 4;      // VGT_INDEX_TYPE
constexpr uint32_t kInstanceCount = 0x30934 / 4;  // VGT_NUM_INSTANCES
constexpr uint32_t kOpaqueOffset = 0x28b28 / 4;   // VGT_STRMOUT_DRAW_OPAQUE_OFFSET
constexpr uint32_t kOpaqueFilled = 0x28b2c / 4;   // ..._BUFFER_FILLED_SIZE
constexpr uint32_t kOpaqueStride = 0x28b30 / 4;   // ..._VERTEX_STRIDE

constexpr uint64_t kAddressMask = (uint64_t{1} << 48) - 1;

/// VGT_INDEX_TYPE: 16, 32 or 8 bits.
uint8_t index_bytes(uint32_t type) {
    switch (type & 3) {
        case 1:
            return 4;
        case 2:
            return 1;
        default:
            return 2;
    }
}

bool launch(Machine& machine, gfx9::draw::Draw draw) {
    if (!machine.draw) return machine.skipped("draw without a pipeline");
    if (draw.count == 0 || draw.instances == 0) return true;
    const Registers& registers = machine.state.registers;
    draw.registers = [&registers](uint32_t byte) { return registers.read(byte / 4); };
    draw.streamout = &machine.state.streamout;
    draw.addresses = machine.address_config();
    draw.moves_vertex_registers = machine.options.moves_vertex_registers;
    if (tracing()) trace_draw(machine, draw);
    JobOutcome outcome =
        machine.draw(draw, machine.job.environment(), machine.counters, machine.state.pipeline);
    if (outcome.done()) return true;
    outcome.in_shader = true;
    return machine.job.end(std::move(outcome));
}

gfx9::draw::Draw direct(Machine& machine, uint32_t count) {
    gfx9::draw::Draw draw;
    draw.count = count;
    draw.instances = machine.state.registers.read(kInstanceCount);
    return draw;
}

/// Makes `draw` indexed, from `first` on, in a buffer of `size` indices.
void set_indices(Machine& machine, gfx9::draw::Draw& draw, uint64_t base, uint32_t size,
                 uint32_t first) {
    draw.index_bytes = index_bytes(machine.state.registers.read(kIndexType));
    draw.index_va = (base + uint64_t{first} * draw.index_bytes) & kAddressMask;
    draw.indices_available = size > first ? size - first : 0;
}

/// The arguments of one indirect draw, in the order that GL and Vulkan give them.
struct IndirectArguments {
    uint32_t count, instances, first, vertex_offset, first_instance;
};

bool load_arguments(Machine& machine, uint64_t va, bool indexed, IndirectArguments& arguments) {
    const unsigned dwords = indexed ? 5 : 4;
    uint32_t word[5] = {};
    for (unsigned i = 0; i < dwords; i++) {
        const auto value = machine.job.load32(va + uint64_t{i} * 4);
        if (!value) return false;
        word[i] = *value;
    }
    if (indexed)
        arguments = {word[0], word[1], word[2], word[3], word[4]};
    else
        arguments = {word[0], word[1], 0, word[2], word[3]};
    return true;
}

/// BASE_VTX_LOC, START_INST_LOC, DRAW_INDEX_LOC: user data registers, counted from the start of
/// the SH window, that the shader reads these values from. 0: it does not.
struct UserDataPlaces {
    uint32_t vertex_offset, first_instance, draw_index;
};

void set_user_data(Machine& machine, uint32_t place, uint32_t value) {
    constexpr uint32_t kPlaceMask = 0xffff;
    place &= kPlaceMask;
    if (place && kShWindow.first + place < kShWindow.end)
        machine.state.registers.write(kShWindow.first + place, value);
}

bool indirect_draw(Machine& machine, uint64_t va, bool indexed, const UserDataPlaces& places,
                   uint32_t draw_index) {
    IndirectArguments arguments;
    if (!load_arguments(machine, va, indexed, arguments)) return false;
    set_user_data(machine, places.vertex_offset, arguments.vertex_offset);
    set_user_data(machine, places.first_instance, arguments.first_instance);
    set_user_data(machine, places.draw_index, draw_index);
    gfx9::draw::Draw draw = direct(machine, arguments.count);
    draw.instances = arguments.instances;
    machine.state.registers.write(kInstanceCount, arguments.instances);
    if (indexed)
        set_indices(machine, draw, machine.state.index_base, machine.state.index_buffer_size,
                    arguments.first);
    return launch(machine, draw);
}

bool single_indirect(Machine& machine, const Packet& packet, bool indexed) {
    const uint64_t va = machine.state.indirect_base[0] + (packet[0] & ~3u);
    return indirect_draw(machine, va, indexed, {packet[1], packet[2], 0}, 0);
}

/// Offset, the three places with two flags, count, its address if it is in memory, stride.
bool multi_indirect(Machine& machine, const Packet& packet, bool indexed) {
    constexpr uint32_t kCountIndirect = 1u << 30, kDrawIndex = 1u << 31;
    uint32_t count = packet[4];
    if (packet[3] & kCountIndirect) {
        const auto stored = machine.job.load32(packet.va32(5));
        if (!stored) return false;
        count = std::min(count, *stored);
    }
    const UserDataPlaces places{packet[1], packet[2], packet[3] & kDrawIndex ? packet[3] : 0};
    const uint64_t first = machine.state.indirect_base[0] + (packet[0] & ~3u);
    for (uint32_t i = 0; i < count; i++) {
        if (!machine.job.poll()) return false;
        if (!indirect_draw(machine, first + uint64_t{i} * packet[7], indexed, places, i))
            return false;
    }
    return true;
}

bool index_base(Machine& machine, const Packet& packet) {
    machine.state.index_base = packet.pair(0) & kAddressMask & ~uint64_t{1};
    return true;
}

bool index_buffer_size(Machine& machine, const Packet& packet) {
    machine.state.index_buffer_size = packet[0];
    return true;
}

bool index_type(Machine& machine, const Packet& packet) {
    machine.state.registers.write(kIndexType, packet[0]);
    return true;
}

bool num_instances(Machine& machine, const Packet& packet) {
    machine.state.registers.write(kInstanceCount, packet[0]);
    return true;
}

/// As many vertices as transform feedback has written: all three in bytes, or all in dwords.
uint32_t opaque_count(const Registers& registers) {
    const uint32_t filled = registers.read(kOpaqueFilled), offset = registers.read(kOpaqueOffset);
    const uint32_t stride = registers.read(kOpaqueStride);
    return stride == 0 || filled < offset ? 0 : (filled - offset) / stride;
}

bool draw_index_auto(Machine& machine, const Packet& packet) {
    constexpr uint32_t kUseOpaque = 1u << 6;  // of the draw initiator
    const bool opaque = packet[1] & kUseOpaque;
    return launch(machine,
                  direct(machine, opaque ? opaque_count(machine.state.registers) : packet[0]));
}

bool draw_index_2(Machine& machine, const Packet& packet) {
    gfx9::draw::Draw draw = direct(machine, packet[3]);
    set_indices(machine, draw, packet.pair(1), packet[0], 0);
    return launch(machine, draw);
}

bool draw_index_offset_2(Machine& machine, const Packet& packet) {
    gfx9::draw::Draw draw = direct(machine, packet[2]);
    set_indices(machine, draw, machine.state.index_base, packet[0], packet[1]);
    return launch(machine, draw);
}

bool draw_indirect(Machine& machine, const Packet& packet) {
    return single_indirect(machine, packet, false);
}
bool draw_index_indirect(Machine& machine, const Packet& packet) {
    return single_indirect(machine, packet, true);
}
bool draw_indirect_multi(Machine& machine, const Packet& packet) {
    return multi_indirect(machine, packet, false);
}
bool draw_index_indirect_multi(Machine& machine, const Packet& packet) {
    return multi_indirect(machine, packet, true);
}

constexpr PacketInfo kDrawPackets[] = {
    {0x13, "INDEX_BUFFER_SIZE", 1, index_buffer_size},
    {0x24, "DRAW_INDIRECT", 4, draw_indirect},
    {0x25, "DRAW_INDEX_INDIRECT", 4, draw_index_indirect},
    {0x26, "INDEX_BASE", 2, index_base},
    {0x27, "DRAW_INDEX_2", 5, draw_index_2},
    {0x2a, "INDEX_TYPE", 1, index_type},
    {0x2c, "DRAW_INDIRECT_MULTI", 9, draw_indirect_multi},
    {0x2d, "DRAW_INDEX_AUTO", 2, draw_index_auto},
    {0x2f, "NUM_INSTANCES", 1, num_instances},
    {0x35, "DRAW_INDEX_OFFSET_2", 4, draw_index_offset_2},
    {0x38, "DRAW_INDEX_INDIRECT_MULTI", 9, draw_index_indirect_multi},
};

}  // namespace

std::span<const PacketInfo> draw_packets() {
    return kDrawPackets;
}

}  // namespace simgpu::pm4
