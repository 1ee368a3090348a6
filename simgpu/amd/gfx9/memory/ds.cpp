// DS: reads and writes of LDS, and the instructions that move data across lanes through it.
#include "simgpu/amd/gfx9/memory/lds.h"

namespace simgpu::gfx9 {

namespace {

// Addresses wrap at 32 bits, and compilers rely on that: a negative one plus an offset is in range.
uint32_t offset16(const Instruction& in) {
    return static_cast<uint32_t>(in.imm);
}
uint32_t offset0(const Instruction& in) {
    return static_cast<uint32_t>(in.imm) & 0xff;
}
uint32_t offset1(const Instruction& in) {
    return static_cast<uint32_t>(in.imm) >> 8;
}

template <class T, Into Where>
void read_small(Wave& w, const Instruction& in) {
    const Lds lds(w);
    for_each_lane(w.exec(), [&](unsigned lane) {
        const T raw = lds.load<T>((w.v[in.vaddr].lane[lane] + offset16(in)));
        const auto value = static_cast<uint32_t>(static_cast<int32_t>(raw));
        uint32_t& result = w.v[in.dst].lane[lane];
        if constexpr (Where == Into::kWhole) result = value;
        if constexpr (Where == Into::kLow) result = (result & 0xffff0000) | (value & 0xffff);
        if constexpr (Where == Into::kHigh) result = (result & 0xffff) | value << 16;
    });
}

template <class T, unsigned Shift>
void write_small(Wave& w, const Instruction& in) {
    Lds lds(w);
    for_each_lane(w.exec(), [&](unsigned lane) {
        lds.store((w.v[in.vaddr].lane[lane] + offset16(in)),
                  static_cast<T>(w.v[in.vdata].lane[lane] >> Shift));
    });
}

template <unsigned Dwords>
void read(Wave& w, const Instruction& in) {
    const Lds lds(w);
    Row out[Dwords];
    for_each_lane(w.exec(), [&](unsigned lane) {
        const uint32_t address = w.v[in.vaddr].lane[lane] + offset16(in);
        for (unsigned i = 0; i < Dwords; i++)
            out[i].lane[lane] = lds.load<uint32_t>(uint64_t{address} + 4 * i);
    });
    for (unsigned i = 0; i < Dwords; i++) w.write_vgpr(in.dst + i, out[i]);
}

template <unsigned Dwords>
void write(Wave& w, const Instruction& in) {
    Lds lds(w);
    for_each_lane(w.exec(), [&](unsigned lane) {
        const uint32_t address = w.v[in.vaddr].lane[lane] + offset16(in);
        for (unsigned i = 0; i < Dwords; i++)
            lds.store(uint64_t{address} + 4 * i, w.v[in.vdata + i].lane[lane]);
    });
}

// READ2 and WRITE2: two elements at offsets counted in elements, or in 64 elements.
template <unsigned Dwords, unsigned Scale>
void read2(Wave& w, const Instruction& in) {
    const Lds lds(w);
    const uint32_t offsets[] = {offset0(in), offset1(in)};
    Row out[2 * Dwords];
    for_each_lane(w.exec(), [&](unsigned lane) {
        for (unsigned element = 0; element < 2; element++) {
            const uint32_t address =
                w.v[in.vaddr].lane[lane] + offsets[element] * 4 * Dwords * Scale;
            for (unsigned i = 0; i < Dwords; i++)
                out[element * Dwords + i].lane[lane] =
                    lds.load<uint32_t>(uint64_t{address} + 4 * i);
        }
    });
    for (unsigned i = 0; i < 2 * Dwords; i++) w.write_vgpr(in.dst + i, out[i]);
}

template <unsigned Dwords, unsigned Scale>
void write2(Wave& w, const Instruction& in) {
    Lds lds(w);
    const uint32_t offsets[] = {offset0(in), offset1(in)};
    const uint16_t data[] = {in.vdata, in.vdata2};
    for_each_lane(w.exec(), [&](unsigned lane) {
        for (unsigned element = 0; element < 2; element++) {
            const uint32_t address =
                w.v[in.vaddr].lane[lane] + offsets[element] * 4 * Dwords * Scale;
            for (unsigned i = 0; i < Dwords; i++)
                lds.store(uint64_t{address} + 4 * i, w.v[data[element] + i].lane[lane]);
        }
    });
}

// Reads at M0 + offset + 4 * lane.
void read_addtid(Wave& w, const Instruction& in) {
    const Lds lds(w);
    for_each_lane(w.exec(), [&](unsigned lane) {
        w.v[in.dst].lane[lane] =
            lds.load<uint32_t>(uint64_t{w.m0() & 0xffff} + offset16(in) + 4 * lane);
    });
}
void write_addtid(Wave& w, const Instruction& in) {
    Lds lds(w);
    for_each_lane(w.exec(), [&](unsigned lane) {
        lds.store(uint64_t{w.m0() & 0xffff} + offset16(in) + 4 * lane, w.v[in.vdata].lane[lane]);
    });
}

uint32_t reverse5(uint32_t x) {
    uint32_t result = 0;
    for (unsigned i = 0; i < 5; i++) result |= (x >> i & 1) << (4 - i);
    return result;
}

// DS_SWIZZLE_B32's four modes, told apart by the top of the offset (Vega ISA, DS_SWIZZLE_B32).
uint32_t swizzle_source(uint32_t control, uint32_t lane) {
    const uint32_t half = lane & 0x20;
    if (control >= 0xe000) {  // FFT
        const uint32_t mask = control & 0x1f;
        return half | (reverse5(lane & 0x1f) >> std::popcount(mask)) | (lane & mask);
    }
    if (control >= 0xc000) {  // rotate
        const uint32_t mask = control & 0x1f, amount = control >> 5 & 0x1f;
        const uint32_t turned = control & 0x400 ? lane - amount : lane + amount;
        return half | (((lane & mask) | (turned & ~mask)) & 0x1f);
    }
    if (control & 0x8000) return (lane & ~3u) | (control >> (2 * (lane & 3)) & 3);  // quad
    const uint32_t and_mask = control & 0x1f, or_mask = control >> 5 & 0x1f;
    return half | ((((lane & and_mask) | or_mask) ^ (control >> 10 & 0x1f)) & 0x1f);
}

template <class Source>
void gather(Wave& w, const Instruction& in, const Row& from, Source&& source) {
    Row out;
    const uint64_t exec = w.exec();
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const uint32_t other = source(lane) & (kLanes - 1);
        out.lane[lane] = exec >> other & 1 ? from.lane[other] : 0;
    }
    w.write_vgpr(in.dst, out);
}

void swizzle(Wave& w, const Instruction& in) {
    gather(w, in, w.v[in.vaddr], [&](unsigned lane) { return swizzle_source(offset16(in), lane); });
}
void bpermute(Wave& w, const Instruction& in) {
    gather(w, in, w.v[in.vdata],
           [&](unsigned lane) { return (w.v[in.vaddr].lane[lane] + offset16(in)) / 4; });
}
void permute(Wave& w, const Instruction& in) {
    Row out{};
    for_each_lane(w.exec(), [&](unsigned lane) {
        const uint32_t target = (w.v[in.vaddr].lane[lane] + offset16(in)) / 4 & (kLanes - 1);
        out.lane[target] = w.v[in.vdata].lane[lane];
    });
    w.write_vgpr(in.dst, out);
}

// The wave's active lanes take a run of numbers together.
template <int Sign>
void append_consume(Wave& w, const Instruction& in) {
    Lds lds(w);
    const uint64_t address = uint64_t{w.m0() & 0xffff} + offset16(in);
    const auto old = lds.load<uint32_t>(address);
    const auto count = static_cast<uint32_t>(std::popcount(w.exec()));
    lds.store(address, Sign > 0 ? old + count : old - count);
    for_each_lane(w.exec(), [&](unsigned lane) { w.v[in.dst].lane[lane] = old; });
}

constexpr DsOp kDsOps[] = {
    {13, "ds_write_b32", write<1>, 0, 1},
    {14, "ds_write2_b32", write2<1, 1>, 0, 1},
    {15, "ds_write2st64_b32", write2<1, 64>, 0, 1},
    {20, "ds_nop", nothing, 0, 0},
    {29, "ds_write_addtid_b32", write_addtid, 0, 1},
    {30, "ds_write_b8", write_small<uint8_t, 0>, 0, 1},
    {31, "ds_write_b16", write_small<uint16_t, 0>, 0, 1},
    {54, "ds_read_b32", read<1>, 1, 0},
    {55, "ds_read2_b32", read2<1, 1>, 2, 0},
    {56, "ds_read2st64_b32", read2<1, 64>, 2, 0},
    {57, "ds_read_i8", read_small<int8_t, Into::kWhole>, 1, 0},
    {58, "ds_read_u8", read_small<uint8_t, Into::kWhole>, 1, 0},
    {59, "ds_read_i16", read_small<int16_t, Into::kWhole>, 1, 0},
    {60, "ds_read_u16", read_small<uint16_t, Into::kWhole>, 1, 0},
    {61, "ds_swizzle_b32", swizzle, 1, 0},
    {62, "ds_permute_b32", permute, 1, 1},
    {63, "ds_bpermute_b32", bpermute, 1, 1},
    {77, "ds_write_b64", write<2>, 0, 2},
    {78, "ds_write2_b64", write2<2, 1>, 0, 2},
    {79, "ds_write2st64_b64", write2<2, 64>, 0, 2},
    {84, "ds_write_b8_d16_hi", write_small<uint8_t, 16>, 0, 1},
    {85, "ds_write_b16_d16_hi", write_small<uint16_t, 16>, 0, 1},
    {86, "ds_read_u8_d16", read_small<uint8_t, Into::kLow>, 1, 0},
    {87, "ds_read_u8_d16_hi", read_small<uint8_t, Into::kHigh>, 1, 0},
    {88, "ds_read_i8_d16", read_small<int8_t, Into::kLow>, 1, 0},
    {89, "ds_read_i8_d16_hi", read_small<int8_t, Into::kHigh>, 1, 0},
    {90, "ds_read_u16_d16", read_small<uint16_t, Into::kLow>, 1, 0},
    {91, "ds_read_u16_d16_hi", read_small<uint16_t, Into::kHigh>, 1, 0},
    {118, "ds_read_b64", read<2>, 2, 0},
    {119, "ds_read2_b64", read2<2, 1>, 4, 0},
    {120, "ds_read2st64_b64", read2<2, 64>, 4, 0},
    {182, "ds_read_addtid_b32", read_addtid, 1, 0},
    {189, "ds_consume", append_consume<-1>, 1, 0},
    {190, "ds_append", append_consume<1>, 1, 0},
    {222, "ds_write_b96", write<3>, 0, 3},
    {223, "ds_write_b128", write<4>, 0, 4},
    {254, "ds_read_b96", read<3>, 3, 0},
    {255, "ds_read_b128", read<4>, 4, 0},
};

}  // namespace

std::span<const DsOp> ds_ops() {
    return kDsOps;
}

}  // namespace simgpu::gfx9
