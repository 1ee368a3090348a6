// A driver's commands and the properties of its wire format, as data. The command loop, the worker,
// the front and the jail read them; none of these needs the driver's code. docs/drivers.md has the
// rows of six drivers side by side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "wire/ccmd.h"

namespace viaduct {

class Request;
class DriverContext;

/// A command's meaning to code that does not execute it.
enum class Role : uint8_t {
    kPlain,
    kCreate,  // makes a buffer, and depends on no command before it: it may run ahead of its turn
    kSubmit,  // gives work to a ring: the worker may hold it back
};

/// How the 32-bit result in a response reports an error. Success is 0 in every form.
enum class ErrorForm : uint8_t {
    kNegativeErrno,
    kPositiveErrno,
    kMinusOne,  // as ioctl(2): -1, whatever the error
};

/// Where the responses of a command have their result.
struct ResultField {
    uint32_t offset = 0;  // bytes, of an int32_t; 0: there is none
    ErrorForm form = ErrorForm::kNegativeErrno;

    /// The result for an errno (positive).
    constexpr int32_t value(int error) const {
        if (form == ErrorForm::kMinusOne) return -1;
        return form == ErrorForm::kPositiveErrno ? error : -error;
    }
};

/// The response of a command.
struct ResponseLayout {
    uint32_t size = 0;  // bytes; of a response whose size varies: the fixed part. 0: none
    ResultField result = {};
    /// Bytes of the response to `request`, where that varies: 0 if it gets none. 64-bit, since a
    /// guest chooses it; not to be set without `largest`.
    uint64_t (*measure)(const Request& request) = nullptr;
    /// The most bytes that the kernel can have for `request`. A guest that asks for more is
    /// refused: zeroing and copying them would cost the host time.
    uint64_t (*largest)(const Request& request) = nullptr;
    /// Whether the answer to `request` is of the moment: a clock, memory in use, whether work is
    /// done. A recording leaves it out, for the next run has another. Null: it never is.
    bool (*varies)(const Request& request) = nullptr;
};

/// How a submission names the fence ring that it gives work to.
struct RingField {
    enum class Names : uint8_t {
        kRing,   // the ring itself
        kQueue,  // a kernel queue, whose ring DriverContext::ring_of_queue() returns
    };
    uint32_t offset = 0;         // bytes, of a uint32_t in the request
    uint32_t mask = UINT32_MAX;  // of its bits; 0: every submission has the same ring
    uint32_t base = 0;           // added to them
    Names names = Names::kRing;
};

/// One command of a driver. The table's index is the wire's command number; a row without `run` is
/// a hole.
struct CommandEntry {
    const char* name = "";
    /// Runs the command. An error is written to the response by the command loop.
    Status (*run)(DriverContext& context, Request& request) = nullptr;
    ResponseLayout response = {};
    /// The requests of the ioctls that it makes, if any: the jail lets through no others.
    std::span<const uint32_t> ioctls = {};
    Role role = Role::kPlain;
    RingField ring = {};  // of a kSubmit
    /// Requests whose length need only be a multiple of this (bytes); 0: the driver's.
    uint32_t alignment = 0;
};

/// Where a guest reads in the control buffer that it lost GPU contexts.
struct LossField {
    enum class Kind : uint8_t {
        kNone,       // it cannot
        kCounter32,  // a uint32_t that each loss raises by one
        kMask64,     // a uint64_t: bit n for GPU context (or queue) n, while it exists
    };
    Kind kind = Kind::kNone;
    uint32_t offset = 0;  // bytes; a multiple of the field's size
};

/// The properties in which drivers' wire formats differ.
struct DriverTraits {
    std::string_view name;
    std::span<const CommandEntry> commands = {};
    uint32_t alignment = 4;   // bytes, of request lengths and rsp_off
    uint32_t shmem_size = 8;  // bytes, of the driver's fields in the control buffer
    LossField loss = {};
    std::span<const uint32_t> ioctls = {};  // made apart from commands

    /// Where responses begin in the control buffer (bytes): behind the driver's fields,
    /// wire::GuestRing and wire::FinishedWork.
    constexpr uint32_t area_offset() const {
        return (shmem_size + 7) / 8 * 8 + sizeof(wire::GuestRing) + sizeof(wire::FinishedWork);
    }
    /// The row of a command number of the wire; null if there is none.
    constexpr const CommandEntry* find(uint32_t command) const {
        if (command >= commands.size() || !commands[command].run) return nullptr;
        return &commands[command];
    }
};

// For rows on one line.

template <uint32_t... requests>
inline constexpr std::array<uint32_t, sizeof...(requests)> kIoctlArray = {requests...};
/// The `ioctls` of a row: makes<DRM_IOCTL_X, DRM_IOCTL_Y>.
template <uint32_t... requests>
inline constexpr std::span<const uint32_t> makes = kIoctlArray<requests...>;

/// The `run` of a row: a method of the driver's context.
template <typename Context, Status (Context::*method)(Request&)>
Status run_method(DriverContext& context, Request& request) {
    return (static_cast<Context&>(context).*method)(request);
}

}  // namespace viaduct
