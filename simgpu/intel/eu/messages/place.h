// Where an untyped message's offsets lead: a buffer, stateless memory, or SLM.
#pragma once

#include "simgpu/intel/eu/messages/send.h"

namespace simgpu::intel::eu {

/// The surface that the binding table index of an HDC or sampler descriptor names, or for 252 the
/// extended descriptor's bindless offset. Null on a fault, which memory keeps.
const Surface* indexed_surface(const MessageCall& call);
/// The same for LSC descriptors, whose "address surface type" is not flat.
const Surface* lsc_surface(const MessageCall& call);

class Place {
  public:
    /// All of memory, by address.
    static Place flat(const MessageCall& call) { return Place(call, Kind::kMemory, 0, ~0ull); }
    static Place slm(const MessageCall& call) {
        return Place(call, Kind::kSlm, 0, call.thread.group->slm_bytes);
    }
    /// Memory from the general state base on, within its size.
    static Place stateless(const MessageCall& call);
    /// A buffer; a null surface reads as 0. Anything else, and null, is refused.
    static Place buffer(const MessageCall& call, const Surface* surface);
    /// The surface or memory that the binding table index of an HDC descriptor names.
    static Place indexed(const MessageCall& call);

    /// False if the message has been refused.
    bool usable() const { return kind_ != Kind::kRefused; }
    /// Out of bounds: reads give 0, writes do nothing. Misaligned ones (to `bytes`, at most 4) are
    /// refused: the manuals leave them undefined.
    void read(uint64_t offset, void* to, unsigned bytes) const;
    void write(uint64_t offset, const void* from, unsigned bytes) const;
    /// Null if out of bounds or refused.
    std::byte* atomic(uint64_t offset, unsigned bytes) const;

    /// Block messages: any number of bytes, bound dword by dword.
    void read_block(uint64_t offset, std::byte* to, unsigned bytes) const;
    void write_block(uint64_t offset, const std::byte* from, unsigned bytes) const;

  private:
    enum class Kind : uint8_t { kRefused, kMemory, kSlm };
    Place(const MessageCall& call, Kind kind, uint64_t base, uint64_t size)
        : call_(&call), kind_(kind), base_(base), size_(size) {}
    bool within(uint64_t offset, unsigned bytes) const {
        return offset < size_ && bytes <= size_ - offset;
    }
    bool misaligned(uint64_t offset, unsigned bytes) const;

    const MessageCall* call_;
    Kind kind_;
    uint64_t base_;
    uint64_t size_;
};

}  // namespace simgpu::intel::eu
