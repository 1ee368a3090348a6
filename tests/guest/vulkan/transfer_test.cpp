// vkCmdUpdateBuffer, vkCmdFillBuffer and vkCmdCopyBuffer on every kind of queue. The sizes lie on
// both sides of where radv changes its way: WRITE_DATA, CP DMA, SDMA, a compute shader.
#include <cstring>
#include <tuple>

#include "tests/guest/vulkan/support.h"

namespace viaduct::vulkan {
namespace {

constexpr VkDeviceSize kGuard = 256;  // bytes before and after the target that must stay
constexpr uint32_t kFillWord = 0xdeadbeef;

std::string size_name(VkDeviceSize size) {
    return std::to_string(size) + "B";
}

const char* queue_name(QueueKind kind) {
    constexpr const char* kNames[kQueueKinds] = {"Graphics", "Compute", "Transfer"};
    return kNames[static_cast<size_t>(kind)];
}

class Transfer : public testing::TestWithParam<std::tuple<QueueKind, VkDeviceSize>> {
  protected:
    void SetUp() override {
        if (kind() == QueueKind::kTransfer && predates_transfer_queues(device_))
            GTEST_SKIP() << device_.identity().version << " has no transfer queue";
        VIADUCT_NEEDS(device_.has_queue(kind()), "no " << queue_name(kind()) << " queue");
    }
    QueueKind kind() const { return std::get<0>(GetParam()); }
    VkDeviceSize size() const { return std::get<1>(GetParam()); }
    // The target's range among its guards, in a copy of the buffer as it should be.
    std::span<std::byte> inside(std::vector<std::byte>& expected) const {
        return std::span(expected).subspan(kGuard, size());
    }
    void run(const Commands::Recorder& record) { Commands(device_, kind(), record).run(); }

    Device& device_ = shared_device();
};

TEST_P(Transfer, Fill) {
    const Buffer target(device_, size() + 2 * kGuard);
    std::vector<std::byte> expected = pattern(target.size(), 1);
    fill_pattern(target.bytes(), 1);
    for (size_t i = 0; i < size(); i += sizeof(kFillWord))
        std::memcpy(inside(expected).subspan(i).data(), &kFillWord, sizeof(kFillWord));

    run([&](VkCommandBuffer commands) {
        vkCmdFillBuffer(commands, target.get(), kGuard, size(), kFillWord);
    });
    EXPECT_TRUE(same_bytes(expected, target.bytes()));
}

TEST_P(Transfer, Update) {
    if (size() > 65536) GTEST_SKIP() << "vkCmdUpdateBuffer takes 65536 bytes at most";
    const Buffer target(device_, size() + 2 * kGuard);
    std::vector<std::byte> expected = pattern(target.size(), 2);
    fill_pattern(target.bytes(), 2);
    fill_pattern(inside(expected), 3);

    run([&](VkCommandBuffer commands) {
        vkCmdUpdateBuffer(commands, target.get(), kGuard, size(), inside(expected).data());
    });
    EXPECT_TRUE(same_bytes(expected, target.bytes()));
}

TEST_P(Transfer, Copy) {
    const Buffer source(device_, size());
    const Buffer target(device_, size() + 2 * kGuard);
    std::vector<std::byte> expected = pattern(target.size(), 4);
    fill_pattern(target.bytes(), 4);
    fill_pattern(source.bytes(), 5);
    fill_pattern(inside(expected), 5);

    run([&](VkCommandBuffer commands) {
        const VkBufferCopy region{0, kGuard, size()};
        vkCmdCopyBuffer(commands, source.get(), target.get(), 1, &region);
    });
    EXPECT_TRUE(same_bytes(expected, target.bytes()));
}

// Odd offsets and lengths: the drivers' paths for what their engines cannot do at once.
TEST_P(Transfer, CopyUnaligned) {
    const Buffer source(device_, size() + 8);
    const Buffer target(device_, size() + 2 * kGuard);
    std::vector<std::byte> expected = pattern(target.size(), 6);
    fill_pattern(target.bytes(), 6);
    fill_pattern(source.bytes(), 7);
    const VkDeviceSize length = size() - 1;
    std::memcpy(expected.data() + kGuard + 1, source.bytes().data() + 3, length);

    run([&](VkCommandBuffer commands) {
        const VkBufferCopy region{3, kGuard + 1, length};
        vkCmdCopyBuffer(commands, source.get(), target.get(), 1, &region);
    });
    EXPECT_TRUE(same_bytes(expected, target.bytes()));
}

// Up to the GPU's own memory, across it, and back.
TEST_P(Transfer, ThroughDeviceMemory) {
    const Buffer source(device_, size());
    const Buffer first(device_, BufferOptions{size(), Where::kDevice, {}, {}});
    const Buffer second(device_, BufferOptions{size(), Where::kDevice, {}, {}});
    const Buffer target(device_, size());
    fill_pattern(source.bytes(), 8);
    fill_pattern(target.bytes(), 9);

    run([&](VkCommandBuffer commands) {
        const VkBufferCopy region{0, 0, size()};
        vkCmdCopyBuffer(commands, source.get(), first.get(), 1, &region);
        full_barrier(commands);
        vkCmdCopyBuffer(commands, first.get(), second.get(), 1, &region);
        full_barrier(commands);
        vkCmdCopyBuffer(commands, second.get(), target.get(), 1, &region);
    });
    EXPECT_TRUE(same_bytes(pattern(size(), 8), target.bytes()));
}

INSTANTIATE_TEST_SUITE_P(, Transfer,
                         testing::Combine(testing::Values(QueueKind::kGraphics, QueueKind::kCompute,
                                                          QueueKind::kTransfer),
                                          testing::Values(4, 256, 1020, 1024, 2048, 4092, 4096,
                                                          65536, 1 << 20)),
                         [](const auto& info) {
                             return std::string(queue_name(std::get<0>(info.param))) +
                                    size_name(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace viaduct::vulkan
