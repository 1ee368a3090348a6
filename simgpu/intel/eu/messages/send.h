// Messages: what "send" asks of the shared functions outside of the EU.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/eu/exec/thread.h"
#include "simgpu/intel/eu/isa/words.h"
#include "simgpu/intel/eu/memory/surface.h"

namespace simgpu::intel::eu {

/// Decodes the message's fields and sets the handler.
void decode_send(const Words& words, Generation generation, Instruction& in);

/// Shared functions (PRM volume 7, "Shared Function IDs").
namespace sfid {
inline constexpr uint8_t kSampler = 2;
inline constexpr uint8_t kGateway = 3;
inline constexpr uint8_t kUrb = 6;
inline constexpr uint8_t kThreadSpawner = 7;
inline constexpr uint8_t kConstantCache = 9;
inline constexpr uint8_t kDataCache0 = 10;
inline constexpr uint8_t kDataCache1 = 12;
inline constexpr uint8_t kTypedGlobal = 13;
inline constexpr uint8_t kSlm = 14;
inline constexpr uint8_t kUntypedGlobal = 15;
}  // namespace sfid

/// One message while it is executed.
struct MessageCall {
    Thread& thread;
    const Instruction& in;
    uint32_t descriptor = 0;
    uint32_t extended = 0;
    /// Channels that take part, bit 0 the instruction's first one.
    ChannelMask enabled = 0;
    unsigned grf = 32;             // bytes of a register
    unsigned length = 0;           // registers of the first payload
    unsigned extended_length = 0;  // of the second
    unsigned response_length = 0;
    bool header = false;
    /// Both payloads, one after the other, header first.
    std::span<const std::byte> payload;
    std::byte* response = nullptr;  // null: thrown away

    /// A field of the descriptor.
    uint32_t field(unsigned top, unsigned bottom) const {
        return descriptor >> bottom & (~uint32_t{0} >> (31 - (top - bottom)));
    }
    EuMemory& memory() const { return *thread.memory; }
    Surfaces& surfaces() const { return *thread.surfaces; }
    /// Ends the thread: nobody answers such a message.
    void refuse(const std::string& why) const;
    /// A dword of the header.
    uint32_t header_dword(unsigned index) const { return dword(4 * index); }
    /// A dword of the payload; 0 beyond its end.
    uint32_t dword(size_t byte) const;
    uint64_t number(size_t byte, unsigned bytes) const;
    /// Writes into the response what fits.
    void answer(size_t byte, const void* value, unsigned bytes) const;
};

struct MessageOp {
    uint8_t sfid;
    uint8_t type;  // of the function's message type field
    const char* name;
    void (*handler)(const MessageCall&);
};
/// The handler of fences: all accesses before one have been made already.
inline void fence(const MessageCall&) {}
// Rows, by the file that has them.
std::span<const MessageOp> gateway_messages();
std::span<const MessageOp> data_cache_messages();
std::span<const MessageOp> untyped_messages();
std::span<const MessageOp> a64_messages();
std::span<const MessageOp> lsc_messages();
std::span<const MessageOp> typed_messages();
std::span<const MessageOp> typed_lsc_messages();
std::span<const MessageOp> sampler_messages();

/// "hdc1 untyped read"; for counters and reports.
std::string message_name(uint8_t sfid, uint32_t descriptor);

}  // namespace simgpu::intel::eu
