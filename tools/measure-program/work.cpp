#include "tools/measure-program/work.h"

#include <algorithm>
#include <array>
#include <cstring>

// Built from the shader; needs <cstdint> before it.
#include "hang.spv.h"
#include "tools/measure-program/sizes.h"

namespace viaduct::measure {
namespace {

using vulkan::Buffer;
using vulkan::BufferOptions;
using vulkan::Commands;
using vulkan::QueueKind;
using Clock = std::chrono::steady_clock;

}  // namespace

struct Work::Submission {
    Nanoseconds submit;
    Nanoseconds until_done;
};

Work::Work()
    : small_(device_, kSmall),
      staging_(device_, kLarge),
      target_(
          device_,
          BufferOptions{
              .size = kLarge, .where = vulkan::Where::kDevice, .share_as = {}, .import_fd = {}}),
      back_(device_, kLarge),
      fill_(device_, QueueKind::kGraphics, [this](VkCommandBuffer commands) {
          vkCmdFillBuffer(commands, small_.get(), 0, VK_WHOLE_SIZE, 1);
      }) {}

Work::Submission Work::run_small() const {
    const auto fence = device_.make_fence();
    const auto start = Clock::now();
    fill_.submit(fence.get());
    const auto submitted = Clock::now();
    device_.wait(fence.get());
    return {submitted - start, Clock::now() - start};
}

Nanoseconds Work::submit() const {
    return run_small().submit;
}

Nanoseconds Work::round_trip() const {
    return run_small().until_done;
}

Nanoseconds Work::memory() const {
    const auto start = Clock::now();
    {
        const Buffer buffer(device_, kLarge);
        buffer.bytes()[0] = std::byte{1};
    }
    return Clock::now() - start;
}

void Work::copy(const Buffer& from, const Buffer& to) const {
    Commands(device_, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        const VkBufferCopy region{0, 0, kLarge};
        vkCmdCopyBuffer(commands, from.get(), to.get(), 1, &region);
    }).run();
}

void Work::write_staging() const {
    std::memset(staging_.bytes().data(), 0x5a, kLarge);
}

Nanoseconds Work::write() const {
    const auto start = Clock::now();
    write_staging();
    return Clock::now() - start;
}

Nanoseconds Work::upload() const {
    const auto start = Clock::now();
    write_staging();
    copy(staging_, target_);
    return Clock::now() - start;
}

bool Work::check(uint32_t seed) const {
    std::vector<uint32_t> expected(kLarge / sizeof(uint32_t));
    std::generate(expected.begin(), expected.end(), [&] { return seed = seed * 1664525U + 1; });
    std::memcpy(staging_.bytes().data(), expected.data(), kLarge);
    std::memset(back_.bytes().data(), 0, kLarge);
    copy(staging_, target_);
    copy(target_, back_);
    return std::memcmp(back_.bytes().data(), expected.data(), kLarge) == 0;
}

void Work::hang() const {
    const Buffer words(device_, kSmall);
    std::memset(words.bytes().data(), 0, kSmall);
    const std::array<const Buffer*, 1> bindings{&words};
    const vulkan::ComputePipeline pipeline(device_, hang_spirv, bindings);
    Commands(device_, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        pipeline.bind(commands);
        vkCmdDispatch(commands, 1, 1, 1);
    }).run();
    // The hung job may end like any other; what comes after it does not.
    run_small();
    run_small();
    throw vulkan::Error(VK_SUCCESS, "the hang went unnoticed");
}

}  // namespace viaduct::measure
