#include "simgpu/intel/eu/messages/send.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "simgpu/intel/eu/alu/operands.h"

namespace simgpu::intel::eu {

namespace {

/// Where each shared function has its message type (PRM volume 2d, "Message Descriptor").
uint8_t type_of(uint8_t sfid, uint32_t descriptor) {
    switch (sfid) {
        case sfid::kSampler:
            return descriptor >> 12 & 0x1f;
        case sfid::kGateway:
            return descriptor & 7;
        case sfid::kThreadSpawner:
            return 0;
        case sfid::kTypedGlobal:
        case sfid::kSlm:
        case sfid::kUntypedGlobal:
            return descriptor & 0x3f;
        default:
            return descriptor >> 14 & 0x1f;
    }
}

using Table = std::array<std::array<const MessageOp*, 64>, 16>;

Table make_table() {
    Table table{};
    for (const std::span<const MessageOp> rows :
         {gateway_messages(), data_cache_messages(), untyped_messages(), a64_messages(),
          lsc_messages(), typed_messages(), typed_lsc_messages(), sampler_messages()})
        for (const MessageOp& row : rows) table[row.sfid][row.type] = &row;
    return table;
}

const MessageOp* find_message(uint8_t sfid, uint32_t descriptor) {
    static const Table table = make_table();
    return table[sfid & 15][type_of(sfid, descriptor)];
}

/// Shared functions that not every chip has: LSC took the place of HDC.
struct SharedFunction {
    uint8_t sfid;
    Generation first;
    Generation last;
};
constexpr SharedFunction kLimited[] = {
    {sfid::kConstantCache, Generation::kGen12, Generation::kGen12_5},
    {sfid::kDataCache0, Generation::kGen12, Generation::kGen12_5},
    {sfid::kDataCache1, Generation::kGen12, Generation::kGen12_5},
    {sfid::kTypedGlobal, Generation::kGen12_5, Generation::kXe2},
    {sfid::kSlm, Generation::kGen12_5, Generation::kXe2},
    {sfid::kUntypedGlobal, Generation::kGen12_5, Generation::kXe2},
};

bool has_function(Generation generation, uint8_t sfid) {
    const auto* found = std::ranges::find(kLimited, sfid, &SharedFunction::sfid);
    return found == std::end(kLimited) || (generation >= found->first && generation <= found->last);
}

/// The second payload's length is in the extended descriptor; of a bindless surface's offset, which
/// takes all of that, it is in the instruction.
unsigned second_length(const Message& message, uint32_t extended) {
    if (message.extended_from_a0 && !message.bindless_offset) return extended >> 6 & 0x1f;
    return message.payload2_length;
}

/// Longer payloads than registers can hold are refused.
constexpr unsigned kMostRegisters = 64;

void send(Thread& thread, const Instruction& in) {
    const Message& message = in.message;
    MessageCall call{.thread = thread, .in = in, .payload = {}};
    call.descriptor = message.descriptor_from_a0 ? thread.a0_dword(0) : message.descriptor;
    call.extended =
        message.extended_from_a0 ? thread.a0_dword(message.extended_index) : message.extended;
    call.grf = thread.grf_bytes;
    call.length = call.field(28, 25);
    call.response_length = call.field(24, 20);
    call.header = call.field(19, 19);
    call.extended_length = second_length(message, call.extended);
    const unsigned total = call.length + call.extended_length;
    if (message.payload + call.length > kGrfs || message.payload2 + call.extended_length > kGrfs ||
        total > kMostRegisters)
        return call.refuse("its payload reaches beyond the last register");
    if (!in.dst.is_null() && in.dst.byte / call.grf + call.response_length > kGrfs)
        return call.refuse("its response reaches beyond the last register");

    alignas(64) std::array<std::byte, kMostRegisters * kMaxGrfBytes> payload;
    const size_t first = size_t{call.length} * call.grf;
    const size_t second = size_t{call.extended_length} * call.grf;
    std::memcpy(payload.data(), thread.grf + message.payload * call.grf, first);
    std::memcpy(payload.data() + first, thread.grf + message.payload2 * call.grf, second);
    call.payload = std::span(payload).first(first + second);
    if (!in.dst.is_null()) call.response = thread.grf + in.dst.byte;
    call.enabled = enabled_channels(thread, in);

    if (!has_function(call.surfaces().chip().generation, message.sfid))
        return call.refuse("the chip has no such shared function");
    const MessageOp* op = find_message(message.sfid, call.descriptor);
    if (!op) return call.refuse("it is not simulated");
    op->handler(call);
    if (thread.memory->faulted()) thread.status = Thread::Status::kFault;
    if (message.end_of_thread && thread.status == Thread::Status::kRunning)
        thread.status = Thread::Status::kEnded;
}

}  // namespace

void MessageCall::refuse(const std::string& why) const {
    thread.fail(fmt::format("message {} (SFID {}, descriptor {:#010x}, extended {:#010x}): {}",
                            message_name(in.message.sfid, descriptor), in.message.sfid, descriptor,
                            extended, why));
}

uint32_t MessageCall::dword(size_t byte) const {
    return static_cast<uint32_t>(number(byte, 4));
}

uint64_t MessageCall::number(size_t byte, unsigned bytes) const {
    uint64_t value = 0;
    if (byte + bytes <= payload.size()) std::memcpy(&value, payload.data() + byte, bytes);
    return value;
}

void MessageCall::answer(size_t byte, const void* value, unsigned bytes) const {
    if (response && byte + bytes <= size_t{response_length} * grf)
        std::memcpy(response + byte, value, bytes);
}

std::string message_name(uint8_t sfid, uint32_t descriptor) {
    const MessageOp* op = find_message(sfid, descriptor);
    return op ? op->name : fmt::format("type {:#04x}", type_of(sfid, descriptor));
}

// Where the descriptors' bits are: Mesa's brw_inst.h, send_desc and send_ex_desc.
void decode_send(const Words& words, Generation generation, Instruction& in) {
    Message& message = in.message;
    message.sfid = static_cast<uint8_t>(words.bits(95, 92));
    message.end_of_thread = words.bit(34);
    message.descriptor_from_a0 = words.bit(48);
    message.extended_from_a0 = words.bit(49);
    message.extended_index = static_cast<uint8_t>(words.bits(42, 40));
    // ExBSO is bit 39; of UGM on Xe2 it goes without saying, and the bit belongs to the offset.
    const bool always = generation >= Generation::kXe2 && message.sfid == sfid::kUntypedGlobal;
    message.bindless_offset =
        generation >= Generation::kGen12_5 && message.extended_from_a0 && (always || words.bit(39));
    message.descriptor = words.bits(123, 122) << 30 | words.bits(71, 67) << 25 |
                         words.bits(55, 51) << 20 | words.bits(121, 113) << 11 | words.bits(91, 81);
    message.extended = words.bits(127, 124) << 28 | words.bits(97, 96) << 26 |
                       words.bits(65, 64) << 24 | words.bits(47, 35) << 11 |
                       words.bits(103, 99) << 6;
    message.payload = static_cast<uint8_t>(words.bits(79, 72));
    message.payload2 = static_cast<uint8_t>(words.bits(111, 104));
    message.payload2_length = static_cast<uint8_t>(words.bits(103, 99));
    const unsigned number = words.bits(63, 56);
    const unsigned grf = generation >= Generation::kXe2 ? 64 : 32;
    in.dst.file = words.bit(50) ? File::kGrf : File::kArf;
    in.dst.arf = static_cast<uint8_t>(in.dst.file == File::kArf ? number : 0);
    in.dst.byte = static_cast<uint16_t>(number * grf);
    if (in.dst.file == File::kGrf && number >= kGrfs)
        in.problem = fmt::format("register r{} does not exist", number);
    if (message.extended_index > 7) in.problem = "reserved address register";
    in.handler = send;
}

}  // namespace simgpu::intel::eu
