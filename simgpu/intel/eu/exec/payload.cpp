#include "simgpu/intel/eu/exec/payload.h"

#include <algorithm>
#include <bit>

namespace simgpu::intel::eu {

namespace {

/// r0 (PRM volume 9 for 12.0, "GPGPU Thread Payload"): which group, and where scratch memory is.
void load_header(Thread& thread, const Walker& walker, const ChipInfo& chip,
                 const std::array<uint32_t, 3>& id, uint32_t number) {
    thread.set_grf_dword(4, id[0]);
    thread.set_grf_dword(24, id[1]);
    thread.set_grf_dword(28, id[2]);
    if (chip.generation >= Generation::kGen12_5) {
        thread.set_grf_dword(0, walker.indirect_data & ~63u);
        thread.set_grf_dword(8, number);
        thread.set_grf_dword(20, (walker.scratch_surface & ~0x3ffu) | number);
        return;
    }
    thread.set_grf_dword(16, walker.binding_table);
    // Per-thread scratch as a power of two of KiB, the thread's own part, and its number.
    if (walker.scratch_bytes == 0) return;
    uint32_t code = 0;
    while (uint32_t{1024} << code < walker.scratch_bytes) code++;
    thread.set_grf_dword(12, (walker.sampler_states & ~31u) | code);
    const uint64_t own = walker.scratch_base + uint64_t{number} * walker.scratch_bytes;
    thread.set_grf_dword(20, (static_cast<uint32_t>(own) & ~0x3ffu) | (number & 0x3ff));
}

void load_constants(Thread& thread, const Walker& walker, uint32_t number) {
    const size_t grf = thread.grf_bytes;
    const size_t cross = walker.cross_thread_registers * grf;
    const size_t own = walker.per_thread_registers * grf;
    const size_t room = size_t{kRegisterBytes} - grf;
    const auto copy = [&](size_t to, size_t from, size_t bytes) {
        if (from >= walker.constants.size() || to >= room) return;
        const size_t fits = std::min({bytes, walker.constants.size() - from, room - to});
        std::memcpy(thread.grf + grf + to, walker.constants.data() + from, fits);
    };
    copy(0, 0, cross);
    copy(cross, cross + number * own, own);
}

/// The axes from the fastest to the slowest ("Walk Order").
constexpr uint8_t kWalkOrders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

/// "Tile Layout": pixels of an OWord of TileY, which are walked before all else: of 32, 64, 128
/// bits. 1: linear, or one to an OWord.
constexpr uint32_t kTileWidths[4] = {1, 4, 2, 1};

std::array<uint32_t, 3> local_id(const Walker& walker, uint32_t number) {
    const auto& order = kWalkOrders[std::min<uint8_t>(walker.walk_order, 5)];
    const uint32_t width = std::min(kTileWidths[walker.tile_layout & 3], walker.local_size[0]);
    const uint32_t x = number % width;
    uint32_t rest = number / width;
    std::array<uint32_t, 3> id{};
    for (const uint8_t axis : order) {
        const uint32_t steps = walker.local_size[axis] / (axis == 0 ? width : 1);
        id[axis] = rest % std::max(steps, 1u);
        rest /= std::max(steps, 1u);
    }
    id[0] = id[0] * width + x;
    return id;
}

/// Local ids: 16 bits a channel, whole registers for each axis.
size_t load_local_ids(Thread& thread, const Walker& walker, uint32_t number, size_t at) {
    const size_t row =
        (size_t{walker.simd} * 2 + thread.grf_bytes - 1) / thread.grf_bytes * thread.grf_bytes;
    for (uint32_t i = 0; i < walker.simd; i++) {
        const std::array<uint32_t, 3> id = local_id(walker, number * walker.simd + i);
        size_t to = at + 2 * i;
        for (unsigned axis = 0; axis < 3; axis++) {
            if (!(walker.emit_local >> axis & 1)) continue;
            const auto value = static_cast<uint16_t>(id[axis]);
            std::memcpy(thread.grf + to, &value, sizeof value);
            to += row;
        }
    }
    return at + static_cast<size_t>(std::popcount(walker.emit_local)) * row;
}

}  // namespace

void load_payload(Thread& thread, const Walker& walker, const ChipInfo& chip,
                  const std::array<uint32_t, 3>& id, uint32_t number) {
    load_header(thread, walker, chip, id, number);
    if (chip.generation < Generation::kGen12_5) return load_constants(thread, walker, number);
    const size_t at = load_local_ids(thread, walker, number, thread.grf_bytes);
    if (walker.inline_data_enabled)
        std::memcpy(thread.grf + at, walker.inline_data.data(), sizeof walker.inline_data);
}

}  // namespace simgpu::intel::eu
