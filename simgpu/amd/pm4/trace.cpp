#include "simgpu/amd/pm4/trace.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "simgpu/amd/gfx9/exec/shader_listing.h"
#include "simgpu/amd/pm4/packet_table.h"
#include "simgpu/amd/pm4/register_names.h"
#include "simgpu/trace.h"

namespace simgpu::pm4 {

namespace {

constexpr size_t kMostDwords = 64;  // of a packet; data can be long
constexpr size_t kDwordsPerLine = 8;

// Byte addresses of registers that say most about a draw.
constexpr uint32_t kPrimitiveType = 0x30908, kTargetMask = 0x28238;
constexpr uint32_t kPixelProgram = 0xb020, kVertexProgram = 0xb120, kGeometryProgram = 0xb210,
                   kHullProgram = 0xb410;
constexpr uint32_t kStages = 0x28b54;  // VGT_SHADER_STAGES_EN
constexpr uint32_t kColourBase = 0x28c60, kColourSize = 0x28c68, kColourInfo = 0x28c70,
                   kColourStride = 0x3c, kColourTargets = 8;
constexpr uint32_t kDepthBase = 0x28050, kDepthSize = 0x2801c, kDepthInfo = 0x28038;

void trace_dwords(std::string_view indent, std::span<const uint32_t> dwords) {
    const size_t shown = std::min(dwords.size(), kMostDwords);
    for (size_t line = 0; line < shown; line += kDwordsPerLine) {
        std::string text;
        for (const uint32_t dword : dwords.subspan(line, std::min(kDwordsPerLine, shown - line)))
            text += fmt::format(" {:08x}", dword);
        trace("{}   {}", indent, text);
    }
    if (shown < dwords.size()) trace("{}    ... and {} more", indent, dwords.size() - shown);
}

/// The first shader of a kind that a process runs is listed; later ones are named by their hash.
void trace_shader(Machine& machine, const char* stage, uint64_t va) {
    static std::mutex mutex;
    static auto* listed = new std::set<uint64_t>;  // ring threads may run while the process exits
    const gfx9::ShaderListing listing =
        gfx9::list_shader(machine.job.environment().memory, va & ~uint64_t{3});
    bool is_new;
    {
        const std::lock_guard lock(mutex);
        is_new = listed->insert(listing.hash).second;
    }
    trace("      {} shader {:016x} at {:#x}{}", stage, listing.hash, va,
          is_new ? ":" : ", listed before");
    if (!is_new) return;
    for (const std::string& line : listing.lines) trace("        {}", line);
}

uint64_t address(const Registers& registers, uint32_t low) {
    return (uint64_t{registers.read(low / 4 + 1) & 0xff} << 32 | registers.read(low / 4)) << 8;
}

const char* topology_name(uint32_t type) {
    switch (type & 0x3f) {
        case 1:
            return "points";
        case 2:
            return "lines";
        case 3:
            return "line strip";
        case 4:
            return "triangles";
        case 5:
            return "triangle fan";
        case 6:
            return "triangle strip";
        case 9:
            return "patches";
        case 17:
            return "rectangles";
        default:
            return "primitives";
    }
}

void trace_targets(const Registers& registers) {
    const auto at = [&](uint32_t byte) { return registers.read(byte / 4); };
    for (uint32_t i = 0; i < kColourTargets; i++) {
        const uint32_t info = at(kColourInfo + kColourStride * i), format = info >> 2 & 0x1f;
        const uint32_t mask = at(kTargetMask) >> 4 * i & 0xf;
        if (!format || !mask) continue;
        const uint32_t size = at(kColourSize + kColourStride * i);
        trace("      colour {}: {}x{}, format {}, components {:#x}, at {:#x}", i,
              (size >> 14 & 0x3fff) + 1, (size & 0x3fff) + 1, format, mask,
              address(registers, kColourBase + kColourStride * i));
    }
    const uint32_t format = at(kDepthInfo) & 3, size = at(kDepthSize);
    if (format)
        trace("      depth: {}x{}, format {}, at {:#x}", (size & 0x3fff) + 1,
              (size >> 16 & 0x3fff) + 1, format, address(registers, kDepthBase));
}

}  // namespace

void trace_packet(const PacketRun& run, uint64_t va, uint8_t opcode, const Packet& packet,
                  std::string_view verdict) {
    const std::string indent(2 * run.streams.size(), ' ');
    trace("{}{:#x} {}{}{}", indent, va, packet_name(opcode), verdict.empty() ? "" : ": ", verdict);
    const auto window = register_window(opcode);
    if (!window || packet.size() == 0) return trace_dwords(indent, packet.dwords);
    const uint32_t first = window->first + (packet[0] & 0xffff);
    for (uint32_t i = 1; i < packet.size(); i++)
        trace("{}    {} = {:#010x}", indent, register_name((first + i - 1) * 4), packet[i]);
}

void trace_draw(Machine& machine, const gfx9::draw::Draw& draw) {
    const Registers& registers = machine.state.registers;
    trace("      draw: {}, {} {}, {} instances", topology_name(registers.read(kPrimitiveType / 4)),
          draw.count, draw.index_bytes ? "indices" : "vertices", draw.instances);
    if (draw.index_bytes)
        trace("      indices: {} bytes each, at {:#x}, {} in the buffer", draw.index_bytes,
              draw.index_va, draw.indices_available);
    trace_targets(registers);
    // Merged shaders: with a hull or geometry shader the vertex shader is the first half of it.
    const uint32_t stages = registers.read(kStages / 4);
    const bool hull = stages >> 2 & 1, geometry = stages >> 5 & 1;
    if (hull) trace_shader(machine, "hull", address(registers, kHullProgram));
    if (geometry) trace_shader(machine, "geometry", address(registers, kGeometryProgram));
    trace_shader(machine,
                 geometry ? "copy"
                 : hull   ? "domain"
                          : "vertex",
                 address(registers, kVertexProgram));
    trace_shader(machine, "pixel", address(registers, kPixelProgram));
}

void trace_dispatch(Machine& machine, const gfx9::Dispatch& dispatch) {
    trace("      dispatch: {}x{}x{} groups of {}x{}x{}", dispatch.groups[0], dispatch.groups[1],
          dispatch.groups[2], dispatch.threads[0] & 0xffff, dispatch.threads[1] & 0xffff,
          dispatch.threads[2] & 0xffff);
    trace_shader(machine, "compute", dispatch.program_va);
}

}  // namespace simgpu::pm4
