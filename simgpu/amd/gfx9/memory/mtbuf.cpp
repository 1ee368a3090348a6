// Typed buffer accesses: MTBUF, whose format is in the instruction, and MUBUF's *_FORMAT_*, whose
// format is in the descriptor.
#include "simgpu/amd/gfx9/memory/buffer_address.h"
#include "simgpu/amd/gfx9/memory/buffer_format.h"
#include "simgpu/amd/gfx9/wave/half.h"

namespace simgpu::gfx9 {

namespace {

// Opcodes 0..15 of both encodings: load, store, load d16, store d16, of 1 to 4 components each;
// 0x26 and 0x27 of MUBUF use the high half of the register.
struct FormatAccess {
    unsigned components;
    bool store;
    bool d16;
    bool high;
};
FormatAccess access_of(const Instruction& in) {
    if (in.opcode >= 0x26) return {1, in.opcode == 0x27, true, true};
    return {(in.opcode & 3u) + 1, (in.opcode >> 2 & 1) != 0, (in.opcode >> 3 & 1) != 0, false};
}

// DST_SEL: 0 and 1 are constants, 4..7 name a component.
uint32_t selected(const uint32_t components[4], unsigned select, bool integer) {
    if (select >= 4) return components[select - 4];
    if (select == 1) return integer ? 1u : std::bit_cast<uint32_t>(1.0f);
    return 0;
}

uint32_t to_16(uint32_t value, bool integer) {
    return integer ? value & 0xffff : float_to_half(std::bit_cast<float>(value));
}
uint32_t from_16(uint32_t value, BufferFormat format) {
    const auto half = static_cast<uint16_t>(value);
    if (format.number == 5) return static_cast<uint32_t>(int32_t{static_cast<int16_t>(half)});
    if (format.is_integer()) return half;
    return std::bit_cast<uint32_t>(half_to_float(half));
}

void set_component(Wave& w, const Instruction& in, unsigned i, unsigned lane, uint32_t value,
                   const FormatAccess& access) {
    uint32_t& to = w.v[in.dst + (access.d16 ? i / 2 : i)].lane[lane];
    if (!access.d16)
        to = value;
    else if (access.high || i % 2)
        to = (to & 0xffff) | value << 16;
    else
        to = (to & 0xffff0000) | (value & 0xffff);
}
uint32_t get_component(const Wave& w, const Instruction& in, unsigned i, unsigned lane,
                       const FormatAccess& access) {
    const uint32_t from = w.v[in.vdata + (access.d16 ? i / 2 : i)].lane[lane];
    if (!access.d16) return from;
    return access.high || i % 2 ? from >> 16 : from & 0xffff;
}

void load_lane(Wave& w, const Instruction& in, const VmemRequest& request, BufferFormat format,
               unsigned lane) {
    const FormatAccess access = access_of(in);
    const BufferResource resource = buffer_resource(w, in);
    const bool in_range = request.in_range[0] >> lane & 1;
    uint8_t element[16] = {};
    uint32_t components[4] = {};
    if (in_range) {
        if (!w.memory->read(request.addresses.lane[lane], element, format.bytes())) return;
        unpack_texel(format, element, components);
    }
    for (unsigned i = 0; i < access.components; i++) {
        uint32_t value =
            in_range ? selected(components, resource.component_select(i), format.is_integer()) : 0;
        if (access.d16) value = to_16(value, format.is_integer());
        set_component(w, in, i, lane, value, access);
    }
}

void store_lane(Wave& w, const Instruction& in, const VmemRequest& request, BufferFormat format,
                unsigned lane) {
    if (!(request.in_range[0] >> lane & 1)) return;
    const FormatAccess access = access_of(in);
    const BufferResource resource = buffer_resource(w, in);
    uint8_t element[16] = {};
    uint32_t components[4] = {};
    for (unsigned i = 0; i < access.components; i++) {
        uint32_t value = get_component(w, in, i, lane, access);
        if (access.d16) value = from_16(value, format);
        const unsigned select = resource.component_select(i);
        if (select >= 4) components[select - 4] = value;
    }
    pack_texel(format, components, element);
    w.memory->write(request.addresses.lane[lane], element, format.bytes());
}

void run(Wave& w, const Instruction& in, BufferFormat format) {
    VmemRequest request;
    buffer_addresses(w, in, format.bytes(), RangeCheck::kWholeElement, request);
    if (format.bytes() == 0)  // an invalid format reads 0 and writes nothing
        for (uint64_t& mask : request.in_range) mask = 0;
    const bool store = access_of(in).store;
    for_each_lane(request.active, [&](unsigned lane) {
        if (w.memory->faulted()) return;
        if (store)
            store_lane(w, in, request, format, lane);
        else
            load_lane(w, in, request, format, lane);
    });
    if (w.memory->faulted()) w.status = Wave::Status::kFault;
}

}  // namespace

void execute_mubuf_format(Wave& w, const Instruction& in) {
    const BufferResource resource = buffer_resource(w, in);
    run(w, in, {resource.data_format(), resource.number_format()});
}

void execute_mtbuf(Wave& w, const Instruction& in) {
    run(w, in, {in.words[0] >> 19 & 0xf, in.words[0] >> 23 & 7});
}

}  // namespace simgpu::gfx9
