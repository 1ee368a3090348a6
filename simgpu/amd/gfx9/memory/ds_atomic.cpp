// DS: atomic operations on LDS. The waves of a workgroup run on one thread, so that plain
// read-modify-write is atomic.
#include <bit>
#include <type_traits>

#include "simgpu/amd/gfx9/memory/lds.h"
#include "simgpu/amd/gfx9/wave/float_math.h"
#include "simgpu/amd/integer_atomics.h"

namespace simgpu::gfx9 {

namespace {

template <class T>
T lane_value(const Wave& w, unsigned index, unsigned lane) {
    T value = w.v[index].lane[lane];
    if constexpr (sizeof(T) == 8) value |= static_cast<T>(w.v[index + 1].lane[lane]) << 32;
    return value;
}
template <class T>
void set_lane(Wave& w, unsigned index, unsigned lane, T value) {
    w.v[index].lane[lane] = static_cast<uint32_t>(value);
    if constexpr (sizeof(T) == 8) w.v[index + 1].lane[lane] = static_cast<uint32_t>(value >> 32);
}

// `F(old, data, data2)` is the new value.
template <class T, auto F, bool Returns>
void atomic(Wave& w, const Instruction& in) {
    Lds lds(w);
    for_each_lane(w.exec(), [&](unsigned lane) {
        const auto offset = static_cast<uint32_t>(in.imm);
        const uint64_t address = (w.v[in.vaddr].lane[lane] + offset) & ~uint32_t{sizeof(T) - 1};
        const T old = lds.load<T>(address);
        lds.store(address, static_cast<T>(F(old, lane_value<T>(w, in.vdata, lane),
                                            lane_value<T>(w, in.vdata2, lane))));
        if constexpr (Returns) set_lane(w, in.dst, lane, old);
    });
}

// DS_WRXCHG2: exchanges two elements.
template <class T, unsigned Scale>
void exchange2(Wave& w, const Instruction& in) {
    Lds lds(w);
    const uint32_t offsets[] = {static_cast<uint32_t>(in.imm) & 0xff,
                                static_cast<uint32_t>(in.imm) >> 8};
    const uint16_t data[] = {in.vdata, in.vdata2};
    for_each_lane(w.exec(), [&](unsigned lane) {
        const uint32_t base = w.v[in.vaddr].lane[lane];
        const T values[] = {lane_value<T>(w, data[0], lane), lane_value<T>(w, data[1], lane)};
        for (unsigned i = 0; i < 2; i++) {
            constexpr uint32_t kSize = sizeof(T);
            const uint64_t address = (base + offsets[i] * kSize * Scale) & ~(kSize - 1);
            const T old = lds.load<T>(address);
            lds.store(address, values[i]);
            set_lane(w, in.dst + i * unsigned{sizeof(T) / 4}, lane, old);
        }
    });
}

// Swaps only if the top bit of the data says so.
uint64_t conditional_exchange(uint64_t old, uint64_t data, uint64_t) {
    const auto half = [](uint64_t old_half, uint64_t new_half) {
        return new_half >> 31 & 1 ? new_half & 0x7fffffff : old_half;
    };
    return half(old & 0xffffffff, data & 0xffffffff) | half(old >> 32, data >> 32) << 32;
}

template <class T>
using FloatOf = std::conditional_t<sizeof(T) == 4, float, double>;
/// LDS's operations that memory does not have.
template <class T>
struct Functions {
    using F = FloatOf<T>;

    static T rsub(T old, T data, T) { return data - old; }
    static T masked_or(T old, T mask, T data) { return (old & ~mask) | data; }
    // The comparand comes first here.
    static T compare_store(T old, T compare, T data) {
        return amd::IntegerAtomics<T>::compare_swap(old, data, compare);
    }
    static T compare_store_float(T old, T compare, T data) {
        return std::bit_cast<F>(old) == std::bit_cast<F>(compare) ? data : old;
    }
    static T float_min(T old, T data, T) {
        return std::bit_cast<T>(min_num(std::bit_cast<F>(old), std::bit_cast<F>(data)));
    }
    static T float_max(T old, T data, T) {
        return std::bit_cast<T>(max_num(std::bit_cast<F>(old), std::bit_cast<F>(data)));
    }
    static T float_add(T old, T data, T) {
        return std::bit_cast<T>(std::bit_cast<F>(old) + std::bit_cast<F>(data));
    }
    static T wrap(T old, T data, T data2) { return old >= data ? old - data : old + data2; }
};

// Opcodes: without a result from 0 (32 bits) and 64; with one, 32 more.
struct Table {
    DsOp ops[80];
    unsigned count = 0;

    template <class T, auto F>
    constexpr void add(uint16_t opcode, const char* name) {
        constexpr uint8_t kRegisters = sizeof(T) / 4;
        const uint16_t base = sizeof(T) == 8 ? 64 : 0;
        ops[count++] = {static_cast<uint16_t>(base + opcode), name, atomic<T, F, false>, 0,
                        kRegisters};
        add_returning<T, F>(opcode, name);
    }
    template <class T, auto F>
    constexpr void add_returning(uint16_t opcode, const char* name) {
        constexpr uint8_t kRegisters = sizeof(T) / 4;
        const uint16_t base = sizeof(T) == 8 ? 96 : 32;
        ops[count++] = {static_cast<uint16_t>(base + opcode), name, atomic<T, F, true>, kRegisters,
                        kRegisters};
    }
    template <class T>
    constexpr void add_all() {
        using A = amd::IntegerAtomics<T>;
        using F = Functions<T>;
        add<T, A::add>(0, "ds_add_u");
        add<T, A::sub>(1, "ds_sub_u");
        add<T, F::rsub>(2, "ds_rsub_u");
        add<T, A::inc>(3, "ds_inc_u");
        add<T, A::dec>(4, "ds_dec_u");
        add<T, A::smin>(5, "ds_min_i");
        add<T, A::smax>(6, "ds_max_i");
        add<T, A::umin>(7, "ds_min_u");
        add<T, A::umax>(8, "ds_max_u");
        add<T, A::bit_and>(9, "ds_and_b");
        add<T, A::bit_or>(10, "ds_or_b");
        add<T, A::bit_xor>(11, "ds_xor_b");
        add<T, F::masked_or>(12, "ds_mskor_b");
        add_returning<T, A::swap>(13, "ds_wrxchg_rtn_b");
        add<T, F::compare_store>(16, "ds_cmpst_b");
        add<T, F::compare_store_float>(17, "ds_cmpst_f");
        add<T, F::float_min>(18, "ds_min_f");
        add<T, F::float_max>(19, "ds_max_f");
    }
};

constexpr Table make_table() {
    Table table;
    table.add_all<uint32_t>();
    table.add_all<uint64_t>();
    table.add<uint32_t, Functions<uint32_t>::float_add>(21, "ds_add_f32");
    table.add_returning<uint32_t, Functions<uint32_t>::wrap>(20, "ds_wrap_rtn_b32");
    table.add_returning<uint64_t, conditional_exchange>(30, "ds_condxchg32_rtn_b64");
    table.ops[table.count++] = {46, "ds_wrxchg2_rtn_b32", exchange2<uint32_t, 1>, 2, 1};
    table.ops[table.count++] = {47, "ds_wrxchg2st64_rtn_b32", exchange2<uint32_t, 64>, 2, 1};
    table.ops[table.count++] = {110, "ds_wrxchg2_rtn_b64", exchange2<uint64_t, 1>, 4, 2};
    table.ops[table.count++] = {111, "ds_wrxchg2st64_rtn_b64", exchange2<uint64_t, 64>, 4, 2};
    return table;
}

constexpr Table kTable = make_table();

}  // namespace

std::span<const DsOp> ds_atomic_ops() {
    return std::span(kTable.ops).first(kTable.count);
}

}  // namespace simgpu::gfx9
