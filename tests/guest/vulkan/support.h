// Shared by the guest's Vulkan tests: test data, and the byte-for-byte comparison.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "tools/vulkan/buffer.h"
#include "tools/vulkan/commands.h"
#include "tools/vulkan/device.h"

namespace viaduct::vulkan {

/// The device of this process: opened at first use, shared by all tests that do not break it.
Device& shared_device();

/// False where VIADUCT_GUEST_DEVICE says what there must be: a device of AMD's, which has all that
/// these tests ask for. Then what is missing got lost on the way.
bool may_lack_features();

/// True for a driver that has no transfer queue to offer: radv before Mesa 24.
bool predates_transfer_queues(const Device& device);

/// Goes on with a test only if the device has what it needs; see may_lack_features().
#define VIADUCT_NEEDS(condition, what)            \
    do {                                          \
        if (condition) break;                     \
        if (!may_lack_features()) FAIL() << what; \
        GTEST_SKIP() << what;                     \
    } while (false)

bool is_intel(const Device& device);

/// The queue that fills and copies without drawing. anv's graphics queue draws for that, which the
/// simulated Intel GPUs cannot; there it is the copy engine's, if the device has one.
QueueKind copying_queue(const Device& device);

/// Copies with copying_queue(), and waits.
void copy(const Device& device, const Buffer& from, const Buffer& to, VkDeviceSize size);

/// Words that differ from one place and from one seed to the next.
void fill_pattern(std::span<std::byte> bytes, uint32_t seed);
std::vector<std::byte> pattern(size_t bytes, uint32_t seed);

/// Succeeds if all bytes are equal; else says where the first difference is and how many there are.
testing::AssertionResult same_bytes(std::span<const std::byte> expected,
                                    std::span<const std::byte> actual);

template <typename T>
testing::AssertionResult same_values(const std::vector<T>& expected,
                                     std::type_identity_t<std::span<const T>> actual) {
    return same_bytes(std::as_bytes(std::span<const T>(expected)), std::as_bytes(actual));
}

}  // namespace viaduct::vulkan
