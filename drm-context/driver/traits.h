// A driver's commands and the properties of its wire format, as data. The command loop, the front
// and the jail read them; none of these needs the driver's code.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "blob/result.h"

namespace viaduct {

class Request;
class DriverContext;

/// One command of a driver. The table's index is the wire's command number; an empty name is a
/// hole. `response_size` 0: the command has no response; a variable one is sized by `measure`.
struct CommandEntry {
    const char* name = "";
    uint32_t request_size = 0;  // of the host's structure: what is missing reads as zero
    uint32_t response_size = 0;
    /// Runs the command. An error is written to the response by the command loop.
    Status (*run)(DriverContext& context, Request& request) = nullptr;
    /// Response bytes for a request whose response varies (64-bit: the guest chooses); may be null.
    /// Then there is a `largest`, too.
    uint64_t (*measure)(const Request& request) = nullptr;
    /// Requests whose length need only be a multiple of this (0: the driver's).
    uint32_t alignment = 0;
    /// The ioctl requests that it makes: the jail lets through no others. Zeros count for nothing.
    std::array<uint32_t, 3> ioctls = {};
    /// The most response bytes that the kernel can have for this request. A guest that asks for
    /// more is refused: zeroing and copying them would cost the host time.
    uint64_t (*largest)(const Request& request) = nullptr;
};

/// What differs between the drivers' wire formats, as data.
struct DriverTraits {
    std::string_view name;
    std::span<const CommandEntry> commands;
    uint32_t alignment = 4;                 // of request lengths and rsp_off
    uint32_t shmem_size = 8;                // fixed part of the control buffer
    uint32_t async_error_offset = 0;        // in the control buffer; 0: the driver has none
    uint32_t ret_offset = 0;                // of the i32 `ret` in responses; 0: it has none
    std::span<const uint32_t> ioctls = {};  // made apart from commands
    // What the share of GPU time needs to know (0: the driver has no such command).
    uint32_t submit_command = 0;      // gives work to a ring
    uint32_t submit_ring_offset = 0;  // of the u32 in it that names the fence ring
    uint32_t create_command = 0;      // makes a buffer, and depends on no command before it
};

}  // namespace viaduct
