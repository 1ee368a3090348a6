// Dispatches: GPGPU_WALKER and what it needs on 12.0, COMPUTE_WALKER from 12.5 on.
#include <algorithm>
#include <bit>
#include <utility>

#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

using Dwords = std::array<uint32_t, 8>;

// cr0.0 (PRM volume 7): half and double precision keep denormals unless kernels ask otherwise.
constexpr uint32_t kKeepOthers = 1u << 6 | 1u << 10;
constexpr uint32_t kKeepSingle = 1u << 7;

uint32_t field(const Dwords& dwords, unsigned index, unsigned top, unsigned bottom) {
    return dwords[index] >> bottom & (~uint32_t{0} >> (31 - (top - bottom)));
}

/// cr0.0 by the descriptor's denormal and rounding modes.
uint32_t initial_control(const Dwords& descriptor, uint32_t rounding) {
    const bool keep_single = field(descriptor, 2, 19, 19);
    return kKeepOthers | (keep_single ? kKeepSingle : 0) | rounding << 4;
}

/// "Shared Local Memory Size" to bytes; Xe2 has sizes between the powers of two.
bool decode_slm(Machine& machine, uint32_t code, uint32_t* bytes) {
    constexpr uint32_t kKib[] = {0, 1, 2, 4, 8, 16, 32, 64, 24, 48, 96, 128, 192, 256, 384};
    if (machine.chip.generation < Generation::kXe2) {
        if (code > 8) return false;
        *bytes = code ? 1024u << (code - 1) : 0;
        return true;
    }
    if (code >= std::size(kKib)) return false;
    *bytes = kKib[code] * 1024;
    return true;
}

uint64_t groups_of(const eu::Walker& walker) {
    uint64_t groups = 1;
    for (unsigned i = 0; i < 3; i++)
        groups *= walker.end[i] > walker.start[i] ? walker.end[i] - walker.start[i] : 0;
    return groups;
}

bool launch(Machine& machine, const eu::Walker& walker) {
    JobOutcome outcome = eu::run_walker(walker, machine.state.bases, machine.chip,
                                        machine.job.environment(), machine.counters);
    if (!outcome.done()) {
        outcome.in_shader = true;
        return machine.job.end(std::move(outcome));
    }
    // A program can make this wrap: it is only a statistic.
    const uint64_t invocations =
        (uint64_t{walker.threads_per_group} - 1) * walker.simd +
        static_cast<unsigned>(
            std::popcount(walker.last_mask & (walker.simd >= 32 ? ~0u : (1u << walker.simd) - 1)));
    Registers& registers = machine.state.registers;
    registers.write64(reg::kComputeInvocations,
                      registers.read64(reg::kComputeInvocations) + groups_of(walker) * invocations);
    return true;
}

/// "Indirect Parameter Enable": the grid's end comes from registers.
void take_indirect_grid(const Machine& machine, eu::Walker& walker) {
    for (uint32_t i = 0; i < 3; i++)
        walker.end[i] = machine.state.registers.read(reg::kDispatchX + 4 * i);
}

constexpr unsigned kPredicated = 8;
constexpr unsigned kIndirect = 10;

// --- 12.0

bool media_vfe_state(Machine& machine, const Command& command) {
    MediaState& media = machine.state.media;
    media.scratch_base = (command.pair(1) & 0xffff'ffff'ffff) & ~uint64_t{0x3ff};
    media.scratch_bytes = media.scratch_base ? 1024u << std::min(command.field(1, 3, 0), 11u) : 0;
    return true;
}

bool media_curbe_load(Machine& machine, const Command& command) {
    machine.state.media.constants_bytes = command.field(2, 16, 0);
    machine.state.media.constants_offset = command[3];
    return true;
}

bool media_descriptor_load(Machine& machine, const Command& command) {
    machine.state.media.descriptors_bytes = command.field(2, 16, 0);
    machine.state.media.descriptors_offset = command[3] & ~63u;
    return true;
}

bool read_descriptor(Machine& machine, const Command& command, Dwords* descriptor) {
    const MediaState& media = machine.state.media;
    const uint32_t at = command.field(1, 5, 0) * static_cast<uint32_t>(sizeof *descriptor);
    if (at + sizeof *descriptor > media.descriptors_bytes)
        return machine.refuse(command, "its interface descriptor has not been loaded");
    return machine.job.read_dwords(machine.state.bases.dynamic + media.descriptors_offset + at,
                                   *descriptor);
}

bool read_constants(Machine& machine, const Dwords& descriptor, eu::Walker& walker) {
    constexpr uint32_t kRegister = 32;
    const MediaState& media = machine.state.media;
    walker.per_thread_registers = field(descriptor, 5, 31, 16);
    walker.cross_thread_registers = field(descriptor, 7, 7, 0);
    const uint64_t start = uint64_t{field(descriptor, 5, 15, 0)} * kRegister;
    if (start >= media.constants_bytes) return true;
    walker.constants.resize(media.constants_bytes - start);
    return machine.job.read(machine.state.bases.dynamic + media.constants_offset + start,
                            walker.constants.data(), walker.constants.size());
}

bool gpgpu_walker(Machine& machine, const Command& command) {
    if (!machine.state.compute_pipeline)
        return machine.refuse(command, "PIPELINE_SELECT has not chosen GPGPU");
    if (command.bit(0, kPredicated) && !machine.state.predicate) return true;
    Dwords descriptor;
    if (!read_descriptor(machine, command, &descriptor)) return false;
    const MediaState& media = machine.state.media;
    eu::Walker walker;
    walker.kernel_va = machine.state.bases.instruction + (descriptor[0] & ~63u) +
                       (uint64_t{descriptor[1] & 0xffff} << 32);
    walker.simd = 8u << command.field(4, 31, 30);
    walker.threads_per_group = field(descriptor, 6, 9, 0);
    walker.last_mask = command[13];
    walker.binding_table = descriptor[4] & 0xffe0;
    walker.sampler_states = descriptor[3] & ~31u;
    walker.control = initial_control(descriptor, field(descriptor, 6, 23, 22));
    walker.start = {command[5], command[8], command[11]};
    walker.end = {command[7], command[10], command[12]};
    walker.scratch_base = media.scratch_base;
    walker.scratch_bytes = media.scratch_bytes;
    if (!decode_slm(machine, field(descriptor, 6, 20, 16), &walker.slm_bytes))
        return machine.refuse(command, "reserved shared local memory size");
    if (command.bit(0, kIndirect)) take_indirect_grid(machine, walker);
    return read_constants(machine, descriptor, walker) && launch(machine, walker);
}

// --- 12.5 on

bool cfe_state(Machine& machine, const Command& command) {
    machine.state.scratch_surface = command[1] & ~0x3ffu;
    return true;
}

/// POSTSYNC_DATA: operation, address, immediate.
bool post_sync(Machine& machine, const Command& command, size_t at) {
    switch (command.field(at, 1, 0)) {
        case 0:
            return true;
        case 1:
            return machine.job.store64(command.va64(at + 1), command.pair(at + 3));
        case 3:
            return machine.job.store64(command.va64(at + 1), timestamp_now(machine.chip));
        default:
            return machine.refuse(command, "reserved post-sync operation");
    }
}

/// COMPUTE_WALKER_BODY, of commands that have it from dword `at` on.
struct WalkerBody {
    const Command& command;
    size_t at;
    bool xe2;

    // Xe2 has a dword more before the descriptor.
    size_t descriptor() const { return at + 17 + xe2; }
    size_t post_sync() const { return at + 25 + xe2; }
    size_t inline_data() const { return at + 30 + xe2; }
    size_t end() const { return inline_data() + kInlineDwords; }

    uint32_t operator[](size_t dword) const { return command[at + dword]; }
    uint32_t field(size_t dword, unsigned top, unsigned bottom) const {
        return command.field(at + dword, top, bottom);
    }
    static constexpr size_t kInlineDwords = std::tuple_size_v<decltype(eu::Walker::inline_data)>;
};

/// Of all but the grid's end.
bool decode_body(Machine& machine, const WalkerBody& body, eu::Walker& walker) {
    if (body.command.size() < body.end()) return machine.refuse(body.command, "it is too short");
    Dwords descriptor;
    for (size_t i = 0; i < descriptor.size(); i++)
        descriptor[i] = body.command[body.descriptor() + i];
    walker.kernel_va = machine.state.bases.instruction + (descriptor[0] & ~63u);
    walker.simd = 8u << body.field(3, 31, 30);
    walker.threads_per_group = field(descriptor, 5, 9, 0);
    walker.last_mask = body[4];
    walker.binding_table = descriptor[4] & 0x1fffe0;
    walker.sampler_states = descriptor[3] & ~31u;
    walker.control = initial_control(descriptor, field(descriptor, 5, 23, 22));
    walker.start = {body[9], body[10], body[11]};
    walker.indirect_data = body[2] & ~63u;
    walker.emit_local = static_cast<uint8_t>(body.field(3, 28, 26));
    walker.inline_data_enabled = body.field(3, 25, 25);
    walker.walk_order = static_cast<uint8_t>(body.field(3, 24, 22));
    walker.tile_layout = static_cast<uint8_t>(body.field(3, 21, 19));
    walker.local_size = {body.field(5, 9, 0) + 1, body.field(5, 19, 10) + 1,
                         body.field(5, 29, 20) + 1};
    walker.scratch_surface = machine.state.scratch_surface;
    for (size_t i = 0; i < WalkerBody::kInlineDwords; i++)
        walker.inline_data[i] = body.command[body.inline_data() + i];
    if (!decode_slm(machine, field(descriptor, 5, 20, 16), &walker.slm_bytes))
        return machine.refuse(body.command, "reserved shared local memory size");
    return true;
}

bool compute_walker(Machine& machine, const Command& command) {
    const WalkerBody body{command, 1, machine.chip.generation >= Generation::kXe2};
    if (command.bit(0, kPredicated) && !machine.state.predicate) return true;
    eu::Walker walker;
    if (!decode_body(machine, body, walker)) return false;
    walker.end = {body[6], body[7], body[8]};
    if (command.bit(0, kIndirect)) take_indirect_grid(machine, walker);
    return launch(machine, walker) && post_sync(machine, command, body.post_sync());
}

/// EXECUTE_INDIRECT_DISPATCH: a walker for each triple of dimensions in memory.
bool indirect_dispatch(Machine& machine, const Command& command) {
    const WalkerBody body{command, 6, machine.chip.generation >= Generation::kXe2};
    if (command.bit(0, kPredicated) && !machine.state.predicate) return true;
    eu::Walker walker;
    if (!decode_body(machine, body, walker)) return false;
    uint32_t count = command[1];
    constexpr unsigned kCountInMemory = 0;
    if (command.bit(2, kCountInMemory)) {
        const auto stored = machine.job.load32(command.va32(2));
        if (!stored) return false;
        count = std::min(count, *stored);
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t at = command.va32(4) + uint64_t{i} * sizeof walker.end;
        if (!machine.job.poll() || !machine.job.read_dwords(at, walker.end) ||
            !launch(machine, walker))
            return false;
    }
    return post_sync(machine, command, body.post_sync());
}

constexpr CommandInfo kComputeCommands[] = {
    {gfx(0x7000), "MEDIA_VFE_STATE", 9, kRenderOnly, media_vfe_state, Generation::kGen12,
     Generation::kGen12},
    {gfx(0x7001), "MEDIA_CURBE_LOAD", 4, kRenderOnly, media_curbe_load, Generation::kGen12,
     Generation::kGen12},
    {gfx(0x7002), "MEDIA_INTERFACE_DESCRIPTOR_LOAD", 4, kRenderOnly, media_descriptor_load,
     Generation::kGen12, Generation::kGen12},
    {gfx(0x7004), "MEDIA_STATE_FLUSH", 2, kRenderOnly, nothing, Generation::kGen12,
     Generation::kGen12},
    {gfx(0x7105), "GPGPU_WALKER", 15, kRenderOnly, gpgpu_walker, Generation::kGen12,
     Generation::kGen12},
    {gfx(0x7200), "CFE_STATE", 6, kComputing, cfe_state, Generation::kGen12_5},
    {gfx(0x7208), "COMPUTE_WALKER", 39, kComputing, compute_walker, Generation::kGen12_5},
    {gfx(0x7c01), "EXECUTE_INDIRECT_DISPATCH", 44, kComputing, indirect_dispatch,
     Generation::kGen12_5},
};

}  // namespace

std::span<const CommandInfo> compute_commands() {
    return kComputeCommands;
}

}  // namespace simgpu::intel::cs
