// The copy engine's commands.
#include <fmt/format.h>

#include "simgpu/intel/blt/blitter.h"
#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

/// Reads the dwords that all XY commands share: where a surface is, and how it is tiled.
bool take_plane(Machine& machine, const Command& command, uint32_t control, uint64_t base,
                blt::Plane* plane) {
    const uint32_t tiling = control >> 30;
    const bool gen12 = machine.chip.generation == Generation::kGen12;
    const Tiling kTilings[] = {Tiling::kLinear, Tiling::kX, gen12 ? Tiling::kY : Tiling::k4,
                               Tiling::k64};
    plane->tiling = kTilings[tiling];
    plane->base = base;
    plane->pitch = (control & 0x3ffff) + 1;
    // Tiled pitches count dwords.
    if (plane->tiling != Tiling::kLinear) plane->pitch *= 4;
    if (plane->tiling == Tiling::k64) return machine.refuse(command, "Tile64 is not simulated");
    constexpr uint32_t kCompressed = 1u << 29;
    if (!gen12 && control & kCompressed)
        return machine.refuse(command, "compressed surfaces are not simulated");
    return true;
}

/// "Color Depth", in bytes of a pixel.
bool take_depth(Machine& machine, const Command& command, uint32_t* bytes) {
    constexpr uint32_t kBytes[] = {1, 2, 4, 8, 12, 16};
    const uint32_t code = command.field(0, 21, 19);
    if (code >= std::size(kBytes)) return machine.refuse(command, "reserved colour depth");
    *bytes = kBytes[code];
    return true;
}

int32_t low_half(uint32_t dword) {
    return static_cast<int16_t>(dword);
}
int32_t high_half(uint32_t dword) {
    return static_cast<int16_t>(dword >> 16);
}

/// The destination and its rectangle: dwords 1 to 6 of both commands.
bool take_destination(Machine& machine, const Command& command, blt::Plane* to,
                      blt::Rectangle* size) {
    if (!take_depth(machine, command, &size->pixel_bytes) ||
        !take_plane(machine, command, command[1], command.pair(4), to))
        return false;
    const int32_t x1 = low_half(command[2]), y1 = high_half(command[2]);
    const int32_t x2 = low_half(command[3]), y2 = high_half(command[3]);
    if (x1 < 0 || y1 < 0 || x2 < x1 || y2 < y1)
        return machine.refuse(command, fmt::format("rectangle {},{} to {},{}", x1, y1, x2, y2));
    size->width = static_cast<uint32_t>(x2 - x1);
    size->height = static_cast<uint32_t>(y2 - y1);
    to->x = x1 + static_cast<int32_t>(command.field(6, 13, 0));
    to->y = y1 + static_cast<int32_t>(command.field(6, 29, 16));
    return true;
}

bool block_copy(Machine& machine, const Command& command) {
    blt::Plane to, from;
    blt::Rectangle size;
    if (!take_destination(machine, command, &to, &size) ||
        !take_plane(machine, command, command[8], command.pair(9), &from))
        return false;
    const int32_t x = low_half(command[7]), y = high_half(command[7]);
    if (x < 0 || y < 0) return machine.refuse(command, fmt::format("source at {},{}", x, y));
    from.x = x + static_cast<int32_t>(command.field(11, 13, 0));
    from.y = y + static_cast<int32_t>(command.field(11, 29, 16));
    return blt::copy(machine.job, to, from, size);
}

bool fast_colour(Machine& machine, const Command& command) {
    blt::Plane to;
    blt::Rectangle size;
    if (!take_destination(machine, command, &to, &size)) return false;
    return blt::fill(machine.job, to, size, {command[7], command[8], command[9], command[10]});
}

constexpr CommandInfo kBlitterCommands[] = {
    {blt(0x41), "XY_BLOCK_COPY_BLT", 12, kCopyOnly, block_copy},
    {blt(0x44), "XY_FAST_COLOR_BLT", 11, kCopyOnly, fast_colour},
};

}  // namespace

std::span<const CommandInfo> blitter_commands() {
    return kBlitterCommands;
}

}  // namespace simgpu::intel::cs
