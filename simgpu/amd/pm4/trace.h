// PM4 packets, registers, draws and dispatches as lines of the trace.
#pragma once

#include <string_view>

#include "simgpu/amd/pm4/machine.h"

namespace simgpu::pm4 {

/// To be called only while tracing(). `verdict` says why it does nothing, if so.
void trace_packet(const PacketRun& run, uint64_t va, uint8_t opcode, const Packet& packet,
                  std::string_view verdict);
/// A draw before it runs: what it draws with, and its shaders, each listed once per process.
void trace_draw(Machine& machine, const gfx9::draw::Draw& draw);
void trace_dispatch(Machine& machine, const gfx9::Dispatch& dispatch);

}  // namespace simgpu::pm4
