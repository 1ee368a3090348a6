#include "simgpu/amd/gfx9/draw/geometry_stage.h"

#include <algorithm>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers).
constexpr uint32_t kGeometryMode = 0x28a40;   // VGT_GS_MODE
constexpr uint32_t kGroupLimits = 0x28a44;    // VGT_GS_ONCHIP_CNTL
constexpr uint32_t kStreamOffset1 = 0x28a60;  // VGT_GSVS_RING_OFFSET_1
constexpr uint32_t kOutputType = 0x28a6c;     // VGT_GS_OUT_PRIM_TYPE
constexpr uint32_t kOutputLimit = 0x28a94;    // VGT_GS_MAX_PRIMS_PER_SUBGROUP
constexpr uint32_t kVertexItem = 0x28aac;     // VGT_ESGS_RING_ITEMSIZE
constexpr uint32_t kThreadItem = 0x28ab0;     // VGT_GSVS_RING_ITEMSIZE
constexpr uint32_t kMostEmitted = 0x28b38;    // VGT_GS_MAX_VERT_OUT
constexpr uint32_t kEmittedItem = 0x28b5c;    // VGT_GS_VERT_ITEMSIZE, of stream 0
constexpr uint32_t kInstances = 0x28b90;      // VGT_GS_INSTANCE_CNT
constexpr uint32_t kEmittedRing = 0x30904;    // VGT_GSVS_RING_SIZE

// Registers of a merged shader: system SGPRs, and VGPRs of the two halves.
constexpr unsigned kRingOffset = 2, kOffChipOffset = 4;
constexpr unsigned kPairs = 0, kPrimitiveNumber = 2, kInvocation = 3, kThirdPair = 4,
                   kFirstVertexVgpr = 5;

// The ring's buffer descriptors interleave the dwords of so many lanes.
constexpr uint32_t kInterleaved = 16;

/// LDS_SIZE, in 512 bytes.
uint32_t lds_bytes(const ShaderStage& shader) {
    return std::min(bits(shader.rsrc2, 19, 8) * 512, kMaxLdsBytes);
}

/// OC_LDS_EN.
bool reads_off_chip(const ShaderStage& shader) {
    return bit_of(shader.rsrc2, 18);
}

/// Whether VGT_GS_OUT_PRIM_TYPE may have `type`: points, line strips or triangle strips.
bool is_output_type(uint32_t type) {
    return type <= 2;
}
Topology output_topology(uint32_t type) {
    switch (type) {
        case 0:
            return Topology::kPointList;
        case 1:
            return Topology::kLineStrip;
        default:
            return Topology::kTriangleStrip;
    }
}

}  // namespace

GeometryStage::GeometryStage(DrawTools& tools, bool shades_domain, bool provoking_last,
                             VertexStage& copies)
    : tools_(tools),
      shades_domain_(shades_domain),
      provoking_last_(provoking_last),
      copies_(copies),
      shader_(ShaderStage::read(ShaderStage::Kind::kGeometry, tools.draw.registers)),
      group_(tools, shader_, lds_bytes(shader_)) {
    const RegisterReader& registers = tools.draw.registers;
    const uint32_t limits = registers(kGroupLimits), instances = registers(kInstances);
    most_vertices_ = bits(limits, 0, 11);
    most_primitives_ = bits(limits, 11, 11);
    most_threads_ = bits(limits, 22, 10);
    instances_ = bit_of(instances, 0) ? std::max(bits(instances, 2, 7), 1u) : 1;
    ring_item_ = bits(registers(kVertexItem), 0, 15);
    emitted_item_ = bits(registers(kThreadItem), 0, 15);
    ring_bytes_ = uint64_t{registers(kEmittedRing)} * 256;
    most_emitted_ = bits(registers(kMostEmitted), 0, 11);
    const uint32_t types = registers(kOutputType);
    const bool own_types = bit_of(types, 31);  // UNIQUE_TYPE_PER_STREAM
    for (uint32_t s = 0; s < kStreams; s++) {
        // OUTPRIM_TYPE, and OUTPRIM_TYPE_1 to _3.
        constexpr unsigned kFirstBit[kStreams] = {0, 8, 16, 22};
        streams_[s].type = bits(types, own_types ? kFirstBit[s] : 0, 6);
        streams_[s].vertex_dwords = bits(registers(kEmittedItem + 4 * s), 0, 15);
        streams_[s].offset = s ? bits(registers(kStreamOffset1 + 4 * (s - 1)), 0, 15) : 0;
    }
}

/// The part of problem() that is about what the shader emits.
std::string GeometryStage::output_problem() const {
    constexpr uint32_t kScenarioG = 3;
    const uint32_t mode = tools_.draw.registers(kGeometryMode);
    if (bits(mode, 0, 3) != kScenarioG)
        return fmt::format("VGT_GS_MODE: mode {} does not run a geometry shader", bits(mode, 0, 3));
    for (const Stream& stream : streams_)
        if (stream.vertex_dwords != 0 && !is_output_type(stream.type))
            return fmt::format("VGT_GS_OUT_PRIM_TYPE: type {} is not simulated", stream.type);
    // CUT_MODE: 1024, 512, 256 or 128 vertices, after each of which a strip may end.
    const uint32_t cuts = 1024u >> bits(mode, 4, 2);
    if (most_emitted_ > cuts)
        return fmt::format("VGT_GS_MAX_VERT_OUT: {} are more than VGT_GS_MODE's {}", most_emitted_,
                           cuts);
    // radeonsi, and radv of Mesa 22.3, count what each invocation may emit; radv of Mesa 25 does
    // not.
    const uint32_t limit = bits(tools_.draw.registers(kOutputLimit), 0, 16);
    if (most_threads_ > limit)
        return fmt::format("VGT_GS_MAX_PRIMS_PER_SUBGROUP: {} are too few for {} invocations",
                           limit, most_threads_);
    return {};
}

std::string GeometryStage::problem() const {
    if (std::string problem = output_problem(); !problem.empty()) return problem;
    if (most_vertices_ == 0 || most_primitives_ == 0 || most_threads_ < instances_)
        return fmt::format(
            "VGT_GS_ONCHIP_CNTL: a group of {} vertices, {} primitives and {} invocations is too "
            "small",
            most_vertices_, most_primitives_, most_threads_);
    // A shader without LDS keeps nothing there: radeonsi gives vertices a dword all the same.
    const uint64_t group_bytes = uint64_t{most_vertices_} * ring_item_ * 4;
    if (const uint32_t lds = lds_bytes(shader_); lds != 0 && group_bytes > lds)
        return fmt::format(
            "SPI_SHADER_PGM_RSRC2_GS: {} bytes of LDS are too small for a group's {}", lds,
            group_bytes);
    const uint64_t wave_bytes = uint64_t{emitted_item_} * 4 * kLanes;
    if (ring_bytes_ < wave_bytes)
        return fmt::format("VGT_GSVS_RING_SIZE: {} bytes are too small for a wave's {}",
                           ring_bytes_, wave_bytes);
    return {};
}

unsigned GeometryStage::slot_of(const InputVertex& vertex) {
    if (!vertices_.empty() && vertex.id <= latest_)
        for (size_t i = vertices_.size(); i-- > 0;)
            if (vertices_[i].id == vertex.id) return static_cast<unsigned>(i);
    latest_ = vertices_.empty() ? vertex.id : std::max(latest_, vertex.id);
    vertices_.push_back(vertex);
    return static_cast<unsigned>(vertices_.size() - 1);
}

bool GeometryStage::primitive(const InputPrimitive& primitive) {
    if (primitive.count > kMostVertices || primitive.count > most_vertices_)
        return end_with_problem(
            tools_, fmt::format("VGT_GS_ONCHIP_CNTL: a primitive of {} vertices does not fit a "
                                "group of {}",
                                primitive.count, most_vertices_));
    const bool full = vertices_.size() + primitive.count > most_vertices_ ||
                      primitives_.size() == most_primitives_ ||
                      (primitives_.size() + 1) * instances_ > most_threads_;
    if (full && !flush()) return false;
    Grouped grouped;
    grouped.id = primitive.id;
    for (unsigned i = 0; i < primitive.count; i++)
        grouped.vertex[grouped.count++] = static_cast<uint16_t>(slot_of(*primitive.vertex[i]));
    primitives_.push_back(grouped);
    return true;
}

bool GeometryStage::flush() {
    if (primitives_.empty()) return true;
    const bool go_on = shade() && pass_on();
    vertices_.clear();
    primitives_.clear();
    return go_on;
}

bool GeometryStage::shade() {
    const auto vertices = static_cast<unsigned>(vertices_.size());
    const auto threads = static_cast<unsigned>(primitives_.size()) * instances_;
    if (!group_.start(vertices, threads))
        return end_with_problem(tools_,
                                fmt::format("VGT_GS_ONCHIP_CNTL: {} vertices and {} invocations "
                                            "are more than a group's 16 waves",
                                            vertices, threads));
    if (!place_in_ring()) return false;
    load_vertices();
    load_primitives();
    uint64_t& invocations =
        shades_domain_ ? tools_.counters.domain_invocations : tools_.counters.vertex_invocations;
    invocations += vertices;
    tools_.counters.geometry_invocations += threads;
    if (!group_.run()) return false;
    for (unsigned i = 0; i < group_.waves().size(); i++)
        if (!check_messages(i)) return false;
    return true;
}

/// Whether a wave has sent what it may and must. The VGT waits for the GS_DONE of each wave with
/// primitives.
bool GeometryStage::check_messages(unsigned number) {
    const GeometryWave& wave = emitted_[number];
    if (wave.named_another)
        return end_with_problem(
            tools_,
            fmt::format("s_sendmsg: M0 of a geometry shader is not its wave id {}", wave.id));
    if (wave.overflowed)
        return end_with_problem(
            tools_, fmt::format("VGT_GS_MAX_VERT_OUT: a geometry shader emitted more than {}",
                                most_emitted_));
    if (wave.done || !group_.has_second(number)) return true;
    tools_.outcome = make_outcome(
        JobOutcome::Kind::kHang,
        fmt::format("draw: geometry shader at {:#x} ended without GS_DONE", shader_.program_va));
    return false;
}

/// Gives each wave with primitives its part of the ring. All of a group run at the same time.
bool GeometryStage::place_in_ring() {
    const std::span<Wave> waves = group_.waves();
    const uint64_t bytes = uint64_t{emitted_item_} * 4 * kLanes;
    emitted_.resize(std::max(emitted_.size(), waves.size()));
    uint64_t taken = 0;
    for (unsigned i = 0; i < waves.size(); i++) {
        if (reads_off_chip(shader_)) waves[i].s[kOffChipOffset] = off_chip_;
        emitted_[i].reset(most_emitted_, group_.wave_id(i));
        waves[i].geometry = &emitted_[i];
        if (!group_.has_second(i)) continue;
        if (ring_next_ + bytes > ring_bytes_) taken += ring_bytes_ - ring_next_, ring_next_ = 0;
        taken += bytes;
        if (taken > ring_bytes_)
            return end_with_problem(
                tools_,
                fmt::format("VGT_GSVS_RING_SIZE: {} bytes are too small for a group", ring_bytes_));
        placed_[i] = ring_next_;
        waves[i].s[kRingOffset] = static_cast<uint32_t>(ring_next_);
        ring_next_ += bytes;
    }
    return true;
}

void GeometryStage::load_vertices() {
    const unsigned last = bits(shader_.rsrc2, 16, 2);  // ES_VGPR_COMP_CNT
    for (unsigned thread = 0; thread < vertices_.size(); thread++)
        for (unsigned i = 0; i <= last; i++)
            group_.set(thread, kFirstVertexVgpr + i, vertices_[thread].value[i]);
}

// Where the primitive's vertices are in LDS, in dwords: two to a register. Then its number, and the
// invocation's.
void GeometryStage::load_primitives() {
    const unsigned last = bits(shader_.rsrc1, 29, 2);  // GS_VGPR_COMP_CNT
    for (unsigned p = 0; p < primitives_.size(); p++) {
        const Grouped& from = primitives_[p];
        const auto pair = [&](unsigned first) {
            const auto place = [&](unsigned i) { return from.vertex[i] * ring_item_ & 0xffff; };
            return place(first) | place(first + 1) << 16;
        };
        const bool all = from.count == kMostVertices;  // then all of them are loaded
        for (uint32_t invocation = 0; invocation < instances_; invocation++) {
            const unsigned thread = p * instances_ + invocation;
            group_.set(thread, kPairs, pair(0));
            if (all || last >= 1) group_.set(thread, kPairs + 1, pair(2));
            if (all || last >= kPrimitiveNumber) group_.set(thread, kPrimitiveNumber, from.id);
            if (all || last >= kInvocation) group_.set(thread, kInvocation, invocation);
            if (all) group_.set(thread, kThirdPair, pair(4));
        }
    }
}

bool GeometryStage::pass_on() {
    for (unsigned stream = 0; stream < kStreams; stream++)
        if (!pass_on(stream)) return false;
    return true;
}

bool GeometryStage::pass_on(unsigned stream) {
    const auto threads = static_cast<unsigned>(primitives_.size()) * instances_;
    copies_.set_stream(stream);
    Assembler assembler(output_topology(streams_[stream].type), provoking_last_, copies_);
    for (unsigned thread = 0; thread < threads; thread++) {
        if (!pass_on(stream, thread, assembler)) return false;
        // Vertices that make no primitive are not shaded.
        if (!tools_.loop.poll_rarely(shader_.program_va, tools_.outcome)) return false;
    }
    tools_.counters.geometry_primitives += assembler.primitives();
    return copies_.flush();
}

// A vertex's place in the ring is that of its first dword; the dwords of one component of all
// vertices that a thread may emit come before those of the next one.
bool GeometryStage::pass_on(unsigned stream, unsigned thread, Assembler& assembler) {
    const unsigned wave = thread / kLanes, lane = thread % kLanes;
    const GeometryWave::Lane& emitted = emitted_[wave].stream[stream][lane];
    if (emitted.vertices == 0) return true;
    const Stream& layout = streams_[stream];
    const uint64_t stride = uint64_t{layout.vertex_dwords} * most_emitted_;
    const uint64_t first = placed_[wave] / 4 + uint64_t{layout.offset} * kLanes +
                           lane / kInterleaved * stride * kInterleaved + lane % kInterleaved;
    size_t ends = 0;
    for (uint32_t i = 0; i < emitted.vertices; i++) {
        if (ends < emitted.ends.size() && emitted.ends[ends] == i) {
            ends++;
            if (!assembler.finish()) return false;
        }
        InputVertex vertex;
        vertex.id = next_id_++;
        vertex.value[0] = static_cast<uint32_t>(first + uint64_t{i} * kInterleaved);
        if (!assembler.add(vertex)) return false;
    }
    return assembler.finish();
}

}  // namespace simgpu::gfx9::draw
