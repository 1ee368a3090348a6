#include "tools/measure-program/rates.h"

#include <cstring>
#include <memory>
#include <vector>

#include "tools/measure-program/sizes.h"

namespace viaduct::measure {
namespace {

using vulkan::Buffer;
using vulkan::BufferOptions;
using vulkan::Commands;
using vulkan::QueueKind;
using Clock = std::chrono::steady_clock;

template <typename Piece>
Nanoseconds time_of(uint32_t count, Piece piece) {
    const auto start = Clock::now();
    for (uint32_t i = 0; i < count; ++i) piece();
    return Clock::now() - start;
}

void fill(VkCommandBuffer commands, const Buffer& buffer) {
    vkCmdFillBuffer(commands, buffer.get(), 0, VK_WHOLE_SIZE, 1);
}

}  // namespace

Rates::Rates(const vulkan::Device& device)
    : device_(device),
      small_(device, kSmall),
      staging_(device, kLarge),
      target_(
          device,
          BufferOptions{
              .size = kLarge, .where = vulkan::Where::kDevice, .share_as = {}, .import_fd = {}}),
      fill_(device, QueueKind::kGraphics,
            [this](VkCommandBuffer commands) { fill(commands, small_); }),
      copy_(device, QueueKind::kGraphics,
            [this](VkCommandBuffer commands) {
                const VkBufferCopy region{0, 0, kLarge};
                vkCmdCopyBuffer(commands, staging_.get(), target_.get(), 1, &region);
            }),
      fence_(device.make_fence()) {}

void Rates::wait_for(const Commands& commands) const {
    const VkFence fence = fence_.get();
    vulkan::check(vkResetFences(device_.get(), 1, &fence), "vkResetFences");
    commands.submit(fence);
    device_.wait(fence);
}

Nanoseconds Rates::submissions(uint32_t count) const {
    const auto start = Clock::now();
    for (uint32_t i = 1; i < count; ++i) fill_.submit(VK_NULL_HANDLE);
    wait_for(fill_);
    return Clock::now() - start;
}

Nanoseconds Rates::round_trips(uint32_t count) const {
    return time_of(count, [&] { wait_for(fill_); });
}

Nanoseconds Rates::allocations(uint32_t count) const {
    return time_of(count, [&] {
        const Buffer buffer(device_, kLarge);
        buffer.bytes()[0] = std::byte{1};
    });
}

Nanoseconds Rates::uploads(uint32_t count) const {
    return time_of(count, [&] {
        std::memset(staging_.bytes().data(), 0x5a, kLarge);
        wait_for(copy_);
    });
}

Nanoseconds Rates::small_buffers(uint32_t count) const {
    return time_of(count, [&] {
        std::vector<std::unique_ptr<Buffer>> buffers;
        for (uint32_t i = 0; i < kSmallBuffers; ++i)
            buffers.push_back(std::make_unique<Buffer>(device_, kSmall));
        wait_for(Commands(device_, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
            for (const auto& buffer : buffers) fill(commands, *buffer);
        }));
    });
}

Rate find_rate(std::string_view name) {
    struct Named {
        std::string_view name;
        Rate rate;
    };
    static constexpr Named kRates[] = {
        {"submit", &Rates::submissions},          {"round-trip", &Rates::round_trips},
        {"memory", &Rates::allocations},          {"upload", &Rates::uploads},
        {"small-buffers", &Rates::small_buffers},
    };
    for (const Named& named : kRates)
        if (named.name == name) return named.rate;
    return nullptr;
}

}  // namespace viaduct::measure
