#include "simgpu/amd/gfx9/memory/vmem.h"

#include "simgpu/amd/gfx9/memory/lds.h"

namespace simgpu::gfx9 {

namespace {

// Addresses of dword `i` of each lane.
LaneAddresses dword_addresses(const VmemRequest& r, unsigned i) {
    LaneAddresses result;
    for (unsigned lane = 0; lane < kLanes; lane++)
        result.lane[lane] = r.addresses.lane[lane] + i * r.dword_stride;
    return result;
}

bool same_range(const VmemRequest& r, unsigned dwords) {
    for (unsigned i = 1; i < dwords; i++)
        if (r.in_range[i] != r.in_range[0]) return false;
    return r.dword_stride == 4;
}

template <unsigned Dwords>
void load(Wave& w, const Instruction& in, const VmemRequest& r) {
    Row out[Dwords];
    for (unsigned i = 0; i < Dwords; i++)
        if (r.in_range[i] != r.active) out[i] = Row{};
    if (same_range(r, Dwords)) {
        w.memory->load_dwords(r.addresses, r.in_range[0], Dwords, out);
    } else {
        for (unsigned i = 0; i < Dwords; i++)
            w.memory->load_dwords(dword_addresses(r, i), r.in_range[i], 1, &out[i]);
    }
    if (w.memory->faulted()) return check_fault(w);
    for (unsigned i = 0; i < Dwords; i++) w.write_lanes(in.dst + i, out[i], r.active);
}

template <unsigned Dwords>
void store(Wave& w, const Instruction& in, const VmemRequest& r) {
    const Row* from = &w.v[in.vdata];
    if (same_range(r, Dwords)) {
        w.memory->store_dwords(r.addresses, r.in_range[0], Dwords, from);
    } else {
        for (unsigned i = 0; i < Dwords; i++)
            w.memory->store_dwords(dword_addresses(r, i), r.in_range[i], 1, &from[i]);
    }
    check_fault(w);
}

template <class T, Into Where>
void load_small(Wave& w, const Instruction& in, const VmemRequest& r) {
    Row& to = w.v[in.dst];
    for_each_lane(r.active, [&](unsigned lane) {
        T raw = 0;
        if (r.in_range[0] >> lane & 1) w.memory->read(r.addresses.lane[lane], &raw, sizeof raw);
        if (w.memory->faulted()) return;
        const auto value = static_cast<uint32_t>(static_cast<int32_t>(raw));
        uint32_t& result = to.lane[lane];
        if constexpr (Where == Into::kWhole) result = value;
        if constexpr (Where == Into::kLow) result = (result & 0xffff0000) | (value & 0xffff);
        if constexpr (Where == Into::kHigh) result = (result & 0xffff) | value << 16;
    });
    check_fault(w);
}

template <class T, unsigned Shift>
void store_small(Wave& w, const Instruction& in, const VmemRequest& r) {
    for_each_lane(r.in_range[0], [&](unsigned lane) {
        const auto value = static_cast<T>(w.v[in.vdata].lane[lane] >> Shift);
        w.memory->write(r.addresses.lane[lane], &value, sizeof value);
    });
    check_fault(w);
}

template <class T>
T read_lane(const Wave& w, unsigned index, unsigned lane) {
    T value = w.v[index].lane[lane];
    if constexpr (sizeof(T) == 8) value |= static_cast<T>(w.v[index + 1].lane[lane]) << 32;
    return value;
}

template <class T, unsigned Function>
void atomic(Wave& w, const Instruction& in, const VmemRequest& r) {
    constexpr unsigned kRegisters = sizeof(T) / 4;
    constexpr bool kCompares = Function == 1;
    const uint64_t in_range = r.in_range[0] & (sizeof(T) == 8 ? r.in_range[1] : ~uint64_t{0});
    for_each_lane(r.active, [&](unsigned lane) {
        T old = 0;
        if (in_range >> lane & 1) {
            T* word = w.memory->atomic_word<T>(r.addresses.lane[lane]);
            if (!word) return;
            const T data = read_lane<T>(w, in.vdata, lane);
            const T compare = kCompares ? read_lane<T>(w, in.vdata + kRegisters, lane) : T{0};
            constexpr auto& kTable = []() -> auto& {
                if constexpr (sizeof(T) == 4)
                    return kAtomics32;
                else
                    return kAtomics64;
            }
            ();
            old = atomic_update(word,
                                [&](T value) { return kTable[Function](value, data, compare); });
        }
        if (!in.returns) return;
        w.v[in.dst].lane[lane] = static_cast<uint32_t>(old);
        if constexpr (sizeof(T) == 8) w.v[in.dst + 1].lane[lane] = static_cast<uint32_t>(old >> 32);
    });
    check_fault(w);
}

using Kind = VmemOp::Kind;

constexpr VmemOp kVmemOps[] = {
    {0x10, "load_ubyte", load_small<uint8_t, Into::kWhole>, 1, 1, Kind::kLoad},
    {0x11, "load_sbyte", load_small<int8_t, Into::kWhole>, 1, 1, Kind::kLoad},
    {0x12, "load_ushort", load_small<uint16_t, Into::kWhole>, 1, 2, Kind::kLoad},
    {0x13, "load_sshort", load_small<int16_t, Into::kWhole>, 1, 2, Kind::kLoad},
    {0x14, "load_dword", load<1>, 1, 4, Kind::kLoad},
    {0x15, "load_dwordx2", load<2>, 2, 8, Kind::kLoad},
    {0x16, "load_dwordx3", load<3>, 3, 12, Kind::kLoad},
    {0x17, "load_dwordx4", load<4>, 4, 16, Kind::kLoad},
    {0x18, "store_byte", store_small<uint8_t, 0>, 1, 1, Kind::kStore},
    {0x19, "store_byte_d16_hi", store_small<uint8_t, 16>, 1, 1, Kind::kStore},
    {0x1a, "store_short", store_small<uint16_t, 0>, 1, 2, Kind::kStore},
    {0x1b, "store_short_d16_hi", store_small<uint16_t, 16>, 1, 2, Kind::kStore},
    {0x1c, "store_dword", store<1>, 1, 4, Kind::kStore},
    {0x1d, "store_dwordx2", store<2>, 2, 8, Kind::kStore},
    {0x1e, "store_dwordx3", store<3>, 3, 12, Kind::kStore},
    {0x1f, "store_dwordx4", store<4>, 4, 16, Kind::kStore},
    {0x20, "load_ubyte_d16", load_small<uint8_t, Into::kLow>, 1, 1, Kind::kLoad},
    {0x21, "load_ubyte_d16_hi", load_small<uint8_t, Into::kHigh>, 1, 1, Kind::kLoad},
    {0x22, "load_sbyte_d16", load_small<int8_t, Into::kLow>, 1, 1, Kind::kLoad},
    {0x23, "load_sbyte_d16_hi", load_small<int8_t, Into::kHigh>, 1, 1, Kind::kLoad},
    {0x24, "load_short_d16", load_small<uint16_t, Into::kLow>, 1, 2, Kind::kLoad},
    {0x25, "load_short_d16_hi", load_small<uint16_t, Into::kHigh>, 1, 2, Kind::kLoad},
};

template <unsigned F>
constexpr VmemOp atomic_op(const char* name, bool wide) {
    const Kind kind = F == 1 ? Kind::kCompareSwap : Kind::kAtomic;
    if (wide) return {0x60 + F, name, atomic<uint64_t, F>, 2, 8, kind};
    return {0x40 + F, name, atomic<uint32_t, F>, 1, 4, kind};
}

constexpr VmemOp kAtomicOps[] = {
    atomic_op<0>("atomic_swap", false),      atomic_op<1>("atomic_cmpswap", false),
    atomic_op<2>("atomic_add", false),       atomic_op<3>("atomic_sub", false),
    atomic_op<4>("atomic_smin", false),      atomic_op<5>("atomic_umin", false),
    atomic_op<6>("atomic_smax", false),      atomic_op<7>("atomic_umax", false),
    atomic_op<8>("atomic_and", false),       atomic_op<9>("atomic_or", false),
    atomic_op<10>("atomic_xor", false),      atomic_op<11>("atomic_inc", false),
    atomic_op<12>("atomic_dec", false),      atomic_op<0>("atomic_swap_x2", true),
    atomic_op<1>("atomic_cmpswap_x2", true), atomic_op<2>("atomic_add_x2", true),
    atomic_op<3>("atomic_sub_x2", true),     atomic_op<4>("atomic_smin_x2", true),
    atomic_op<5>("atomic_umin_x2", true),    atomic_op<6>("atomic_smax_x2", true),
    atomic_op<7>("atomic_umax_x2", true),    atomic_op<8>("atomic_and_x2", true),
    atomic_op<9>("atomic_or_x2", true),      atomic_op<10>("atomic_xor_x2", true),
    atomic_op<11>("atomic_inc_x2", true),    atomic_op<12>("atomic_dec_x2", true),
};

}  // namespace

std::span<const VmemOp> vmem_ops() {
    return kVmemOps;
}
std::span<const VmemOp> vmem_atomic_ops() {
    return kAtomicOps;
}

}  // namespace simgpu::gfx9
