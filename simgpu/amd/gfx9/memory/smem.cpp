// SMEM: scalar loads, stores and atomics, caches, clocks.
#include "simgpu/amd/gfx9/memory/buffer_resource.h"
#include "simgpu/amd/gfx9/memory/vmem.h"
#include "simgpu/clock.h"
#include "simgpu/engine/engine.h"

namespace simgpu::gfx9 {

namespace {

// The offset: an immediate, an SGPR, or both (Vega ISA, SMEM: IMM and SOFFSET_EN).
uint64_t offset_of(const Wave& w, const Instruction& in) {
    const bool imm = in.words[0] >> 17 & 1, soffset = in.words[0] >> 14 & 1;
    if (!imm) return w.s[(soffset ? in.words[1] >> 25 : in.words[1]) & 0x7f];
    uint64_t offset = static_cast<uint64_t>(int64_t{in.imm});
    if (soffset) offset += w.s[in.words[1] >> 25 & 0x7f];
    return offset;
}

// Addresses are dword-aligned: the lowest two bits of base and offset are ignored.
uint64_t address_of(const Wave& w, const Instruction& in) {
    return (w.s64(in.saddr) & ~uint64_t{3}) + (offset_of(w, in) & ~uint64_t{3});
}

template <unsigned Dwords>
void load(Wave& w, const Instruction& in) {
    uint32_t data[Dwords];
    if (!w.memory->read(address_of(w, in), data, sizeof data)) return check_fault(w);
    std::memcpy(&w.s[in.dst], data, sizeof data);
}

template <unsigned Dwords>
void store(Wave& w, const Instruction& in) {
    if (!w.memory->write(address_of(w, in), &w.s[in.dst], 4 * Dwords)) check_fault(w);
}

// A dword at a time: those beyond the buffer read 0 and are not written.
struct BufferRange {
    uint64_t base;
    uint64_t offset;
    uint64_t size;
    bool holds(unsigned dword) const { return offset + 4 * dword + 4 <= size; }
    uint64_t address(unsigned dword) const { return base + offset + 4 * dword; }
};
BufferRange buffer_range(const Wave& w, const Instruction& in) {
    const BufferResource resource(&w.s[in.saddr]);
    const uint64_t size = resource.stride() ? uint64_t{resource.stride()} * resource.num_records()
                                            : resource.num_records();
    return {resource.base() & ~uint64_t{3}, offset_of(w, in) & 0xfffffffcu, size};
}

template <unsigned Dwords>
void buffer_load(Wave& w, const Instruction& in) {
    const BufferRange range = buffer_range(w, in);
    uint32_t data[Dwords] = {};
    for (unsigned i = 0; i < Dwords; i++)
        if (range.holds(i) && !w.memory->read(range.address(i), &data[i], 4)) return check_fault(w);
    std::memcpy(&w.s[in.dst], data, sizeof data);
}

template <unsigned Dwords>
void buffer_store(Wave& w, const Instruction& in) {
    const BufferRange range = buffer_range(w, in);
    for (unsigned i = 0; i < Dwords; i++)
        if (range.holds(i) && !w.memory->write(range.address(i), &w.s[in.dst + i], 4))
            return check_fault(w);
}

template <class T>
T scalar_data(const Wave& w, unsigned index) {
    return static_cast<T>(w.s64(index));
}

template <class T, bool Buffer>
void atomic(Wave& w, const Instruction& in) {
    uint64_t address = 0;
    T old = 0;
    bool in_range = true;
    if constexpr (Buffer) {
        const BufferRange range = buffer_range(w, in);
        in_range = range.holds(sizeof(T) / 4 - 1);
        address = range.address(0);
    } else {
        address = address_of(w, in);
    }
    if (in_range) {
        T* word = w.memory->atomic_word<T>(address);
        if (!word) return check_fault(w);
        const T data = scalar_data<T>(w, in.dst);
        const T compare = scalar_data<T>(w, in.dst + unsigned{sizeof(T) / 4});
        const unsigned function = in.opcode & 0x1f;
        old = atomic_update(word, [&](T value) -> T {
            if constexpr (sizeof(T) == 4)
                return kAtomics32[function](value, data, compare);
            else
                return kAtomics64[function](value, data, compare);
        });
    }
    if (in.returns) std::memcpy(&w.s[in.dst], &old, sizeof old);
}

void read_clock(Wave& w, const Instruction& in) {
    w.set_s64(in.dst, gpu_clock());
}

#define SMEM_ATOMICS(base, type, buffer)                    \
    {base + 0, "atomic_swap", atomic<type, buffer>},        \
        {base + 1, "atomic_cmpswap", atomic<type, buffer>}, \
        {base + 2, "atomic_add", atomic<type, buffer>},     \
        {base + 3, "atomic_sub", atomic<type, buffer>},     \
        {base + 4, "atomic_smin", atomic<type, buffer>},    \
        {base + 5, "atomic_umin", atomic<type, buffer>},    \
        {base + 6, "atomic_smax", atomic<type, buffer>},    \
        {base + 7, "atomic_umax", atomic<type, buffer>},    \
        {base + 8, "atomic_and", atomic<type, buffer>},     \
        {base + 9, "atomic_or", atomic<type, buffer>},      \
        {base + 10, "atomic_xor", atomic<type, buffer>},    \
        {base + 11, "atomic_inc", atomic<type, buffer>}, {  \
        base + 12, "atomic_dec", atomic<type, buffer>       \
    }

constexpr SmemOp kSmemOps[] = {
    {0x00, "s_load_dword", load<1>},
    {0x01, "s_load_dwordx2", load<2>},
    {0x02, "s_load_dwordx4", load<4>},
    {0x03, "s_load_dwordx8", load<8>},
    {0x04, "s_load_dwordx16", load<16>},
    {0x08, "s_buffer_load_dword", buffer_load<1>},
    {0x09, "s_buffer_load_dwordx2", buffer_load<2>},
    {0x0a, "s_buffer_load_dwordx4", buffer_load<4>},
    {0x0b, "s_buffer_load_dwordx8", buffer_load<8>},
    {0x0c, "s_buffer_load_dwordx16", buffer_load<16>},
    {0x10, "s_store_dword", store<1>},
    {0x11, "s_store_dwordx2", store<2>},
    {0x12, "s_store_dwordx4", store<4>},
    {0x18, "s_buffer_store_dword", buffer_store<1>},
    {0x19, "s_buffer_store_dwordx2", buffer_store<2>},
    {0x1a, "s_buffer_store_dwordx4", buffer_store<4>},
    {0x20, "s_dcache_inv", nothing},
    {0x21, "s_dcache_wb", nothing},
    {0x22, "s_dcache_inv_vol", nothing},
    {0x23, "s_dcache_wb_vol", nothing},
    {0x24, "s_memtime", read_clock},
    {0x25, "s_memrealtime", read_clock},
    {0x26, "s_atc_probe", nothing},
    {0x27, "s_atc_probe_buffer", nothing},
    {0x28, "s_dcache_discard", nothing},
    {0x29, "s_dcache_discard_x2", nothing},
    SMEM_ATOMICS(0x40, uint32_t, true),
    SMEM_ATOMICS(0x60, uint64_t, true),
    SMEM_ATOMICS(0x80, uint32_t, false),
    SMEM_ATOMICS(0xa0, uint64_t, false),
};
#undef SMEM_ATOMICS

}  // namespace

std::span<const SmemOp> smem_ops() {
    return kSmemOps;
}

}  // namespace simgpu::gfx9
