// A guest's driver above the layer: calls as Mesa makes them, with buffers of exactly the size that
// it asked for.
#pragma once

#include <sys/ioctl.h>

#include <cstdint>
#include <span>

#include "guest-mesa/layer/open_node.h"

namespace viaduct::fuzz {

/// One open file of the layer.
struct App {
    guest::OpenNode& node;
    const guest::Channel& channel;

    /// Of an ioctl whose success is 0: guest_driver.h promises that, or a negative errno.
    template <typename Argument>
    int call(unsigned long request, Argument& argument) const {
        constexpr int kLastErrno = 4095;  // include/linux/err.h: MAX_ERRNO
        const int result = node.ioctl(channel, request, &argument);
        if (result > 0 || result < -kLastErrno) __builtin_trap();
        return result;
    }
};

/// The numbers of a call: each takes what it needs.
struct Numbers {
    uint32_t id;
    uint32_t what;
    uint64_t size;
    uint64_t address;
};

using AppCall = void (*)(const App& app, const Numbers& numbers);

/// As a pointer crosses the kernel's interface.
inline uint64_t pointer(const void* to) {
    return reinterpret_cast<uintptr_t>(to);
}

/// Answers whose size an app takes on trust from the layer are no longer than this.
inline constexpr uint64_t kMostAnswer = 1 << 20;  // bytes

std::span<const AppCall> amdgpu_calls();
std::span<const AppCall> i915_calls();
std::span<const AppCall> xe_calls();

}  // namespace viaduct::fuzz
