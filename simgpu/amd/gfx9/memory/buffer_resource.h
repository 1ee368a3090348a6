// The buffer descriptor (V#) in four SGPRs (Vega ISA, "Buffer resource descriptor").
#pragma once

#include <cstdint>
#include <cstring>

namespace simgpu::gfx9 {

class BufferResource {
  public:
    explicit BufferResource(const uint32_t* words) { std::memcpy(words_, words, sizeof words_); }

    uint64_t base() const { return words_[0] | static_cast<uint64_t>(words_[1] & 0xffff) << 32; }
    bool swizzled() const { return words_[1] >> 31; }
    bool adds_thread_id() const { return words_[3] >> 23 & 1; }
    /// Bytes per record. With ADD_TID_ENABLE the data format field holds the upper bits.
    uint32_t stride() const {
        const uint32_t low = words_[1] >> 16 & 0x3fff;
        return adds_thread_id() ? low | data_format() << 14 : low;
    }
    /// Bytes, or records: see execute_mubuf.
    uint32_t num_records() const { return words_[2]; }
    /// DST_SEL_X..W: 0, 1, or 4..7 for the components of the format.
    unsigned component_select(unsigned component) const { return words_[3] >> (3 * component) & 7; }
    uint32_t number_format() const { return words_[3] >> 12 & 7; }
    uint32_t data_format() const { return words_[3] >> 15 & 0xf; }
    /// Records that are interleaved: 8, 16, 32 or 64.
    uint32_t index_stride() const { return 8u << (words_[3] >> 21 & 3); }

  private:
    uint32_t words_[4];
};

}  // namespace simgpu::gfx9
