// Channels that leave the flow remember where they join it again; PRM volume 7, "Instruction
// flow control". JIP and UIP count bytes from the instruction itself.
#include "simgpu/intel/eu/exec/flow.h"

#include "simgpu/intel/eu/alu/operands.h"
#include "simgpu/intel/eu/exec/group_barrier.h"
#include "simgpu/intel/eu/isa/opcodes.h"

namespace simgpu::intel::eu {

namespace {

uint32_t address_of(const Thread& thread, const Instruction& in) {
    return thread.ip - in.size;
}

/// Channels of the whole thread that execute `in` and for which its predicate holds.
ChannelMask taken_channels(const Thread& thread, const Instruction& in) {
    return thread.active & predicate_channels(thread, in) << in.first_channel;
}
ChannelMask executing_channels(const Thread& thread, const Instruction& in) {
    return thread.active & mask_of(in.channels) << in.first_channel;
}

void park(Thread& thread, ChannelMask channels, uint32_t until) {
    thread.active &= ~channels;
    for_each_channel(channels, [&](unsigned i) { thread.wakes_at[i] = until; });
}

uint32_t target(uint32_t from, int32_t offset) {
    return from + static_cast<uint32_t>(offset);
}

void jump_if_none_is_left(Thread& thread, const Instruction& in) {
    if (thread.active == 0) thread.ip = target(address_of(thread, in), in.jip);
}

void if_(Thread& thread, const Instruction& in) {
    const uint32_t here = address_of(thread, in);
    park(thread, executing_channels(thread, in) & ~taken_channels(thread, in),
         target(here, in.jip));
    jump_if_none_is_left(thread, in);
}

bool somebody_wakes(const Thread& thread, uint32_t at) {
    bool wakes = false;
    for_each_channel(thread.dispatched & ~thread.active,
                     [&](unsigned i) { wakes = wakes || thread.wakes_at[i] == at; });
    return wakes;
}

void else_(Thread& thread, const Instruction& in) {
    const uint32_t here = address_of(thread, in);
    park(thread, executing_channels(thread, in), target(here, in.jip));
    if (thread.active == 0 && !somebody_wakes(thread, thread.ip)) thread.ip = target(here, in.jip);
}

void endif(Thread& thread, const Instruction& in) {
    jump_if_none_is_left(thread, in);
}

/// Channels whose predicate holds go round again, the others wait behind it.
void while_(Thread& thread, const Instruction& in) {
    const uint32_t here = address_of(thread, in);
    const ChannelMask again = taken_channels(thread, in);
    if (again == 0) return;
    park(thread, executing_channels(thread, in) & ~again, thread.ip);
    thread.ip = target(here, in.jip);
}

/// UIP is the loop's WHILE, and the channels join behind it.
void break_(Thread& thread, const Instruction& in) {
    const uint32_t here = address_of(thread, in);
    park(thread, taken_channels(thread, in), target(here, in.uip) + in.size_at_uip);
    jump_if_none_is_left(thread, in);
}

/// UIP is the loop's WHILE, or where HALTed channels meet.
void continue_or_halt(Thread& thread, const Instruction& in) {
    const uint32_t here = address_of(thread, in);
    park(thread, taken_channels(thread, in), target(here, in.uip));
    jump_if_none_is_left(thread, in);
}

/// One jump for the whole thread, counted from the next instruction.
void jmpi(Thread& thread, const Instruction& in) {
    if (predicate_channels(thread, in) & 1) thread.ip = target(thread.ip, in.jip);
}

/// "sync" functions (PRM volume 7). Instructions complete in order here, so that only barriers
/// wait.
void sync(Thread& thread, const Instruction& in) {
    constexpr uint8_t kNothing[] = {0x0, 0x2, 0x3, 0xd};  // nop, allrd, allwr, fence
    constexpr uint8_t kBarrier = 0xe;
    if (in.function == kBarrier) return wait_at_barrier(thread);
    for (const uint8_t function : kNothing)
        if (in.function == function) return;
    thread.fail("a sync function that is not simulated");
}

void nop(Thread&, const Instruction&) {}

constexpr FlowOp kFlowOps[] = {
    {opcode::kSync, "sync", sync},
    {opcode::kJmpi, "jmpi", jmpi},
    {opcode::kIf, "if", if_},
    {opcode::kElse, "else", else_},
    {opcode::kEndif, "endif", endif},
    {opcode::kWhile, "while", while_},
    {opcode::kBreak, "break", break_},
    {opcode::kContinue, "cont", continue_or_halt},
    {opcode::kHalt, "halt", continue_or_halt},
    {opcode::kNop, "nop", nop},
};

}  // namespace

std::span<const FlowOp> flow_ops() {
    return kFlowOps;
}

void wake_channels(Thread& thread) {
    for_each_channel(thread.dispatched & ~thread.active, [&](unsigned i) {
        if (thread.wakes_at[i] == thread.ip) thread.active |= ChannelMask{1} << i;
    });
}

}  // namespace simgpu::intel::eu
