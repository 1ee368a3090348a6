// Opcodes that decoding distinguishes; those of ALU instructions are in the tables of alu/.
#pragma once

#include <cstdint>

namespace simgpu::intel::eu::opcode {

inline constexpr uint8_t kSync = 0x01;
inline constexpr uint8_t kJmpi = 0x20;
inline constexpr uint8_t kIf = 0x22;
inline constexpr uint8_t kElse = 0x24;
inline constexpr uint8_t kEndif = 0x25;
inline constexpr uint8_t kWhile = 0x27;
inline constexpr uint8_t kBreak = 0x28;
inline constexpr uint8_t kContinue = 0x29;
inline constexpr uint8_t kHalt = 0x2a;
inline constexpr uint8_t kSend = 0x31;
inline constexpr uint8_t kSendc = 0x32;
inline constexpr uint8_t kMath = 0x38;
inline constexpr uint8_t kNop = 0x60;
inline constexpr uint8_t kMov = 0x61;
inline constexpr uint8_t kSel = 0x62;
inline constexpr uint8_t kNot = 0x64;
inline constexpr uint8_t kXor = 0x67;
inline constexpr uint8_t kCmp = 0x70;
inline constexpr uint8_t kCmpn = 0x71;
inline constexpr uint8_t kCsel = 0x72;
inline constexpr uint8_t kBfe = 0x78;
inline constexpr uint8_t kBfi2 = 0x7a;
inline constexpr uint8_t kAdd3 = 0x52;
inline constexpr uint8_t kBfn = 0x6b;
inline constexpr uint8_t kDp4a = 0x58;
inline constexpr uint8_t kDpas = 0x59;
inline constexpr uint8_t kMad = 0x5b;
inline constexpr uint8_t kMadm = 0x5d;

}  // namespace simgpu::intel::eu::opcode

namespace simgpu::intel::eu {

/// Whether the opcode has the encoding of three sources.
constexpr bool has_three_sources(uint8_t opcode) {
    using namespace opcode;
    constexpr uint8_t kAll[] = {kCsel, kBfe, kBfi2, kAdd3, kBfn, kDp4a, kDpas, kMad, kMadm};
    for (const uint8_t one : kAll)
        if (opcode == one) return true;
    return false;
}

}  // namespace simgpu::intel::eu
