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

    template <typename Argument>
    int call(unsigned long request, Argument& argument) const {
        return node.ioctl(channel, request, &argument);
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
